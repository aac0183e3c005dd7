// Batch normalisation in training, with the activation behind it. Folded into the convolution for inference (quant/fold.ts).
//   forward    xhat = (x - mean) / sqrt(var + epsilon),  y = act(gamma xhat + beta),  act(v) = max(v, slope v)
//              mean and var (biased) over the m rows of each channel; the running pair moves by momentum, its variance unbiased
//   backward   g = dy where y > 0, else slope dy (y's sign is found again from x);   dbeta += sum g;   dgamma += sum g xhat
//              dx = gamma / sqrt(var + epsilon) (g - mean(g) - xhat mean(g xhat))
//   x y dx dy  f32 [m, c], c % 4 == 0; dx may be dy
//   gamma beta mean variance dgamma dbeta f32 [c];  saved f32 [4, c]: batch mean, 1 / deviation, scale, shift; moments f32 [2, c]: scratch
//   source     Ioffe and Szegedy, arXiv 1502.03167. Sums are taken about the first row, which keeps the variance exact when |mean| >> deviation.
import { activate, clear, madd } from "../simd";

const ROWS: i32 = 32;

export function norm(y: usize, x: usize, gamma: usize, beta: usize, mean: usize, variance: usize, saved: usize, moments: usize, m: i32, c: i32, epsilon: f32, momentum: f32, slope: f32): void {
  const bytes = c << 2;
  clear(moments, 2 * bytes);
  for (let top = 0; top < m; top += ROWS) {
    const from = x + top * bytes, count = min(ROWS, m - top);
    for (let i = 0; i < bytes; i += 16) {
      const origin = v128.load(x + i);
      let s = f32x4.splat(0), q = f32x4.splat(0), p = from + i;
      for (let r = 0; r < count; r++, p += bytes) {
        const v = f32x4.sub(v128.load(p), origin);
        s = f32x4.add(s, v);
        q = madd(v, v, q);
      }
      const sum = moments + i;
      v128.store(sum, f32x4.add(v128.load(sum), s));
      v128.store(sum + bytes, f32x4.add(v128.load(sum + bytes), q));
    }
  }
  const share = f32x4.splat(1 / <f32>m), unbiased = f32x4.splat(<f32>m / <f32>max(1, m - 1));
  const keep = f32x4.splat(1 - momentum), take = f32x4.splat(momentum);
  for (let i = 0; i < bytes; i += 16) {
    const shifted = f32x4.mul(v128.load(moments + i), share);
    const center = f32x4.add(shifted, v128.load(x + i));
    const spread = f32x4.pmax(f32x4.sub(f32x4.mul(v128.load(moments + i + bytes), share), f32x4.mul(shifted, shifted)), f32x4.splat(0));
    const inverse = f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.add(spread, f32x4.splat(epsilon))));
    const scale = f32x4.mul(v128.load(gamma + i), inverse);
    const to = saved + i;
    v128.store(to, center);
    v128.store(to + bytes, inverse);
    v128.store(to + 2 * bytes, scale);
    v128.store(to + 3 * bytes, f32x4.sub(v128.load(beta + i), f32x4.mul(center, scale)));
    v128.store(mean + i, f32x4.add(f32x4.mul(v128.load(mean + i), keep), f32x4.mul(center, take)));
    v128.store(variance + i, f32x4.add(f32x4.mul(v128.load(variance + i), keep), f32x4.mul(f32x4.mul(spread, unbiased), take)));
  }
  const act = f32x4.splat(slope);
  const scales = saved + 2 * bytes, shifts = saved + 3 * bytes;
  for (let r = 0; r < m; r++, x += bytes, y += bytes)
    for (let i = 0; i < bytes; i += 16) v128.store(y + i, activate(madd(v128.load(x + i), v128.load(scales + i), v128.load(shifts + i)), act));
}

/** Gradient behind the activation. */
// @ts-ignore: decorator
@inline
function behind(dy: v128, x: v128, scale: v128, shift: v128, act: v128): v128 {
  return v128.bitselect(dy, f32x4.mul(dy, act), f32x4.gt(madd(x, scale, shift), f32x4.splat(0)));
}

export function normBackward(dx: usize, dgamma: usize, dbeta: usize, dy: usize, x: usize, saved: usize, moments: usize, m: i32, c: i32, slope: f32): void {
  const bytes = c << 2, scales = saved + 2 * bytes, shifts = saved + 3 * bytes, act = f32x4.splat(slope);
  clear(moments, 2 * bytes);
  for (let top = 0; top < m; top += ROWS) {
    const count = min(ROWS, m - top), start = top * bytes;
    for (let i = 0; i < bytes; i += 16) {
      const center = v128.load(saved + i), scale = v128.load(scales + i), shift = v128.load(shifts + i);
      let s = f32x4.splat(0), q = f32x4.splat(0), at = start + i;
      for (let r = 0; r < count; r++, at += bytes) {
        const v = v128.load(x + at), g = behind(v128.load(dy + at), v, scale, shift, act);
        s = f32x4.add(s, g);
        q = madd(g, f32x4.sub(v, center), q);
      }
      const sum = moments + i;
      v128.store(sum, f32x4.add(v128.load(sum), s));
      v128.store(sum + bytes, f32x4.add(v128.load(sum + bytes), q));
    }
  }
  // dx = a g + b x + d: a is the scale, b and d take the place of the sums
  const share = f32x4.splat(1 / <f32>m);
  for (let i = 0; i < bytes; i += 16) {
    const center = v128.load(saved + i), inverse = v128.load(saved + i + bytes);
    const sum = v128.load(moments + i), product = f32x4.mul(v128.load(moments + i + bytes), inverse);
    v128.store(dbeta + i, f32x4.add(v128.load(dbeta + i), sum));
    v128.store(dgamma + i, f32x4.add(v128.load(dgamma + i), product));
    const a = v128.load(scales + i);
    const b = f32x4.neg(f32x4.mul(f32x4.mul(a, inverse), f32x4.mul(product, share)));
    v128.store(moments + i, b);
    v128.store(moments + i + bytes, f32x4.neg(f32x4.add(f32x4.mul(f32x4.mul(a, sum), share), f32x4.mul(b, center))));
  }
  const constants = moments + bytes;
  for (let r = 0; r < m; r++, dx += bytes, dy += bytes, x += bytes)
    for (let i = 0; i < bytes; i += 16) {
      const v = v128.load(x + i), scale = v128.load(scales + i), g = behind(v128.load(dy + i), v, scale, v128.load(shifts + i), act);
      v128.store(dx + i, madd(g, scale, madd(v, v128.load(moments + i), v128.load(constants + i))));
    }
}
