// Global average pooling: the mean of each channel over the picture.
//   forward    y[c] = (sum over i, j of x[i, j, c]) / (h w)
//   backward   dx[i, j, c] = dy[c] / (h w)
//   x dx f32 [n, h, w, c]  y dy f32 [n, 1, 1, c]   c % 4 == 0; cells = h w
//   from, to: the forward pass's pictures, [from, to); y and x are the whole batch's

export function globalmean(y: usize, x: usize, from: i32, to: i32, cells: i32, c: i32): void {
  const bytes = c << 2, share = f32x4.splat(<f32>1 / <f32>cells);
  for (let b = from; b < to; b++)
    for (let i = 0; i < bytes; i += 16) {
      let sum = f32x4.splat(0), p = x + b * cells * bytes + i;
      for (let cell = 0; cell < cells; cell++, p += bytes) sum = f32x4.add(sum, v128.load(p));
      v128.store(y + b * bytes + i, f32x4.mul(sum, share));
    }
}

export function globalmeanBackward(dx: usize, dy: usize, n: i32, cells: i32, c: i32): void {
  const bytes = c << 2, share = f32x4.splat(<f32>1 / <f32>cells);
  for (let b = 0; b < n; b++, dy += bytes)
    for (let i = 0; i < bytes; i += 16) {
      const d = f32x4.mul(v128.load(dy + i), share);
      let p = dx + b * cells * bytes + i;
      for (let cell = 0; cell < cells; cell++, p += bytes) v128.store(p, d);
    }
}
