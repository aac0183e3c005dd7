// Bilinear upsampling by 2, pixel centres aligned (ONNX: half_pixel): each output lies a quarter of a pixel from its input.
//   forward    y[2 i + a, 2 j + b] = sum over k, l in 0, 1 of w[k] w[l] x[i + k (2 a - 1), j + l (2 b - 1)], w = 3/4, 1/4
//              beyond the border the nearest pixel of the border stands
//   backward   dx gets, along each side, 1/4, 3/4, 3/4, 1/4 of dy at 2 i - 1 .. 2 i + 2, beyond the border again dy's nearest
//   x dx f32 [n, h, w, c]  y dy f32 [n, 2 h, 2 w, c]   c % 4 == 0
//   from, to: the forward pass's output rows, counted over the batch, [from, to); y and x are the whole batch's

export function bilinear2(y: usize, x: usize, from: i32, to: i32, height: i32, width: i32, c: i32): void {
  const bytes = c << 2, row = width * bytes, three = f32x4.splat(0.75), quarter = f32x4.splat(0.25);
  y += from * 2 * row;
  for (let r = from; r < to; r++, y += 2 * row) {
    const i = r % (2 * height) >> 1, other = r & 1 ? min(i + 1, height - 1) : max(i - 1, 0);
    const near = x + (r / (2 * height) * height + i) * row, far = near + (other - i) * row;
    for (let k = 0; k < bytes; k += 16) {
      let p = near + k, q = far + k, out = y + k, left = blend(p, q), middle = left;
      for (let j = 0; j < width; j++, out += 2 * bytes) {
        if (j + 1 < width) {
          p += bytes; q += bytes;
        }
        const right = blend(p, q), most = f32x4.mul(middle, three);
        v128.store(out, f32x4.add(most, f32x4.mul(left, quarter)));
        v128.store(out + bytes, f32x4.add(most, f32x4.mul(right, quarter)));
        left = middle;
        middle = right;
      }
    }
  }
}

function blend(near: usize, far: usize): v128 {
  return f32x4.add(f32x4.mul(v128.load(near), f32x4.splat(0.75)), f32x4.mul(v128.load(far), f32x4.splat(0.25)));
}

export function bilinear2Backward(dx: usize, dy: usize, n: i32, height: i32, width: i32, c: i32): void {
  const bytes = c << 2, row = 2 * width * bytes;
  for (let b = 0; b < n; b++, dy += 2 * height * row)
    for (let i = 0; i < height; i++) {
      const r1 = dy + 2 * i * row, r2 = r1 + row, r0 = i > 0 ? r1 - row : r1, r3 = i + 1 < height ? r2 + row : r2;
      for (let j = 0; j < width; j++, dx += bytes) {
        const c1 = 2 * j * bytes, c2 = c1 + bytes, c0 = j > 0 ? c1 - bytes : c1, c3 = j + 1 < width ? c2 + bytes : c2;
        for (let k = 0; k < bytes; k += 16) {
          const outer = f32x4.add(gather(r0 + k, c0, c1, c2, c3), gather(r3 + k, c0, c1, c2, c3));
          const inner = f32x4.add(gather(r1 + k, c0, c1, c2, c3), gather(r2 + k, c0, c1, c2, c3));
          v128.store(dx + k, f32x4.add(f32x4.mul(outer, f32x4.splat(0.25)), f32x4.mul(inner, f32x4.splat(0.75))));
        }
      }
    }
}

/** 1/4, 3/4, 3/4, 1/4 of a row at four places. */
function gather(row: usize, c0: i32, c1: i32, c2: i32, c3: i32): v128 {
  const outer = f32x4.add(v128.load(row + c0), v128.load(row + c3)), inner = f32x4.add(v128.load(row + c1), v128.load(row + c2));
  return f32x4.add(f32x4.mul(outer, f32x4.splat(0.25)), f32x4.mul(inner, f32x4.splat(0.75)));
}
