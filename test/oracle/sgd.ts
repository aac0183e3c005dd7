/** One step of gradient descent with momentum and weight decay: w and v are moved. */
export function sgd(
  w: Float64Array,
  dw: Float64Array,
  v: Float64Array,
  { clip, rate, decay, momentum }: { clip: number; rate: number; decay: number; momentum: number },
): void {
  for (let i = 0; i < w.length; i++) {
    v[i] = momentum * v[i]! + clip * dw[i]! + decay * w[i]!;
    w[i] = w[i]! - rate * v[i]!;
  }
}

/** Exponential moving average: (1 - share) of what was, share of what is. */
export function average(kept: Float64Array, w: Float64Array, share: number): Float64Array {
  return kept.map((v, i) => (1 - share) * v + share * w[i]!);
}

/** Sum of squares. */
export function sumSquares(x: Float64Array): number {
  return x.reduce((total, v) => total + v * v, 0);
}
