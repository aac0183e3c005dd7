/** Signed bytes as floats. */
export function dequantize(x: ArrayLike<number>, scale: number): Float32Array {
  return Float32Array.from(x, (v) => Math.fround(v * Math.fround(scale)));
}
