// From signed bytes to floats.
//   dequantize    y = x scale          x i8 [n], y f32 [n]; up to 7 values more are read and written
export function dequantize(y: usize, x: usize, n: i32, scale: f32): void {
  const s = f32x4.splat(scale);
  for (let i = 0; i < n; i += 8) {
    const p = v128.load8x8_s(x + i), to = y + (i << 2);
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(p)), s));
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(p)), s), 16);
  }
}
