// Depthwise convolution in int8, kernel k = 3 or 5, stride 1 or 2, padding k / 2; requantization as in product.ts.
//   x int8 [n, h, w, c]  y int8 [n, ceil(h / s), ceil(w / s), c]   c % 8 == 0
//   w    i16 [taps / 2 rounded up][c][2]: taps (ky, kx) row by row, two side by side, the last one beside zeros
//   bias i32 [c]  scale f32 [c]   taps i32 [k * k + 1]: scratch, the byte offset of each tap from its window's corner
//   Two taps of eight channels are interleaved, so that one dot product of 16-bit pairs adds both.
import { activate } from "../simd";
import { quantize8 } from "./product";

export function dwconvI8(y: usize, x: usize, w: usize, bias: usize, scale: usize, taps: usize, n: i32, height: i32, width: i32, c: i32, kernel: i32, stride: i32, slope: f32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, pad = kernel >> 1, row = width * c, count = kernel * kernel;
  const act = f32x4.splat(slope);
  for (let t = 0; t < count; t++) store<i32>(taps + (t << 2), (t / kernel) * row + (t % kernel) * c);
  store<i32>(taps + (count << 2), (kernel - 1) * row + (kernel - 1) * c); // its weight is zero
  for (let b = 0; b < n; b++, x += height * row)
    for (let oy = 0; oy < oh; oy++) {
      const top = oy * stride - pad;
      for (let ox = 0; ox < ow; ox++, y += c) {
        const left = ox * stride - pad, corner = x + top * row + left * c;
        const inside = top >= 0 && left >= 0 && top + kernel <= height && left + kernel <= width;
        for (let i = 0; i < c; i += 8) {
          let a0 = v128.load(bias + (i << 2)), a1 = v128.load(bias + (i << 2), 16);
          let wp = w + (i << 2);
          for (let t = 0; t < count; t += 2, wp += c << 2) {
            let p: v128, q: v128;
            if (inside) {
              p = v128.load8x8_s(corner + load<i32>(taps + (t << 2)) + i);
              q = v128.load8x8_s(corner + load<i32>(taps + (t << 2), 4) + i);
            } else {
              p = tap(corner, taps, t, i, top, left, height, width, kernel);
              q = tap(corner, taps, t + 1, i, top, left, height, width, kernel);
            }
            a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.shuffle<i16>(p, q, 0, 8, 1, 9, 2, 10, 3, 11), v128.load(wp)));
            a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.shuffle<i16>(p, q, 4, 12, 5, 13, 6, 14, 7, 15), v128.load(wp, 16)));
          }
          const s = scale + (i << 2);
          v128.store64_lane(y + i, quantize8(
            activate(f32x4.mul(f32x4.convert_i32x4_s(a0), v128.load(s)), act),
            activate(f32x4.mul(f32x4.convert_i32x4_s(a1), v128.load(s, 16)), act)), 0);
        }
      }
    }
}

/** Eight channels of tap t, zeros outside the picture. */
function tap(corner: usize, taps: usize, t: i32, i: i32, top: i32, left: i32, height: i32, width: i32, kernel: i32): v128 {
  const iy = top + t / kernel, ix = left + t % kernel;
  if (<u32>iy >= <u32>height || <u32>ix >= <u32>width || t == kernel * kernel) return i32x4.splat(0);
  return v128.load8x8_s(corner + load<i32>(taps + (t << 2)) + i);
}
