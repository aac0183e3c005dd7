// Depthwise convolution in int8, kernel k = 3 or 5, stride s = 1 or 2, padding k / 2; requantization as in product.ts.
//   x int8 [n, h, w, c]  y int8 [n, ceil(h / s), ceil(w / s), c]   c % 8 == 0
//   from, to: output rows to be done, counted over the batch, [from, to); y and x are the whole batch's
//   bias i32 [c]  scale f32 [c]   zeros int8 [w, c]: scratch, what is read for rows outside the picture
//   w i16 [c / 4][vectors][4][2]: pairs of taps for four channels. First k vectors for each two rows of the kernel but the last:
//   (w[2 r, kx], w[2 r + 1, kx]); then k + 1 for the last row: (w[kx - 1], w[kx]), 0 beyond its ends.
//   A row of outputs is made four channels at a time, two columns of x a turn. Rows 2 r and 2 r + 1 of a column are interleaved, and of the
//   last row both columns, so that one dot product of 16-bit pairs adds two taps; it goes to every output that sees it, whose sums wait in
//   registers. Four channels and not eight: a 3x3 kernel's weights then stay in registers (40x24x64: 0.81x).
import { floorOf, requantize8 } from "./product";

export function dwconvI8(y: usize, x: usize, w: usize, bias: usize, scale: usize, zeros: usize, from: i32, to: i32, height: i32, width: i32, c: i32, kernel: i32, stride: i32, slope: f32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, row: usize = width * c;
  memory.fill(zeros, 0, row);
  y += from * ow * c;
  for (let r = from; r < to; r++, y += ow * c) {
    const iy = r % oh * stride, x2 = x + <usize>(r / oh * height + iy) * row;
    const x1 = iy >= 1 ? x2 - row : zeros, x3 = iy + 1 < height ? x2 + row : zeros;
    if (kernel == 3) row3(y, x1, x2, x3, w, bias, scale, zeros, width, c, stride, slope);
    else {
      const x0 = iy >= 2 ? x1 - row : zeros, x4 = iy + 2 < height ? x3 + row : zeros;
      row5(y, x0, x1, x2, x3, x4, w, bias, scale, zeros, width, c, stride, slope);
    }
  }
}

/** Four channels of two pixels: i16 (p0, q0, p1, q1, ..). */
function pairs(p: usize, q: usize): v128 {
  return i16x8.extend_low_i8x16_s(v128.shuffle<i8>(v128.load32_zero(p), v128.load32_zero(q), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
}

function dot(a: v128, x: v128, w: v128): v128 {
  return i32x4.add(a, i32x4.dot_i16x8_s(x, w));
}

/** A row of outputs from input rows p, q, r. In each turn u and v are columns ix and ix + 1 of the upper rows, h both of the last. */
function row3(y: usize, x0: usize, x1: usize, x2: usize, w: usize, bias: usize, scale: usize, zeros: usize, width: i32, c: i32, stride: i32, slope: f32): void {
  const floor = floorOf(slope);
  for (let i = 0; i < c; i += 4) {
    const f = w + i * 28, start = v128.load(bias + (i << 2)), s = v128.load(scale + (i << 2));
    const k0 = v128.load(f), k1 = v128.load(f, 16), k2 = v128.load(f, 32);
    const m0 = v128.load(f, 48), m1 = v128.load(f, 64), m2 = v128.load(f, 80), m3 = v128.load(f, 96);
    // sums of outputs ix - 1 and ix (stride 2: of ix only)
    let p = x0 + i, q = x1 + i, r = x2 + i, to = y + i, a = start, b = start;
    const end = q + (width & ~1) * c;
    for (; q < end; p += c, q += c, r += c) {
      const u = pairs(p, q), last = r;
      p += c; q += c; r += c;
      const v = pairs(p, q), h = pairs(last, r);
      const done = dot(dot(dot(b, u, k1), v, k2), h, m2);
      b = dot(dot(start, v, k0), h, m0);
      if (stride == 1) {
        const bytes = requantize8(dot(dot(a, u, k2), h, m3), done, s, s, floor, slope);
        a = dot(dot(dot(start, u, k0), v, k1), h, m1);
        if (to != y + i) v128.store32_lane(to - c, bytes, 0);
        v128.store32_lane(to, bytes, 1);
        to += c << 1;
      } else {
        v128.store32_lane(to, requantize8(done, done, s, s, floor, slope), 0);
        to += c;
      }
    }
    if (width & 1) {
      const u = pairs(p, q), h = pairs(r, zeros);
      const bytes = requantize8(dot(dot(a, u, k2), h, m3), dot(dot(b, u, k1), h, m2), s, s, floor, slope);
      if (stride == 1 && width > 1) v128.store32_lane(to - c, bytes, 0);
      v128.store32_lane(to, bytes, 1);
    } else if (stride == 1) v128.store32_lane(to - c, requantize8(a, a, s, s, floor, slope), 0);
  }
}

function dots(a: v128, x: v128, w: usize, z: v128, v: usize): v128 {
  return dot(dot(a, x, v128.load(w)), z, v128.load(v));
}

/** The same for five rows: u and v of the first two, g and h of the next two, m both columns of the last. */
function row5(y: usize, x0: usize, x1: usize, x2: usize, x3: usize, x4: usize, w: usize, bias: usize, scale: usize, zeros: usize, width: i32, c: i32, stride: i32, slope: f32): void {
  const floor = floorOf(slope), even: usize = (width & ~1) * c, back: usize = stride == 1 ? 2 * c : c;
  for (let i = 0; i < c; i += 4) {
    const f = w + (i << 6), start = v128.load(bias + (i << 2)), s = v128.load(scale + (i << 2));
    // sums of outputs ix - 2, ix - 1, ix, ix + 1 (stride 2: a and d of ix - 2 and ix)
    let p: usize = i, to = y + i, a = start, b = start, d = start, e = start;
    for (; p < even; p += c) {
      const u = pairs(x0 + p, x1 + p), g = pairs(x2 + p, x3 + p), last = x4 + p;
      p += c;
      const v = pairs(x0 + p, x1 + p), h = pairs(x2 + p, x3 + p), m = pairs(last, x4 + p);
      const first = dot(dots(a, u, f + 64, g, f + 144), m, v128.load(f, 240));
      if (stride == 1) {
        const second = dot(dots(dots(b, u, f + 48, g, f + 128), v, f + 64, h, f + 144), m, v128.load(f, 224));
        const bytes = requantize8(first, second, s, s, floor, slope);
        if (to != y + i) {
          v128.store32_lane(to - back, bytes, 0);
          v128.store32_lane(to - c, bytes, 1);
        }
        to += c << 1;
      } else {
        if (to != y + i) v128.store32_lane(to - back, requantize8(first, first, s, s, floor, slope), 0);
        to += c;
      }
      a = dot(dots(dots(d, u, f + 32, g, f + 112), v, f + 48, h, f + 128), m, v128.load(f, 208));
      d = dot(dots(dots(start, u, f, g, f + 80), v, f + 16, h, f + 96), m, v128.load(f, 176));
      if (stride == 1) {
        b = dot(dots(dots(e, u, f + 16, g, f + 96), v, f + 32, h, f + 112), m, v128.load(f, 192));
        e = dot(dots(start, v, f, h, f + 80), m, v128.load(f, 160));
      }
    }
    if (width & 1) {
      const u = pairs(x0 + p, x1 + p), g = pairs(x2 + p, x3 + p), m = pairs(x4 + p, zeros);
      const first = dot(dots(a, u, f + 64, g, f + 144), m, v128.load(f, 240)), third = dot(dots(d, u, f + 32, g, f + 112), m, v128.load(f, 208));
      const bytes = requantize8(first, third, s, s, floor, slope);
      if (width > 1) v128.store32_lane(to - back, bytes, 0);
      v128.store32_lane(to, bytes, 1);
      if (stride == 1 && width > 1) {
        const second = dot(dots(b, u, f + 48, g, f + 128), m, v128.load(f, 224));
        v128.store32_lane(to - c, requantize8(second, second, s, s, floor, slope), 0);
      }
    } else {
      const bytes = requantize8(a, b, s, s, floor, slope);
      v128.store32_lane(to - back, bytes, 0);
      if (stride == 1) v128.store32_lane(to - c, bytes, 1);
    }
  }
}
