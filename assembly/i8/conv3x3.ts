// 3x3 convolution in int8, padding 1: an output row's patches are widened to i16 rows and handed to product.ts.
//   x int8 [n, h, w, c]  y int8 [n, ceil(h / s), ceil(w / s), co]   c == 3 or c % 8 == 0, co % 8 == 0
//   k = 9 c rounded up to a multiple of 4 (zeros);  patches i16 [ow, k]: scratch;  w bias scale as in product.ts
import { product } from "./product";

/** Widens n int8 to i16; may read up to 7 bytes past x and write 14 bytes past `to`, which the next tap overwrites. */
// @ts-ignore: decorator
@inline
function widen(to: usize, x: usize, n: i32): void {
  for (let i = 0; i < n; i += 8) v128.store(to + (i << 1), v128.load8x8_s(x + i));
}

/** patches has 16 bytes to spare at its end, x 8. */
export function conv3x3I8(y: usize, x: usize, w: usize, bias: usize, scale: usize, patches: usize, n: i32, height: i32, width: i32, c: i32, co: i32, stride: i32, slope: f32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, k = (9 * c + 3) & ~3, row = width * c;
  for (let b = 0; b < n; b++, x += height * row)
    for (let oy = 0; oy < oh; oy++, y += ow * co) {
      for (let ox = 0; ox < ow; ox++) {
        const left = ox * stride - 1;
        let to = patches + ((ox * k) << 1);
        for (let ky = 0; ky < 3; ky++, to += 6 * c) {
          const iy = oy * stride + ky - 1, from = x + iy * row + left * c;
          if (<u32>iy >= <u32>height) memory.fill(to, 0, 6 * c);
          else if (left >= 0 && left + 3 <= width) widen(to, from, 3 * c);
          else for (let kx = 0; kx < 3; kx++) {
            if (<u32>(left + kx) >= <u32>width) memory.fill(to + 2 * kx * c, 0, 2 * c);
            else for (let i = 0; i < c; i++) store<i16>(to + ((kx * c + i) << 1), load<i8>(from + kx * c + i));
          }
        }
        if (k != 9 * c) memory.fill(to, 0, (k - 9 * c) << 1);
      }
      product(y, patches, w, bias, scale, ow, k, co, slope, false);
    }
}
