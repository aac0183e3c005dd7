// Batch normalisation in training, with the activation behind it. Folded into the convolution for inference (quant/fold.ts).
//   forward    xhat = (x - mean) / sqrt(var + epsilon),  y = act(gamma xhat + beta),  act(v) = max(v, slope v)
//              mean and var (biased) over the m rows of each channel; the running pair moves by momentum, its variance unbiased
//   backward   g = dy where y > 0, else slope dy (y's sign is found again from x);   dbeta += sum g;   dgamma += sum g xhat
//              dx = gamma / sqrt(var + epsilon) (g - mean(g) - xhat mean(g xhat))
//   x y dx dy  f32 [m, c], c % 8 == 0; dx may be dy
//   gamma beta mean variance dgamma dbeta f32 [c];  saved f32 [5, c]: batch mean, 1 / deviation, scale, shift, -shift; moments f32 [2, c]: scratch
//   source     Ioffe and Szegedy, arXiv 1502.03167. Sums are taken about the first row, which keeps the variance exact when |mean| >> deviation.
//   Every pass goes eight channels at a time down a block of rows: their constants stay in registers, and two sums hide each other's latency.
import { activate, clear, madd, nmadd } from "../simd";

/** Rows of so many bytes go down together: few enough that memory is still read in order. */
const BLOCK_BYTES: i32 = 2048;

export function norm(y: usize, x: usize, gamma: usize, beta: usize, mean: usize, variance: usize, saved: usize, moments: usize, m: i32, c: i32, epsilon: f32, momentum: f32, slope: f32): void {
  const bytes = c << 2, rows = max(4, BLOCK_BYTES / bytes);
  clear(moments, 2 * bytes);
  for (let top = 0; top < m; top += rows) {
    const from = x + top * bytes, count = min(rows, m - top);
    for (let i = 0; i < bytes; i += 32) {
      const origin0 = v128.load(x + i), origin1 = v128.load(x + i, 16), none = f32x4.splat(0);
      let s0 = none, s1 = none, q0 = none, q1 = none, p = from + i;
      for (const end = p + count * bytes; p < end; p += bytes) {
        const v0 = f32x4.sub(v128.load(p), origin0), v1 = f32x4.sub(v128.load(p, 16), origin1);
        s0 = f32x4.add(s0, v0); s1 = f32x4.add(s1, v1);
        q0 = madd(v0, v0, q0); q1 = madd(v1, v1, q1);
      }
      grow(moments + i, s0, s1);
      grow(moments + i + bytes, q0, q1);
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
    const shift = f32x4.sub(v128.load(beta + i), f32x4.mul(center, scale));
    v128.store(to + 3 * bytes, shift);
    v128.store(to + 4 * bytes, f32x4.neg(shift));
    v128.store(mean + i, f32x4.add(f32x4.mul(v128.load(mean + i), keep), f32x4.mul(center, take)));
    v128.store(variance + i, f32x4.add(f32x4.mul(v128.load(variance + i), keep), f32x4.mul(f32x4.mul(spread, unbiased), take)));
  }
  const act = f32x4.splat(slope), scales = saved + 2 * bytes, shifts = saved + 3 * bytes;
  for (let top = 0; top < m; top += rows) {
    const start = top * bytes, size = min(rows, m - top) * bytes;
    for (let i = 0; i < bytes; i += 32) {
      const scale0 = v128.load(scales + i), scale1 = v128.load(scales + i, 16), shift0 = v128.load(shifts + i), shift1 = v128.load(shifts + i, 16);
      let p = x + start + i, to = y + start + i;
      for (const end = p + size; p < end; p += bytes, to += bytes) {
        const v0 = v128.load(p), v1 = v128.load(p, 16);
        v128.store(to, activate(madd(v0, scale0, shift0), act));
        v128.store(to, activate(madd(v1, scale1, shift1), act), 16);
      }
    }
  }
}

/** Adds eight sums to those at `to`. */
function grow(to: usize, a: v128, b: v128): void {
  v128.store(to, f32x4.add(v128.load(to), a));
  v128.store(to, f32x4.add(v128.load(to, 16), b), 16);
}

/** Gradient behind the activation: y is above 0 where x scale > kink, which is -shift. lost: 1 - slope. */
function behind(dy: v128, x: v128, scale: v128, kink: v128, lost: v128): v128 {
  return nmadd(v128.andnot(dy, f32x4.gt(f32x4.mul(x, scale), kink)), lost, dy);
}

export function normBackward(dx: usize, dgamma: usize, dbeta: usize, dy: usize, x: usize, saved: usize, moments: usize, m: i32, c: i32, slope: f32): void {
  const bytes = c << 2, scales = saved + 2 * bytes, kinks = saved + 4 * bytes, rows = max(4, BLOCK_BYTES / bytes), lost = f32x4.splat(1 - slope);
  clear(moments, 2 * bytes);
  for (let top = 0; top < m; top += rows) {
    const start = top * bytes, size = min(rows, m - top) * bytes;
    for (let i = 0; i < bytes; i += 32) {
      const center0 = v128.load(saved + i), center1 = v128.load(saved + i, 16), none = f32x4.splat(0);
      const scale0 = v128.load(scales + i), scale1 = v128.load(scales + i, 16), kink0 = v128.load(kinks + i), kink1 = v128.load(kinks + i, 16);
      let s0 = none, s1 = none, q0 = none, q1 = none, p = x + start + i, d = dy + start + i;
      for (const end = p + size; p < end; p += bytes, d += bytes) {
        const v0 = v128.load(p), v1 = v128.load(p, 16);
        const g0 = behind(v128.load(d), v0, scale0, kink0, lost), g1 = behind(v128.load(d, 16), v1, scale1, kink1, lost);
        s0 = f32x4.add(s0, g0); s1 = f32x4.add(s1, g1);
        q0 = madd(g0, f32x4.sub(v0, center0), q0); q1 = madd(g1, f32x4.sub(v1, center1), q1);
      }
      grow(moments + i, s0, s1);
      grow(moments + i + bytes, q0, q1);
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
  for (let top = 0; top < m; top += rows) {
    const start = top * bytes, size = min(rows, m - top) * bytes;
    for (let i = 0; i < bytes; i += 32) {
      const scale0 = v128.load(scales + i), scale1 = v128.load(scales + i, 16), kink0 = v128.load(kinks + i), kink1 = v128.load(kinks + i, 16);
      const b0 = v128.load(moments + i), b1 = v128.load(moments + i, 16), d0 = v128.load(constants + i), d1 = v128.load(constants + i, 16);
      let p = x + start + i, d = dy + start + i, to = dx + start + i;
      for (const end = p + size; p < end; p += bytes, d += bytes, to += bytes) {
        const v0 = v128.load(p), v1 = v128.load(p, 16);
        const g0 = behind(v128.load(d), v0, scale0, kink0, lost), g1 = behind(v128.load(d, 16), v1, scale1, kink1, lost);
        v128.store(to, madd(g0, scale0, madd(v0, b0, d0)));
        v128.store(to, madd(g1, scale1, madd(v1, b1, d1)), 16);
      }
    }
  }
}
