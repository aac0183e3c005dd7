// Depthwise convolution in int8, kernel k = 3 or 5, stride 1 or 2, padding k / 2; requantization as in product.ts.
//   x int8 [n, h, w, c]  y int8 [n, ceil(h / s), ceil(w / s), c]   c % 8 == 0
//   w    i16 [taps / 2 rounded up][c][2]: taps (ky, kx) row by row, two side by side, the last one beside zeros
//   bias i32 [c]  scale f32 [c]   taps i32 [k * k + 1]: scratch, the byte offset of each tap from its window's corner
//   Two taps of eight channels are interleaved, so that one dot product of 16-bit pairs adds both. Two neighbouring outputs share
//   the weights; outputs whose window leaves the picture check every tap.
import { floorOf, requantize8 } from "./product";

export function dwconvI8(y: usize, x: usize, w: usize, bias: usize, scale: usize, taps: usize, n: i32, height: i32, width: i32, c: i32, kernel: i32, stride: i32, slope: f32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, pad = kernel >> 1, row = width * c, count = kernel * kernel;
  for (let t = 0; t < count; t++) store<i32>(taps + (t << 2), (t / kernel) * row + (t % kernel) * c);
  store<i32>(taps + (count << 2), (kernel - 1) * row + (kernel - 1) * c); // its weight is zero
  const first = min(ow, (pad + stride - 1) / stride), last = max(first, min(ow, (width - kernel + pad) / stride + 1));
  for (let b = 0; b < n; b++, x += height * row)
    for (let oy = 0; oy < oh; oy++) {
      const top = oy * stride - pad, line = x + top * row - pad * c;
      const inside = top >= 0 && top + kernel <= height;
      for (let ox = 0; ox < ow; ) {
        const corner = line + ox * stride * c;
        if (inside && ox >= first && ox + 2 <= last) {
          pair(y, corner, stride * c, w, bias, scale, taps, c, count, slope);
          ox += 2;
          y += 2 * c;
        } else {
          border(y, corner, w, bias, scale, taps, c, top, ox * stride - pad, height, width, kernel, slope);
          ox++;
          y += c;
        }
      }
    }
}

// @ts-ignore: decorator
@inline
function low(p: v128, q: v128): v128 {
  return v128.shuffle<i16>(p, q, 0, 8, 1, 9, 2, 10, 3, 11);
}

// @ts-ignore: decorator
@inline
function high(p: v128, q: v128): v128 {
  return v128.shuffle<i16>(p, q, 4, 12, 5, 13, 6, 14, 7, 15);
}

// @ts-ignore: decorator
@inline
function finish(y: usize, a0: v128, a1: v128, scale: usize, slope: f32): void {
  v128.store64_lane(y, requantize8(a0, a1, v128.load(scale), v128.load(scale, 16), floorOf(slope), slope), 0);
}

/** Two outputs whose windows, `step` bytes apart, lie inside the picture. */
// @ts-ignore: decorator
@inline
function pair(y: usize, corner: usize, step: usize, w: usize, bias: usize, scale: usize, taps: usize, c: i32, count: i32, slope: f32): void {
  const end = taps + (count << 2), next = c << 2;
  for (let i = 0; i < c; i += 8) {
    let a0 = v128.load(bias + (i << 2)), a1 = v128.load(bias + (i << 2), 16), b0 = a0, b1 = a1;
    let wp = w + (i << 2);
    const from = corner + i;
    for (let t = taps; t < end; t += 8, wp += next) {
      const w0 = v128.load(wp), w1 = v128.load(wp, 16);
      const one = from + load<i32>(t), two = from + load<i32>(t, 4);
      let p = v128.load8x8_s(one), q = v128.load8x8_s(two);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(low(p, q), w0));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(high(p, q), w1));
      p = v128.load8x8_s(one + step); q = v128.load8x8_s(two + step);
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(low(p, q), w0));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(high(p, q), w1));
    }
    finish(y + i, a0, a1, scale + (i << 2), slope);
    finish(y + i + c, b0, b1, scale + (i << 2), slope);
  }
}

/** One output; taps outside the picture are zeros. */
function border(y: usize, corner: usize, w: usize, bias: usize, scale: usize, taps: usize, c: i32, top: i32, left: i32, height: i32, width: i32, kernel: i32, slope: f32): void {
  const count = kernel * kernel;
  for (let i = 0; i < c; i += 8) {
    let a0 = v128.load(bias + (i << 2)), a1 = v128.load(bias + (i << 2), 16);
    for (let t = 0; t < count; t++) {
      if (<u32>(top + t / kernel) >= <u32>height || <u32>(left + t % kernel) >= <u32>width) continue;
      const p = v128.load8x8_s(corner + load<i32>(taps + (t << 2)) + i), wp = w + (((t >> 1) * c + i) << 2);
      // the tap stands in the place of its pair where its weight is, the other one is zero
      const zero = i32x4.splat(0), q = t & 1 ? p : zero, r = t & 1 ? zero : p;
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(low(r, q), v128.load(wp)));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(high(r, q), v128.load(wp, 16)));
    }
    finish(y + i, a0, a1, scale + (i << 2), slope);
  }
}
