// Depthwise convolution in int8, kernel k = 3 or 5, stride s = 1 or 2, padding k / 2; requantization and flip as in product.ts.
//   x int8 [n, h, w, c]  y int8 [n, ceil(h / s), ceil(w / s), c]   c % 8 == 0
//   from, to: output rows to be done, counted over the batch, [from, to); y and x are the whole batch's
//   bias i32 [c]  scale f32 [c]   zeros int8 [w, c]: scratch, what is read for rows outside the picture
//   w, pairs   i16 [c / 4][vectors][4][2]: pairs of taps for four channels. First k vectors for each two rows of the kernel but the last:
//              (w[2 r, kx], w[2 r + 1, kx]); then k + 1 for the last row: (w[kx - 1], w[kx]), 0 beyond its ends.
//   w, quads   int8 [c / 4][vectors][4][4]. 3x3: 3 vectors (w[0, kx], w[1, kx], w[2, kx], 0). 5x5: 5 vectors (w[0, kx], .., w[3, kx]), then 6 for
//              the last row: (w[kx - 1], w[kx], 0, 0).
//   A row of outputs is made four channels at a time, two columns of x a turn. Rows 2 r and 2 r + 1 of a column are interleaved, and of the
//   last row both columns, so that one dot product of 16-bit pairs adds two taps; it goes to every output that sees it, whose sums wait in
//   registers. Four channels and not eight: a 3x3 kernel's weights then stay in registers (40x24x64: 0.81x).
//   Quads: a column's three or four rows are interleaved. Flipped zeros are not zeros, so that columns outside the picture count too.
import { dotPairs as dot, dotQuads, floorOf, isLeaky, magicOf, requantize8 } from "./product";

export function dwconvI8(y: usize, x: usize, w: usize, bias: usize, scale: usize, zeros: usize, from: i32, to: i32, height: i32, width: i32, c: i32, kernel: i32, stride: i32, slope: f32, flip: i32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, row: usize = width * c;
  memory.fill(zeros, 0, row);
  y += from * ow * c;
  for (let r = from; r < to; r++, y += ow * c) {
    const iy = r % oh * stride, x2 = x + <usize>(r / oh * height + iy) * row;
    const x1 = iy >= 1 ? x2 - row : zeros, x3 = iy + 1 < height ? x2 + row : zeros;
    const x0 = iy >= 2 ? x1 - row : zeros, x4 = iy + 2 < height ? x3 + row : zeros;
    if (ASC_FEATURE_RELAXED_SIMD && flip >= 0) {
      if (kernel == 3) {
        if (isLeaky(slope)) row3Quads(y, x1, x2, x3, w, bias, scale, width, c, stride, slope, flip, true);
        else row3Quads(y, x1, x2, x3, w, bias, scale, width, c, stride, slope, flip, false);
      } else row5Quads(y, x0, x1, x2, x3, x4, w, bias, scale, zeros, width, c, stride, slope, flip);
    } else if (kernel == 3) row3(y, x1, x2, x3, w, bias, scale, zeros, width, c, stride, slope);
    else row5(y, x0, x1, x2, x3, x4, w, bias, scale, zeros, width, c, stride, slope);
  }
}

/** Four channels of two pixels: i16 (p0, q0, p1, q1, ..). */
function pairs(p: usize, q: usize): v128 {
  return i16x8.extend_low_i8x16_s(v128.shuffle<i8>(v128.load32_zero(p), v128.load32_zero(q), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
}

/** A row of outputs from input rows p, q, r. In each turn u and v are columns ix and ix + 1 of the upper rows, h both of the last. */
function row3(y: usize, x0: usize, x1: usize, x2: usize, w: usize, bias: usize, scale: usize, zeros: usize, width: i32, c: i32, stride: i32, slope: f32): void {
  const floor = floorOf(slope), magic = magicOf(slope), leaky = isLeaky(slope);
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
        const bytes = requantize8(dot(dot(a, u, k2), h, m3), done, s, s, floor, magic, slope, leaky);
        a = dot(dot(dot(start, u, k0), v, k1), h, m1);
        if (to != y + i) v128.store32_lane(to - c, bytes, 0);
        v128.store32_lane(to, bytes, 1);
        to += c << 1;
      } else {
        v128.store32_lane(to, requantize8(done, done, s, s, floor, magic, slope, leaky), 0);
        to += c;
      }
    }
    if (width & 1) {
      const u = pairs(p, q), h = pairs(r, zeros);
      const bytes = requantize8(dot(dot(a, u, k2), h, m3), dot(dot(b, u, k1), h, m2), s, s, floor, magic, slope, leaky);
      if (stride == 1 && width > 1) v128.store32_lane(to - c, bytes, 0);
      v128.store32_lane(to, bytes, 1);
    } else if (stride == 1) v128.store32_lane(to - c, requantize8(a, a, s, s, floor, magic, slope, leaky), 0);
  }
}

function dots(a: v128, x: v128, w: usize, z: v128, v: usize): v128 {
  return dot(dot(a, x, v128.load(w)), z, v128.load(v));
}

/** The same for five rows: u and v of the first two, g and h of the next two, m both columns of the last. */
function row5(y: usize, x0: usize, x1: usize, x2: usize, x3: usize, x4: usize, w: usize, bias: usize, scale: usize, zeros: usize, width: i32, c: i32, stride: i32, slope: f32): void {
  const floor = floorOf(slope), magic = magicOf(slope), leaky = isLeaky(slope), even: usize = (width & ~1) * c, back: usize = stride == 1 ? 2 * c : c;
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
        const bytes = requantize8(first, second, s, s, floor, magic, slope, leaky);
        if (to != y + i) {
          v128.store32_lane(to - back, bytes, 0);
          v128.store32_lane(to - c, bytes, 1);
        }
        to += c << 1;
      } else {
        if (to != y + i) v128.store32_lane(to - back, requantize8(first, first, s, s, floor, magic, slope, leaky), 0);
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
      const bytes = requantize8(first, third, s, s, floor, magic, slope, leaky);
      if (width > 1) v128.store32_lane(to - back, bytes, 0);
      v128.store32_lane(to, bytes, 1);
      if (stride == 1 && width > 1) {
        const second = dot(dots(b, u, f + 48, g, f + 128), m, v128.load(f, 224));
        v128.store32_lane(to - c, requantize8(second, second, s, s, floor, magic, slope, leaky), 0);
      }
    } else {
      const bytes = requantize8(a, b, s, s, floor, magic, slope, leaky);
      v128.store32_lane(to - back, bytes, 0);
      if (stride == 1) v128.store32_lane(to - c, bytes, 1);
    }
  }
}

/** Eight channels a turn: u of the first four, v of the others. A function for LeakyReLU alone: asked for in the loop, it cost 16 %. */
@inline
function row3Quads(y: usize, x0: usize, x1: usize, x2: usize, w: usize, bias: usize, scale: usize, width: i32, c: i32, stride: i32, slope: f32, flip: i32, leaky: bool): void {
  const floor = floorOf(slope), magic = magicOf(slope), z = i8x16.splat(<i8>flip);
  for (let i = 0; i < c; i += 8) {
    const f = w + i * 12, s0 = v128.load(scale + (i << 2)), s1 = v128.load(scale + (i << 2), 16);
    const k0 = v128.load(f), k1 = v128.load(f, 16), k2 = v128.load(f, 32), m0 = v128.load(f, 48), m1 = v128.load(f, 64), m2 = v128.load(f, 80);
    const none = i32x4.splat(0);
    const start0 = i32x4.sub(v128.load(bias + (i << 2)), dotQuads(dotQuads(dotQuads(none, z, k0), z, k1), z, k2));
    const start1 = i32x4.sub(v128.load(bias + (i << 2), 16), dotQuads(dotQuads(dotQuads(none, z, m0), z, m1), z, m2));
    // sums of outputs ix - 1 and ix (stride 2: a only, of ix)
    let p = x0 + i, q = x1 + i, r = x2 + i, to = y + i, a0 = start0, a1 = start1, b0 = dotQuads(start0, z, k0), b1 = dotQuads(start1, z, m0);
    if (stride == 2) { a0 = b0; a1 = b1; }
    for (let ix = 0; ix < width; ix++, p += c, q += c, r += c) {
      const above = v128.shuffle<i8>(v128.load64_zero(p), v128.load64_zero(q), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), below = v128.load8x8_u(r);
      const u = v128.xor(v128.shuffle<i16>(above, below, 0, 8, 1, 9, 2, 10, 3, 11), z), v = v128.xor(v128.shuffle<i16>(above, below, 4, 12, 5, 13, 6, 14, 7, 15), z);
      if (stride == 1) {
        if (ix > 0) {
          v128.store64_lane(to, requantize8(dotQuads(a0, u, k2), dotQuads(a1, v, m2), s0, s1, floor, magic, slope, leaky), 0);
          to += c;
        }
        a0 = dotQuads(b0, u, k1); a1 = dotQuads(b1, v, m1);
        b0 = dotQuads(start0, u, k0); b1 = dotQuads(start1, v, m0);
      } else if (ix & 1) {
        v128.store64_lane(to, requantize8(dotQuads(a0, u, k2), dotQuads(a1, v, m2), s0, s1, floor, magic, slope, leaky), 0);
        to += c;
        a0 = dotQuads(start0, u, k0); a1 = dotQuads(start1, v, m0);
      } else { a0 = dotQuads(a0, u, k1); a1 = dotQuads(a1, v, m1); }
    }
    if (stride == 1 || (width & 1)) v128.store64_lane(to, requantize8(dotQuads(a0, z, k2), dotQuads(a1, z, m2), s0, s1, floor, magic, slope, leaky), 0);
  }
}

/** Four channels of four pixels: (p0, q0, r0, s0, p1, ..). */
function quads(p: usize, q: usize, r: usize, s: usize): v128 {
  const a = v128.shuffle<i8>(v128.load32_zero(p), v128.load32_zero(q), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const b = v128.shuffle<i8>(v128.load32_zero(r), v128.load32_zero(s), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

/** Four channels of two pixels: (p0, q0, 0, 0, p1, ..). */
function halves(p: usize, q: usize): v128 {
  return i32x4.extend_low_i16x8_u(v128.shuffle<i8>(v128.load32_zero(p), v128.load32_zero(q), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
}

function dot1(a: v128, x: v128, w: usize): v128 {
  return dotQuads(a, x, v128.load(w));
}

/** As row5: u and v are columns ix and ix + 1 of the upper four rows, m both of the last. */
function row5Quads(y: usize, x0: usize, x1: usize, x2: usize, x3: usize, x4: usize, w: usize, bias: usize, scale: usize, zeros: usize, width: i32, c: i32, stride: i32, slope: f32, flip: i32): void {
  const floor = floorOf(slope), magic = magicOf(slope), leaky = isLeaky(slope), z = i8x16.splat(<i8>flip), even: usize = (width & ~1) * c, back: usize = stride == 1 ? 2 * c : c;
  for (let i = 0; i < c; i += 4) {
    const f = w + i * 44, s = v128.load(scale + (i << 2));
    let sum = dot1(i32x4.splat(0), z, f);
    for (let k = 16; k < 80; k += 16) sum = dot1(sum, z, f + k);
    for (let k = 96; k < 176; k += 32) sum = dot1(sum, z, f + k); // (w[0], w[1]), (w[2], w[3]), (w[4], 0)
    const start = i32x4.sub(v128.load(bias + (i << 2)), sum);
    // sums of outputs ix - 2, ix - 1, ix, ix + 1 (stride 2: a and d of ix - 2 and ix)
    let p: usize = i, to = y + i, a = start, b = start, d = dot1(dot1(dot1(start, z, f), z, f + 16), z, f + 96), e = dot1(dot1(start, z, f), z, f + 80);
    for (; p < even; p += c) {
      const u = v128.xor(quads(x0 + p, x1 + p, x2 + p, x3 + p), z), last = x4 + p;
      p += c;
      const v = v128.xor(quads(x0 + p, x1 + p, x2 + p, x3 + p), z), m = v128.xor(halves(last, x4 + p), z);
      const first = dot1(dot1(a, u, f + 64), m, f + 160);
      if (stride == 1) {
        const second = dot1(dot1(dot1(b, u, f + 48), v, f + 64), m, f + 144);
        const bytes = requantize8(first, second, s, s, floor, magic, slope, leaky);
        if (to != y + i) {
          v128.store32_lane(to - back, bytes, 0);
          v128.store32_lane(to - c, bytes, 1);
        }
        to += c << 1;
      } else {
        if (to != y + i) v128.store32_lane(to - back, requantize8(first, first, s, s, floor, magic, slope, leaky), 0);
        to += c;
      }
      a = dot1(dot1(dot1(d, u, f + 32), v, f + 48), m, f + 128);
      d = dot1(dot1(dot1(start, u, f), v, f + 16), m, f + 96);
      if (stride == 1) {
        b = dot1(dot1(dot1(e, u, f + 16), v, f + 32), m, f + 112);
        e = dot1(dot1(start, v, f), m, f + 80);
      }
    }
    // a last column alone, or none: what is behind it counts as zeros
    let u = z, m = z;
    if (width & 1) {
      u = v128.xor(quads(x0 + p, x1 + p, x2 + p, x3 + p), z);
      m = v128.xor(halves(x4 + p, zeros), z);
    }
    const first = dot1(dot1(a, u, f + 64), m, f + 160), second = dot1(dot1(dot1(b, u, f + 48), z, f + 64), m, f + 144);
    const third = dot1(dot1(dot1(dot1(dot1(d, u, f + 32), z, f + 48), z, f + 64), m, f + 128), z, f + 160);
    const bytes = requantize8(first, stride == 1 ? second : third, s, s, floor, magic, slope, leaky);
    if (width > 1) v128.store32_lane(to - back, bytes, 0);
    if (stride == 1) {
      if (width > 1) v128.store32_lane(to - c, bytes, 1);
      if (width & 1) v128.store32_lane(to, requantize8(third, third, s, s, floor, magic, slope, leaky), 0);
    } else if (width & 1) v128.store32_lane(to, bytes, 1);
  }
}
