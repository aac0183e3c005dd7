import { clamped } from "./requantize.js";

/** Each pixel through a matrix [3 inputs + offset][4, of which 3 outputs], held to the range of a byte, then scaled. */
export function colour(x: ArrayLike<number>, matrix: ArrayLike<number>, scale: number): Float64Array {
  return Float64Array.from(x, (_, at) => {
    const pixel = at - (at % 3);
    const out = at % 3;
    let v = matrix[12 + out]!;
    for (let from = 0; from < 3; from++) v += matrix[4 * from + out]! * x[pixel + from]!;
    return clamped(v, -128, 127) * scale;
  });
}
