// 3x3 max pooling in int8, stride 2, padding 1, as ../f32/maxpool.ts; input and output share one scale.
//   x int8 [n, h, w, c]  y int8 [n, ceil(h / 2), ceil(w / 2), c]   c % 8 == 0; x has 8 bytes to spare at its end, y too
//   from, to: output rows to be done, counted over the batch, [from, to); y and x are the whole batch's
export function maxpoolI8(y: usize, x: usize, from: i32, to: i32, height: i32, width: i32, c: i32): void {
  const oh = (height + 1) >> 1, ow = (width + 1) >> 1, row = width * c;
  y += from * ow * c;
  for (let r = from; r < to; r++, y += ow * c) {
    const middle = x + (r / oh * height + r % oh * 2) * row;
    const above = r % oh > 0 ? row : 0, below = r % oh * 2 + 1 < height ? row : 0;
    for (let i = 0; i < c; i += 8) {
      let p = middle + i, out = y + i, left = column(p, above, below);
      for (let ox = 0; ox < ow; ox++, p += c, out += c) {
        let best = i8x16.max_s(left, column(p, above, below));
        if (2 * ox + 1 < width) {
          p += c;
          left = column(p, above, below);
          best = i8x16.max_s(best, left);
        }
        v128.store64_lane(out, best, 0);
      }
    }
  }
}

function column(p: usize, above: i32, below: i32): v128 {
  return i8x16.max_s(i8x16.max_s(v128.load64_zero(p - above), v128.load64_zero(p)), v128.load64_zero(p + below));
}
