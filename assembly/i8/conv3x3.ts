// 3x3 convolution in int8, padding 1: three input rows, widened or flipped and framed with zeros, make every output's patch three runs.
//   x int8 [n, h, w, c]  y int8 [n, ceil(h / s), ceil(w / s), co]   c == 3 or c % 8 == 0, co % 8 == 0
//   w as in product.ts, each kernel row's 3 c taps followed by zeros up to whole pairs or quads;  bias scale flip as in product.ts
//   from, to: output rows to be done, counted over the batch, [from, to); y and x are the whole batch's
//   rows [3, (w + 2) c + 8], i16 for pairs, int8 for quads: scratch
import { product } from "./product";

/** Widens n int8 to i16; may read up to 7 bytes past x and write 14 bytes past `to`. */
function widen(to: usize, x: usize, n: i32): void {
  for (let i = 0; i < n; i += 8) v128.store(to + (i << 1), v128.load8x8_s(x + i));
}

/** Copies n int8, flipped; may read and write up to 15 bytes past the ends. */
function copyFlipped(to: usize, x: usize, n: i32, flip: v128): void {
  for (let i = 0; i < n; i += 16) v128.store(to + i, v128.xor(v128.load(x + i), flip));
}

export function conv3x3I8(y: usize, x: usize, w: usize, bias: usize, scale: usize, rows: usize, from: i32, to: i32, height: i32, width: i32, c: i32, co: i32, stride: i32, slope: f32, flip: i32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, row = width * c;
  const quads = ASC_FEATURE_RELAXED_SIMD && flip >= 0, size = quads ? 0 : 1, zero = <u8>(quads ? flip : 0);
  const gap: usize = (row + 2 * c + 8) << size, frame = c << size;
  for (let r = from; r < to; r++) {
    const picture = x + r / oh * height * row;
    for (let ky = 0; ky < 3; ky++) {
      const iy = r % oh * stride + ky - 1, line = rows + <usize>ky * gap;
      if (<u32>iy >= <u32>height) memory.fill(line, zero, gap);
      else {
        if (quads) copyFlipped(line + frame, picture + iy * row, row, i8x16.splat(<i8>flip));
        else widen(line + frame, picture + iy * row, row);
        memory.fill(line, zero, frame);
        memory.fill(line + frame + (row << size), zero, (c + 8) << size);
      }
    }
    if (quads) product(y + r * ow * co, rows, stride * c, 3, gap, (3 * c + 3) & ~3, w, bias, scale, ow, co, slope, false, true, flip);
    else product(y + r * ow * co, rows, (stride * c) << 1, 3, gap, ((3 * c + 1) & ~1) << 1, w, bias, scale, ow, co, slope, false, false, flip);
  }
}
