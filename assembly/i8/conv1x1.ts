// 1x1 convolution in int8; the arithmetic is product.ts's.
//   x int8 [m, ci], y int8 [m, co] (conv1x1I8F32: f32), ci % 8 == 0, co % 8 == 0; w bias scale flip as in product.ts
//   wide [rows, ci], i16 for pairs, int8 for quads: scratch; a block of `rows` rows (rows % 4 == 0) is widened or flipped once for all panels
import { product } from "./product";

@inline
function blocks(y: usize, x: usize, w: usize, bias: usize, scale: usize, wide: usize, rows: i32, m: i32, ci: i32, co: i32, slope: f32, flip: i32, float: bool): void {
  for (let top = 0; top < m; top += rows) {
    const count = min(rows, m - top), n = count * ci, from = x + top * ci, to = y + top * co * (float ? 4 : 1);
    if (ASC_FEATURE_RELAXED_SIMD && flip >= 0) {
      if (flip) for (let i = 0; i < n; i += 16) v128.store(wide + i, v128.xor(v128.load(from + i), i8x16.splat(<i8>flip)));
      product(to, flip ? wide : from, ci, 1, 0, ci, w, bias, scale, count, co, slope, float, true, flip);
    } else {
      for (let i = 0; i < n; i += 8) v128.store(wide + (i << 1), v128.load8x8_s(from + i));
      product(to, wide, ci << 1, 1, 0, ci << 1, w, bias, scale, count, co, slope, float, false, flip);
    }
  }
}

export function conv1x1I8(y: usize, x: usize, w: usize, bias: usize, scale: usize, wide: usize, rows: i32, m: i32, ci: i32, co: i32, slope: f32, flip: i32): void {
  blocks(y, x, w, bias, scale, wide, rows, m, ci, co, slope, flip, false);
}

export function conv1x1I8F32(y: usize, x: usize, w: usize, bias: usize, scale: usize, wide: usize, rows: i32, m: i32, ci: i32, co: i32, slope: f32, flip: i32): void {
  blocks(y, x, w, bias, scale, wide, rows, m, ci, co, slope, flip, true);
}
