/** x [m, c] to its even and its odd channels, [m, c / 2] each. */
export function split(x: ArrayLike<number>): { even: number[]; odd: number[] } {
  const values = Array.from(x);
  // c is even, so a channel's parity is that of the index
  return { even: values.filter((_, i) => i % 2 === 0), odd: values.filter((_, i) => i % 2 === 1) };
}

/** dx [m, c] of gradients of both halves. */
export function splitBackward(deven: ArrayLike<number>, dodd: ArrayLike<number>): number[] {
  return Array.from({ length: 2 * deven.length }, (_, i) => (i % 2 === 0 ? deven : dodd)[Math.floor(i / 2)]!);
}
