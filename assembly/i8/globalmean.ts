// Global average pooling in int8, as ../f32/globalmean.ts.
//   y = clamp(round_half_even(s scale), -128, 127), s = sum over the picture, exact; scale = scale of x / (h w scale of y)
//   x int8 [n, h, w, c]  y int8 [n, 1, 1, c]   c % 8 == 0; cells = h w < 2^16; the sum is an exact f32 below 2^24
//   from, to: pictures to be done, [from, to); y and x are the whole batch's
import { magicOf, quantize8 } from "./product";

export function globalmeanI8(y: usize, x: usize, from: i32, to: i32, cells: i32, c: i32, scale: f32): void {
  const s = f32x4.splat(scale), floor = f32x4.splat(-128), magic = magicOf(scale);
  for (let b = from; b < to; b++)
    for (let i = 0; i < c; i += 8) {
      let low = i32x4.splat(0), high = i32x4.splat(0), p = x + b * cells * c + i;
      for (let cell = 0; cell < cells; cell++, p += c) {
        const v = v128.load8x8_s(p);
        low = i32x4.add(low, i32x4.extend_low_i16x8_s(v));
        high = i32x4.add(high, i32x4.extend_high_i16x8_s(v));
      }
      const means = quantize8(f32x4.mul(f32x4.convert_i32x4_s(low), s), f32x4.mul(f32x4.convert_i32x4_s(high), s), floor, magic);
      v128.store64_lane(y + b * c + i, means, 0);
    }
}
