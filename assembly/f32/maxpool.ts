// 3x3 max pooling, stride 2, padding 1 (the padding never wins: at a border the window meets its edge twice instead).
//   forward    y[oy,ox]  = max over the window of x
//   backward   dx gets dy at the window's first largest element (rows first), 0 elsewhere
//   x dx f32 [n, h, w, c]  y dy f32 [n, ceil(h / 2), ceil(w / 2), c]   c % 4 == 0
//   from, to: the forward pass's output rows, counted over the batch, [from, to); y and x are the whole batch's
//   Forward, four channels at a time go along a row: the largest of a column serves both windows that share it.
import { clear } from "../simd";

export function maxpool(y: usize, x: usize, from: i32, to: i32, height: i32, width: i32, c: i32): void {
  const oh = (height + 1) >> 1, ow = (width + 1) >> 1, bytes = c << 2, row = width * bytes;
  y += from * ow * bytes;
  for (let r = from; r < to; r++, y += ow * bytes) {
    const middle = x + (r / oh * height + r % oh * 2) * row;
    const above = r % oh > 0 ? row : 0, below = r % oh * 2 + 1 < height ? row : 0;
    for (let i = 0; i < bytes; i += 16) {
      let p = middle + i, out = y + i, left = column(p, above, below);
      for (let ox = 0; ox < ow; ox++, p += bytes, out += bytes) {
        let best = f32x4.pmax(left, column(p, above, below));
        if (2 * ox + 1 < width) {
          p += bytes;
          left = column(p, above, below);
          best = f32x4.pmax(best, left);
        }
        v128.store(out, best);
      }
    }
  }
}

function column(p: usize, above: i32, below: i32): v128 {
  return f32x4.pmax(f32x4.pmax(v128.load(p - above), v128.load(p)), v128.load(p + below));
}

export function maxpoolBackward(dx: usize, dy: usize, x: usize, y: usize, n: i32, height: i32, width: i32, c: i32): void {
  const oh = (height + 1) >> 1, ow = (width + 1) >> 1, bytes = c << 2, row = width * bytes;
  clear(dx, n * height * row);
  for (let b = 0; b < n; b++, x += height * row, dx += height * row)
    for (let oy = 0; oy < oh; oy++) {
      const y0 = max(0, 2 * oy - 1) * row, y1 = 2 * oy * row, y2 = min(height - 1, 2 * oy + 1) * row;
      for (let ox = 0; ox < ow; ox++) {
        const x0 = max(0, 2 * ox - 1) * bytes, x1 = 2 * ox * bytes, x2 = min(width - 1, 2 * ox + 1) * bytes;
        for (let i = 0; i < bytes; i += 16, y += 16, dy += 16) {
          const best = v128.load(y);
          let left = v128.load(dy);
          left = claim(dx, x, y0 + x0 + i, best, left);
          left = claim(dx, x, y0 + x1 + i, best, left);
          left = claim(dx, x, y0 + x2 + i, best, left);
          left = claim(dx, x, y1 + x0 + i, best, left);
          left = claim(dx, x, y1 + x1 + i, best, left);
          left = claim(dx, x, y1 + x2 + i, best, left);
          left = claim(dx, x, y2 + x0 + i, best, left);
          left = claim(dx, x, y2 + x1 + i, best, left);
          claim(dx, x, y2 + x2 + i, best, left);
        }
      }
    }
}

/** An element that is the largest takes what is left of dy. */
function claim(dx: usize, x: usize, at: i32, best: v128, left: v128): v128 {
  const wins = f32x4.eq(v128.load(x + at), best);
  v128.store(dx + at, f32x4.add(v128.load(dx + at), v128.and(left, wins)));
  return v128.andnot(left, wins);
}
