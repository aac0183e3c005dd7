import { clamped, halfToEven } from "./requantize.js";

/** y = a + b. */
export function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((v, i) => v + b[i]!);
}

/** The sum of two quantized arrays; scales are those of a and b over that of y, f32 at each step. */
export function addI8(a: ArrayLike<number>, b: ArrayLike<number>, aScale: number, bScale: number): Int8Array {
  return Int8Array.from({ length: a.length }, (_, i) => {
    const left = Math.fround(a[i]! * Math.fround(aScale));
    const right = Math.fround(b[i]! * Math.fround(bScale));
    return halfToEven(clamped(Math.fround(left + right), -128, 127));
  });
}
