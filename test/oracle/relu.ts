/** y = x where x > 0, else slope x. */
export function relu(x: Float64Array, slope: number): Float64Array {
  return x.map((v) => (v > 0 ? v : slope * v));
}

/** dx = dy dy/dx at x. */
export function reluBackward(dy: Float64Array, x: Float64Array, slope: number): Float64Array {
  return dy.map((d, i) => (x[i]! > 0 ? d : slope * d));
}
