// Signed bytes as floats, through a matrix of colours.
//   colour     y[p] = clamp(M x[p] + b, -128, 127) scale         pixels of three channels; M f32 [3][4]: a column an input channel, b f32 [4]
//              saturation, contrast and brightness of a picture are one such matrix; 4 bytes to spare at the end of y
export function colour(y: usize, x: usize, matrix: usize, pixels: i32, scale: f32): void {
  const s = f32x4.splat(scale), low = f32x4.splat(-128), high = f32x4.splat(127);
  const red = v128.load(matrix), green = v128.load(matrix, 16), blue = v128.load(matrix, 32), offset = v128.load(matrix, 48);
  for (let i = 0; i < pixels; i++, x += 3, y += 12) {
    let v = f32x4.add(offset, f32x4.mul(red, f32x4.splat(<f32>load<i8>(x))));
    v = f32x4.add(v, f32x4.mul(green, f32x4.splat(<f32>load<i8>(x, 1))));
    v = f32x4.add(v, f32x4.mul(blue, f32x4.splat(<f32>load<i8>(x, 2))));
    v128.store(y, f32x4.mul(f32x4.pmax(f32x4.pmin(v, high), low), s));
  }
}
