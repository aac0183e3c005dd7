// 3x3 max pooling, stride 2, padding 1 (the padding never wins).
//   forward    y[oy,ox]  = max over the window of x
//   backward   dx gets dy at the window's first largest element (rows first), 0 elsewhere
//   x dx f32 [n, h, w, c]  y dy f32 [n, ceil(h / 2), ceil(w / 2), c]   c % 4 == 0
//   from, to: the forward pass's output rows, counted over the batch, [from, to); y and x are the whole batch's
import { clear } from "../simd";

export function maxpool(y: usize, x: usize, from: i32, to: i32, height: i32, width: i32, c: i32): void {
  const oh = (height + 1) >> 1, ow = (width + 1) >> 1, bytes = c << 2, row = width * bytes;
  y += from * ow * bytes;
  for (let r = from; r < to; r++) {
    const oy = r % oh, picture = x + r / oh * height * row;
    const y0 = max(0, 2 * oy - 1), y1 = min(height - 1, 2 * oy + 1);
    for (let ox = 0; ox < ow; ox++, y += bytes) {
      const x0 = max(0, 2 * ox - 1), x1 = min(width - 1, 2 * ox + 1);
      for (let i = 0; i < bytes; i += 16) {
        let best = v128.load(picture + y0 * row + x0 * bytes + i);
        for (let iy = y0; iy <= y1; iy++)
          for (let ix = x0; ix <= x1; ix++) best = f32x4.pmax(best, v128.load(picture + iy * row + ix * bytes + i));
        v128.store(y + i, best);
      }
    }
  }
}

export function maxpoolBackward(dx: usize, dy: usize, x: usize, y: usize, n: i32, height: i32, width: i32, c: i32): void {
  const oh = (height + 1) >> 1, ow = (width + 1) >> 1, bytes = c << 2, row = width * bytes;
  clear(dx, n * height * row);
  for (let b = 0; b < n; b++, x += height * row, dx += height * row)
    for (let oy = 0; oy < oh; oy++) {
      const y0 = max(0, 2 * oy - 1), y1 = min(height - 1, 2 * oy + 1);
      for (let ox = 0; ox < ow; ox++, y += bytes, dy += bytes) {
        const x0 = max(0, 2 * ox - 1), x1 = min(width - 1, 2 * ox + 1);
        for (let i = 0; i < bytes; i += 16) {
          const best = v128.load(y + i);
          let left = v128.load(dy + i);
          for (let iy = y0; iy <= y1; iy++)
            for (let ix = x0; ix <= x1; ix++) {
              const at = iy * row + ix * bytes + i;
              const wins = f32x4.eq(v128.load(x + at), best);
              v128.store(dx + at, f32x4.add(v128.load(dx + at), v128.and(left, wins)));
              left = v128.andnot(left, wins);
            }
        }
      }
    }
}
