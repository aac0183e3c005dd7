// 3x3 max pooling in int8, stride 2, padding 1 (the padding never wins); input and output share one scale.
//   x int8 [n, h, w, c]  y int8 [n, ceil(h / 2), ceil(w / 2), c]   c % 8 == 0; x has 8 bytes to spare at its end, y too
//   from, to: output rows to be done, counted over the batch, [from, to); y and x are the whole batch's
export function maxpoolI8(y: usize, x: usize, from: i32, to: i32, height: i32, width: i32, c: i32): void {
  const oh = (height + 1) >> 1, ow = (width + 1) >> 1, row = width * c;
  y += from * ow * c;
  for (let r = from; r < to; r++) {
    const oy = r % oh, picture = x + r / oh * height * row;
    const y0 = max(0, 2 * oy - 1), y1 = min(height - 1, 2 * oy + 1);
    for (let ox = 0; ox < ow; ox++, y += c) {
      const x0 = max(0, 2 * ox - 1), x1 = min(width - 1, 2 * ox + 1);
      for (let i = 0; i < c; i += 8) {
        let best = v128.load64_zero(picture + y0 * row + x0 * c + i);
        for (let iy = y0; iy <= y1; iy++)
          for (let ix = x0; ix <= x1; ix++) best = i8x16.max_s(best, v128.load64_zero(picture + iy * row + ix * c + i));
        v128.store64_lane(y + i, best, 0);
      }
    }
  }
}
