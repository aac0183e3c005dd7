// 1x1 convolution in int8; the arithmetic is product.ts's.
//   x int8 [m, ci], y int8 [m, co] (conv1x1I8F32: f32), ci % 8 == 0, co % 8 == 0; w bias scale as in product.ts
//   wide i16 [rows, ci]: scratch; a block of `rows` rows (rows % 4 == 0) is widened once for all panels
import { product } from "./product";

// @ts-ignore: decorator
@inline
function blocks(y: usize, x: usize, w: usize, bias: usize, scale: usize, wide: usize, rows: i32, m: i32, ci: i32, co: i32, slope: f32, float: bool): void {
  for (let top = 0; top < m; top += rows) {
    const count = min(rows, m - top), from = x + top * ci;
    for (let i = 0, n = count * ci; i < n; i += 8) v128.store(wide + (i << 1), v128.load8x8_s(from + i));
    product(y + top * co * (float ? 4 : 1), wide, ci << 1, 1, 0, w, bias, scale, count, ci, co, slope, float);
  }
}

export function conv1x1I8(y: usize, x: usize, w: usize, bias: usize, scale: usize, wide: usize, rows: i32, m: i32, ci: i32, co: i32, slope: f32): void {
  blocks(y, x, w, bias, scale, wide, rows, m, ci, co, slope, false);
}

export function conv1x1I8F32(y: usize, x: usize, w: usize, bias: usize, scale: usize, wide: usize, rows: i32, m: i32, ci: i32, co: i32, slope: f32): void {
  blocks(y, x, w, bias, scale, wide, rows, m, ci, co, slope, true);
}
