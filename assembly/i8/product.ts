// The int8 matrix product that the 1x1 and 3x3 convolutions share, and the two ways to multiply.
//   acc[i,o] = bias[o] + sum_k x[i,k] w[k,o]                                  exact in int32
//   int8 out   y[i,o] = clamp(round_half_even(v), -128, 127),  v = act(float(acc) scale[o]),  act(v) = max(v, slope v)
//   f32 out    y[i,o] = act(float(acc) scale[o])
//   bias i32 [co];  scale f32 [co]: input scale * weight scale / output scale (f32 out: input scale * weight scale)
//   pairs (flip < 0)     x i16: int8 values, widened by the caller;  w i16 panels of eight columns, pairs of k side by side: [co / 8][k / 2][8][2]
//   quads (flip 0, 128)  x int8, each value flipped by the caller: x ^ flip;  w int8 panels, four k side by side: [co / 8][k / 4][8][4]
//   Relaxed SIMD's dot product of bytes takes four k at once. What it makes of bytes above 127 in x is the CPU's affair, and the same all the
//   time: `byteDot` asks. Where they are signed, nothing is flipped, and no weight may be -128 (graph/params.ts sees to it). Where they are
//   unsigned, x ^ 128 is x + 128, and 128 times the weights' sum is taken from the bias. Where pairs of products saturate in 16 bits, as
//   before AVX-VNNI, pairs are as fast, and exact.
//   Requantization is in float: convert, one multiplication, hold to the floor, round by adding 1.5 * 2^23: the same bits on every CPU.
//   The floor is 0 for ReLU and -128 for the rest. What is too large needs no ceiling: bits of positive floats ascend as integers do, so
//   that saturating narrowing makes 127 of it.
import { activate } from "../simd";

/**
 * 1.5 * 2^23: what is added to it is rounded to an integer, by which the sum's bits are larger than its own. Made from what is known when it
 * runs only: V8 makes a constant anew in every turn of a loop that has no register left, which costs more than reading it back.
 */
export function magicOf(slope: f32): v128 {
  return f32x4.splat(12582912 + 0 * slope);
}

/** The sum of four products of a byte of w and one of x as this build and CPU make it; 0 without relaxed SIMD. */
export function byteDot(w: i32, x: i32): i32 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.extract_lane(i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(<i8>w), i8x16.splat(<i8>x), i32x4.splat(0)), 0);
  return 0;
}

/** a + the products of pairs. */
export function dotPairs(a: v128, x: v128, w: v128): v128 {
  return i32x4.add(a, i32x4.dot_i16x8_s(x, w));
}

/** a + the products of quads, where the build has them. */
export function dotQuads(a: v128, x: v128, w: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, a) : a;
}

/** What int8 outputs are held to from below, as floats. */
export function floorOf(slope: f32): v128 {
  return f32x4.splat(slope == 0 ? 0 : -128);
}

/** Whether the activation is more than a floor. */
export function isLeaky(slope: f32): bool {
  return slope > 0 && slope < 1;
}

/** Eight floats to eight int8 in the low half. */
export function quantize8(v0: v128, v1: v128, floor: v128, magic: v128): v128 {
  v0 = i32x4.sub(f32x4.add(f32x4.pmax(v0, floor), magic), magic);
  v1 = i32x4.sub(f32x4.add(f32x4.pmax(v1, floor), magic), magic);
  const narrow = i16x8.narrow_i32x4_s(v0, v1);
  return i8x16.narrow_i16x8_s(narrow, narrow);
}

/** Eight sums to eight int8 in the low half. */
export function requantize8(a0: v128, a1: v128, s0: v128, s1: v128, floor: v128, magic: v128, slope: f32, leaky: bool): v128 {
  let v0 = f32x4.mul(f32x4.convert_i32x4_s(a0), s0), v1 = f32x4.mul(f32x4.convert_i32x4_s(a1), s1);
  if (leaky) {
    v0 = activate(v0, f32x4.splat(slope));
    v1 = activate(v1, f32x4.splat(slope));
  }
  return quantize8(v0, v1, floor, magic);
}

@inline
function store8(y: usize, a0: v128, a1: v128, s0: v128, s1: v128, floor: v128, magic: v128, slope: f32, float: bool): void {
  if (float) {
    const act = f32x4.splat(slope);
    v128.store(y, activate(f32x4.mul(f32x4.convert_i32x4_s(a0), s0), act));
    v128.store(y, activate(f32x4.mul(f32x4.convert_i32x4_s(a1), s1), act), 16);
  } else v128.store64_lane(y, requantize8(a0, a1, s0, s1, floor, magic, slope, isLeaky(slope)), 0);
}

/**
 * y [rows, co] from rows of x that begin xs bytes apart, each made of `segments` runs of so many bytes (a multiple of 4), `gap` bytes apart.
 * float: y is f32; quads: as they are, else pairs.
 */
@inline
export function product(y: usize, x: usize, xs: usize, segments: i32, gap: usize, run: usize, w: usize, bias: usize, scale: usize, rows: i32, co: i32, slope: f32, float: bool, quads: bool, flip: i32): void {
  const floor = floorOf(slope), magic = magicOf(slope), size = float ? 4 : 1, ys: usize = co * size, depth: usize = <usize>segments * run << 3;
  for (let o = 0; o < co; o += 8, w += depth) {
    let b0 = v128.load(bias + (o << 2)), b1 = v128.load(bias + (o << 2), 16);
    if (quads && flip) {
      const all = i8x16.splat(-128);
      let f0 = i32x4.splat(0), f1 = f0;
      for (let p = w; p < w + depth; p += 32) {
        f0 = dotQuads(f0, all, v128.load(p)); f1 = dotQuads(f1, all, v128.load(p, 16));
      }
      b0 = i32x4.sub(b0, f0); b1 = i32x4.sub(b1, f1);
    }
    const s0 = v128.load(scale + (o << 2)), s1 = v128.load(scale + (o << 2), 16);
    let i = 0, from = x, to: usize = y + o * size;
    for (; i + 4 <= rows; i += 4, from += xs << 2) {
      let a00 = b0, a01 = b1, a10 = b0, a11 = b1, a20 = b0, a21 = b1, a30 = b0, a31 = b1, p = w;
      for (let s = 0; s < segments; s++) {
        let x0 = from + <usize>s * gap, x1 = x0 + xs, x2 = x1 + xs, x3 = x2 + xs;
        const end = x0 + run;
        while (x0 < end) {
          const w0 = v128.load(p), w1 = v128.load(p, 16);
          let v = v128.load32_splat(x0);
          a00 = dot(a00, v, w0, quads); a01 = dot(a01, v, w1, quads);
          v = v128.load32_splat(x1);
          a10 = dot(a10, v, w0, quads); a11 = dot(a11, v, w1, quads);
          v = v128.load32_splat(x2);
          a20 = dot(a20, v, w0, quads); a21 = dot(a21, v, w1, quads);
          v = v128.load32_splat(x3);
          a30 = dot(a30, v, w0, quads); a31 = dot(a31, v, w1, quads);
          x0 += 4; x1 += 4; x2 += 4; x3 += 4; p += 32;
        }
      }
      store8(to, a00, a01, s0, s1, floor, magic, slope, float); to += ys;
      store8(to, a10, a11, s0, s1, floor, magic, slope, float); to += ys;
      store8(to, a20, a21, s0, s1, floor, magic, slope, float); to += ys;
      store8(to, a30, a31, s0, s1, floor, magic, slope, float); to += ys;
    }
    for (; i < rows; i++, from += xs, to += ys) {
      let a0 = b0, a1 = b1, p = w;
      for (let s = 0; s < segments; s++) {
        let x0 = from + <usize>s * gap;
        for (const end = x0 + run; x0 < end; x0 += 4, p += 32) {
          const v = v128.load32_splat(x0);
          a0 = dot(a0, v, v128.load(p), quads); a1 = dot(a1, v, v128.load(p, 16), quads);
        }
      }
      store8(to, a0, a1, s0, s1, floor, magic, slope, float);
    }
  }
}

@inline
function dot(a: v128, x: v128, w: v128, quads: bool): v128 {
  return quads ? dotQuads(a, x, w) : dotPairs(a, x, w);
}
