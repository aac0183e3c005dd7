// 3x3 convolution in int8, padding 1: three input rows, widened to i16 and framed with zeros, make every output's patch three runs.
//   x int8 [n, h, w, c]  y int8 [n, ceil(h / s), ceil(w / s), co]   c == 3 or c % 8 == 0, co % 8 == 0
//   w i16 as in product.ts, each kernel row's 3 c taps followed by a zero where 3 c is odd;  bias scale as in product.ts
//   from, to: output rows to be done, counted over the batch, [from, to); y and x are the whole batch's
//   rows i16 [3, (w + 2) c + 8]: scratch
import { product } from "./product";

/** Widens n int8 to i16; may read up to 7 bytes past x and write 14 bytes past `to`. */
function widen(to: usize, x: usize, n: i32): void {
  for (let i = 0; i < n; i += 8) v128.store(to + (i << 1), v128.load8x8_s(x + i));
}

export function conv3x3I8(y: usize, x: usize, w: usize, bias: usize, scale: usize, rows: usize, from: i32, to: i32, height: i32, width: i32, c: i32, co: i32, stride: i32, slope: f32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, row = width * c;
  const gap: usize = (row + 2 * c + 8) << 1, k = (3 * c + 1) & ~1;
  for (let r = from; r < to; r++) {
    const picture = x + r / oh * height * row;
    for (let ky = 0; ky < 3; ky++) {
      const iy = r % oh * stride + ky - 1, line = rows + <usize>ky * gap;
      if (<u32>iy >= <u32>height) memory.fill(line, 0, gap);
      else {
        memory.fill(line, 0, c << 1);
        widen(line + (c << 1), picture + iy * row, row);
        memory.fill(line + ((row + c) << 1), 0, (c + 8) << 1);
      }
    }
    product(y + r * ow * co, rows, (stride * c) << 1, 3, gap, w, bias, scale, ow, k, co, slope, false);
  }
}
