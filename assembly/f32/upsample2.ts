// Nearest upsampling by 2.
//   forward    y[2 i + a, 2 j + b] = x[i, j], a, b in 0, 1     (bytes a pixel: serves f32 and int8)
//   backward   dx[i, j] = sum over a, b of dy[2 i + a, 2 j + b]
//   x [n, h, w] of `bytes` each, bytes % 4 == 0; y [n, 2 h, 2 w]; dx dy f32 [.., c], c % 4 == 0
import { copyShort } from "../simd";

export function upsample2(y: usize, x: usize, n: i32, height: i32, width: i32, bytes: i32): void {
  const row = 2 * width * bytes;
  for (let r = 0; r < n * height; r++, y += 2 * row) {
    let to = y;
    for (let j = 0; j < width; j++, x += bytes, to += 2 * bytes) {
      copyShort(to, x, bytes);
      copyShort(to + bytes, x, bytes);
    }
    memory.copy(y + row, y, row);
  }
}

export function upsample2Backward(dx: usize, dy: usize, n: i32, height: i32, width: i32, c: i32): void {
  const bytes = c << 2, row = 2 * width * bytes;
  for (let r = 0; r < n * height; r++, dy += row)
    for (let j = 0; j < width; j++, dy += 2 * bytes, dx += bytes)
      for (let i = 0; i < bytes; i += 16) {
        const p = dy + i, q = p + row;
        v128.store(dx + i, f32x4.add(f32x4.add(v128.load(p), v128.load(p + bytes)), f32x4.add(v128.load(q), v128.load(q + bytes))));
      }
}
