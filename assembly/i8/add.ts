// Elementwise sum in int8.
//   y = clamp(round_half_even(a aScale + b bScale), -128, 127), aScale = scale of a / scale of y; requantization as in product.ts
//   a b y int8 [n], n % 8 == 0; y may be a or b
import { magicOf, quantize8 } from "./product";

export function addI8(y: usize, a: usize, b: usize, n: i32, aScale: f32, bScale: f32): void {
  const s = f32x4.splat(aScale), t = f32x4.splat(bScale), floor = f32x4.splat(-128), magic = magicOf(aScale);
  for (let i = 0; i < n; i += 8) {
    const p = v128.load8x8_s(a + i), q = v128.load8x8_s(b + i);
    const low = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(p)), s), f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(q)), t));
    const high = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(p)), s), f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(q)), t));
    v128.store64_lane(y + i, quantize8(low, high, floor, magic), 0);
  }
}
