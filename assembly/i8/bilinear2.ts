// Bilinear upsampling by 2 in int8, as ../f32/bilinear2.ts.
//   y = clamp(round_half_even(s scale), -128, 127), s = sum of the four pixels times 9, 3, 3, 1, exact; scale = scale of x / (16 scale of y)
//   x int8 [n, h, w, c]  y int8 [n, 2 h, 2 w, c]   c % 8 == 0
//   from, to: output rows to be done, counted over the batch, [from, to); y and x are the whole batch's
import { magicOf, quantize8 } from "./product";

export function bilinear2I8(y: usize, x: usize, from: i32, to: i32, height: i32, width: i32, c: i32, scale: f32): void {
  const row = width * c, s = f32x4.splat(scale), floor = f32x4.splat(-128), magic = magicOf(scale);
  y += from * 2 * row;
  for (let r = from; r < to; r++, y += 2 * row) {
    const i = r % (2 * height) >> 1, other = r & 1 ? min(i + 1, height - 1) : max(i - 1, 0);
    const near = x + (r / (2 * height) * height + i) * row, far = near + (other - i) * row;
    for (let k = 0; k < c; k += 8) {
      let p = near + k, q = far + k, out = y + k, left = blend(p, q), middle = left;
      for (let j = 0; j < width; j++, out += 2 * c) {
        if (j + 1 < width) {
          p += c; q += c;
        }
        const right = blend(p, q), most = times3(middle);
        put(out, i16x8.add(most, left), s, floor, magic);
        put(out + c, i16x8.add(most, right), s, floor, magic);
        left = middle;
        middle = right;
      }
    }
  }
}

function times3(v: v128): v128 {
  return i16x8.add(v, i16x8.add(v, v));
}

function blend(near: usize, far: usize): v128 {
  return i16x8.add(times3(v128.load8x8_s(near)), v128.load8x8_s(far));
}

function put(y: usize, sum: v128, scale: v128, floor: v128, magic: v128): void {
  const low = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(sum)), scale);
  const high = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(sum)), scale);
  v128.store64_lane(y, quantize8(low, high, floor, magic), 0);
}
