/** y = e^x / (e^x + 1) */
export function sigmoid(x: ArrayLike<number>): Float64Array {
  return Float64Array.from(x, (v) => Math.exp(v) / (Math.exp(v) + 1));
}

/** dx = dy e^x / (e^x + 1)^2 */
export function sigmoidBackward(dy: ArrayLike<number>, x: ArrayLike<number>): Float64Array {
  return Float64Array.from(x, (v, i) => (dy[i]! * Math.exp(v)) / (Math.exp(v) + 1) ** 2);
}
