// 1x1 convolution, a matrix product over pixels.
//   forward          y[i,o]   = act(bias[o] + sum_k x[i,k] w[k,o]),  act(v) = max(v, slope v)
//   backward, data   dx       = conv1x1 of dy with the transposed weights (packTransposed) and no bias
//   backward, weight dw[k,o] += sum_i x[i,k] dy[i,o]
//   backward, bias   db[o]   += sum_i dy[i,o]      (serves every convolution)
//   x f32 [m, ci]  y f32 [m, co]  bias f32 [co]   ci % 4 == 0, co % 8 == 0 (graph/layout.ts pads)
//   w dw f32 in panels of eight columns: [co / 8][ci][8]
//   source: register tile of 4 rows x 8 columns after the GEMM of BLIS (Van Zee and van de Geijn, 2015); rows are
//   blocked so that a block of x stays in the first-level cache while every panel passes over it.
import { activate, madd } from "../simd";

const BLOCK_BYTES: i32 = 16384;

export function conv1x1(y: usize, x: usize, w: usize, bias: usize, m: i32, ci: i32, co: i32, slope: f32): void {
  const rows = max(4, (BLOCK_BYTES / (ci << 2)) & ~3);
  for (let top = 0; top < m; top += rows) {
    const bottom = min(m, top + rows);
    for (let o = 0; o < co; o += 8) {
      const panel = w + ((o * ci) << 2);
      const b = bias + (o << 2);
      let i = top;
      for (; i + 4 <= bottom; i += 4) tile4(y + ((i * co + o) << 2), co << 2, x + ((i * ci) << 2), ci << 2, panel, b, slope);
      for (; i < bottom; i++) tile1(y + ((i * co + o) << 2), x + ((i * ci) << 2), ci << 2, panel, b, slope);
    }
  }
}

// @ts-ignore: decorator
@inline
function tile4(y: usize, ys: usize, x: usize, xs: usize, w: usize, bias: usize, slope: f32): void {
  const b0 = v128.load(bias), b1 = v128.load(bias, 16);
  let a00 = b0, a01 = b1, a10 = b0, a11 = b1, a20 = b0, a21 = b1, a30 = b0, a31 = b1;
  let x1 = x + xs, x2 = x1 + xs, x3 = x2 + xs;
  const end = x1;
  while (x < end) {
    const w0 = v128.load(w), w1 = v128.load(w, 16);
    let s = v128.load32_splat(x);
    a00 = madd(s, w0, a00); a01 = madd(s, w1, a01);
    s = v128.load32_splat(x1);
    a10 = madd(s, w0, a10); a11 = madd(s, w1, a11);
    s = v128.load32_splat(x2);
    a20 = madd(s, w0, a20); a21 = madd(s, w1, a21);
    s = v128.load32_splat(x3);
    a30 = madd(s, w0, a30); a31 = madd(s, w1, a31);
    w += 32; x += 4; x1 += 4; x2 += 4; x3 += 4;
  }
  const act = f32x4.splat(slope);
  v128.store(y, activate(a00, act)); v128.store(y, activate(a01, act), 16); y += ys;
  v128.store(y, activate(a10, act)); v128.store(y, activate(a11, act), 16); y += ys;
  v128.store(y, activate(a20, act)); v128.store(y, activate(a21, act), 16); y += ys;
  v128.store(y, activate(a30, act)); v128.store(y, activate(a31, act), 16);
}

// @ts-ignore: decorator
@inline
function tile1(y: usize, x: usize, xs: usize, w: usize, bias: usize, slope: f32): void {
  let b0 = v128.load(bias), b1 = v128.load(bias, 16);
  for (const end = x + xs; x < end; x += 4, w += 32) {
    const s = v128.load32_splat(x);
    b0 = madd(s, v128.load(w), b0); b1 = madd(s, v128.load(w, 16), b1);
  }
  const act = f32x4.splat(slope);
  v128.store(y, activate(b0, act)); v128.store(y, activate(b1, act), 16);
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
  const xs = ci << 2, ys = co << 2;
  for (let top = 0; top < m; top += rows) {
    const count = min(rows, m - top);
    const xTop = x + top * xs, dyTop = dy + top * ys;
    for (let o = 0; o < co; o += 8)
      for (let i = 0; i < ci; i += 4) weightTile(dw + ((o * ci + i * 8) << 2), xTop + (i << 2), xs, dyTop + (o << 2), ys, count);
  }
}

// @ts-ignore: decorator
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
