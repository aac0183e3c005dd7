/** a [m, ca] and b [m, cb] side by side: [m, ca + cb]. */
export function concat(a: ArrayLike<number>, b: ArrayLike<number>, ca: number, cb: number): number[] {
  const y: number[] = [];
  for (let row = 0; row < a.length / ca; row++) {
    for (let i = 0; i < ca; i++) y.push(a[row * ca + i]!);
    for (let i = 0; i < cb; i++) y.push(b[row * cb + i]!);
  }
  return y;
}

/** dy [m, ca + cb] to da [m, ca] and db [m, cb]. */
export function concatBackward(dy: ArrayLike<number>, ca: number, cb: number): { da: number[]; db: number[] } {
  const values = Array.from(dy);
  return {
    da: values.filter((_, i) => i % (ca + cb) < ca),
    db: values.filter((_, i) => i % (ca + cb) >= ca),
  };
}
