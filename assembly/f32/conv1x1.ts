// 1x1 convolution, a matrix product over pixels.
//   forward          y[i,o]   = act(bias[o] + sum_k x[i,k] w[k,o]),  act(v) = max(v, slope v)
//   backward, data   dx       = conv1x1 of dy with the transposed weights (packTransposed) and no bias
//   backward, weight dw[k,o] += sum_i x[i,k] dy[i,o]
//   backward, bias   db[o]   += sum_i dy[i,o]      (serves every convolution)
//   x f32 [m, ci]  y f32 [m, co]  bias f32 [co]   ci % 4 == 0, co % 8 == 0 (ops/layout.ts pads)
//   w dw f32 in panels of eight columns: [co / 8][ci][8]
//   source: register tile of 4 rows x 8 columns after the GEMM of BLIS (Van Zee and van de Geijn, 2015); rows are
//   blocked so that a block of x stays in the first-level cache while every panel passes over it.
import { activate, madd } from "../simd";

const BLOCK_BYTES: i32 = 16384;

export function conv1x1(y: usize, x: usize, w: usize, bias: usize, m: i32, ci: i32, co: i32, slope: f32): void {
  const rows = max(4, (BLOCK_BYTES / (ci << 2)) & ~3);
  for (let top = 0; top < m; top += rows)
    product(y + ((top * co) << 2), x + ((top * ci) << 2), ci << 2, 1, 0, w, bias, min(rows, m - top), ci, co, slope);
}

/**
 * y [m, co] from rows of x that begin xs bytes apart, each made of `segments` runs of k floats, `gap` bytes apart; w [co / 8][segments k][8].
 * The inner loop takes one k a turn: more, unrolled by hand, made V8 load all first and spill (960x64x64: 13.6 against 20.3 GMAC/s).
 */
@inline
export function product(y: usize, x: usize, xs: usize, segments: i32, gap: usize, w: usize, bias: usize, m: i32, k: i32, co: i32, slope: f32): void {
  const ys: usize = co << 2, run: usize = k << 2;
  for (let o = 0; o < co; o += 8) {
    const panel = w + ((o * segments * k) << 2), b = bias + (o << 2);
    let i = 0, to = y + (o << 2), from = x;
    for (; i + 4 <= m; i += 4, from += xs << 2) {
      const b0 = v128.load(b), b1 = v128.load(b, 16);
      let a00 = b0, a01 = b1, a10 = b0, a11 = b1, a20 = b0, a21 = b1, a30 = b0, a31 = b1, p = panel;
      for (let s = 0; s < segments; s++) {
        let x0 = from + <usize>s * gap, x1 = x0 + xs, x2 = x1 + xs, x3 = x2 + xs;
        const end = x0 + run;
        while (x0 < end) {
          const w0 = v128.load(p), w1 = v128.load(p, 16);
          let v = v128.load32_splat(x0);
          a00 = madd(v, w0, a00); a01 = madd(v, w1, a01);
          v = v128.load32_splat(x1);
          a10 = madd(v, w0, a10); a11 = madd(v, w1, a11);
          v = v128.load32_splat(x2);
          a20 = madd(v, w0, a20); a21 = madd(v, w1, a21);
          v = v128.load32_splat(x3);
          a30 = madd(v, w0, a30); a31 = madd(v, w1, a31);
          p += 32; x0 += 4; x1 += 4; x2 += 4; x3 += 4;
        }
      }
      const act = f32x4.splat(slope);
      v128.store(to, activate(a00, act)); v128.store(to, activate(a01, act), 16); to += ys;
      v128.store(to, activate(a10, act)); v128.store(to, activate(a11, act), 16); to += ys;
      v128.store(to, activate(a20, act)); v128.store(to, activate(a21, act), 16); to += ys;
      v128.store(to, activate(a30, act)); v128.store(to, activate(a31, act), 16); to += ys;
    }
    for (; i < m; i++, from += xs, to += ys) {
      let a0 = v128.load(b), a1 = v128.load(b, 16), p = panel;
      for (let s = 0; s < segments; s++) {
        let x0 = from + <usize>s * gap;
        for (const end = x0 + run; x0 < end; x0 += 4, p += 32) {
          const v = v128.load32_splat(x0);
          a0 = madd(v, v128.load(p), a0); a1 = madd(v, v128.load(p, 16), a1);
        }
      }
      const act = f32x4.splat(slope);
      v128.store(to, activate(a0, act)); v128.store(to, activate(a1, act), 16);
    }
  }
}

/** wt [ci / 8][co][8] = the transpose of w [co / 8][ci][8]; ci % 8 == 0. */
export function packTransposed(wt: usize, w: usize, ci: i32, co: i32): void {
  for (let i = 0; i < ci; i++) {
    const to = wt + (((i >> 3) * co * 8 + (i & 7)) << 2);
    for (let o = 0; o < co; o++) store<f32>(to + (o << 5), load<f32>(w + ((((o >> 3) * ci + i) * 8 + (o & 7)) << 2)));
  }
}

export function conv1x1BackwardWeight(dw: usize, x: usize, dy: usize, m: i32, ci: i32, co: i32): void {
  const rows = max(16, BLOCK_BYTES / ((ci + co) << 2));
  for (let top = 0; top < m; top += rows)
    productBackward(dw, x + ((top * ci) << 2), ci << 2, dy + ((top * co) << 2), min(rows, m - top), ci, ci, co);
}

/** dw [k, 8] of each panel (panels `depth` rows apart) += sum over m rows of x [k floats, rows xs bytes apart] dy [co]. */
@inline
export function productBackward(dw: usize, x: usize, xs: usize, dy: usize, m: i32, k: i32, depth: i32, co: i32): void {
  const ys: usize = co << 2;
  for (let o = 0; o < co; o += 8) {
    const panel = dw + ((o * depth) << 2), d = dy + (o << 2);
    let i = 0;
    for (; i + 4 <= k; i += 4) weightTile(panel + (i << 5), x + (i << 2), xs, d, ys, m);
    for (; i < k; i++) weightRow(panel + (i << 5), x + (i << 2), xs, d, ys, m);
  }
}

function weightRow(dw: usize, x: usize, xs: usize, dy: usize, ys: usize, count: i32): void {
  let a0 = v128.load(dw), a1 = v128.load(dw, 16);
  for (let i = 0; i < count; i++, x += xs, dy += ys) {
    const v = v128.load32_splat(x);
    a0 = madd(v, v128.load(dy), a0); a1 = madd(v, v128.load(dy, 16), a1);
  }
  v128.store(dw, a0); v128.store(dw, a1, 16);
}

@inline
function weightTile(dw: usize, x: usize, xs: usize, dy: usize, ys: usize, count: i32): void {
  let a00 = v128.load(dw), a01 = v128.load(dw, 16), a10 = v128.load(dw, 32), a11 = v128.load(dw, 48);
  let a20 = v128.load(dw, 64), a21 = v128.load(dw, 80), a30 = v128.load(dw, 96), a31 = v128.load(dw, 112);
  for (let i = 0; i < count; i++) {
    const d0 = v128.load(dy), d1 = v128.load(dy, 16);
    let s = v128.load32_splat(x);
    a00 = madd(s, d0, a00); a01 = madd(s, d1, a01);
    s = v128.load32_splat(x, 4);
    a10 = madd(s, d0, a10); a11 = madd(s, d1, a11);
    s = v128.load32_splat(x, 8);
    a20 = madd(s, d0, a20); a21 = madd(s, d1, a21);
    s = v128.load32_splat(x, 12);
    a30 = madd(s, d0, a30); a31 = madd(s, d1, a31);
    x += xs; dy += ys;
  }
  v128.store(dw, a00); v128.store(dw, a01, 16); v128.store(dw, a10, 32); v128.store(dw, a11, 48);
  v128.store(dw, a20, 64); v128.store(dw, a21, 80); v128.store(dw, a30, 96); v128.store(dw, a31, 112);
}

export function biasBackward(db: usize, dy: usize, m: i32, co: i32): void {
  const bytes = co << 2;
  for (let o = 0; o < bytes; o += 16) {
    let total = v128.load(db + o), p = dy + o;
    for (let i = 0; i < m; i++, p += bytes) total = f32x4.add(total, v128.load(p));
    v128.store(db + o, total);
  }
}
