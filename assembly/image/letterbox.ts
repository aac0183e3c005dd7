// RGBA bytes to the input: scaled, placed on grey, as signed bytes (byte - 128).
//   out[top + j, left + i, ch] = (sum_v sum_u rowWeight[j,v] columnWeight[i,u] rgba[row_j + v, column_i + u, ch] + 2^15) / 2^16 - 128
//   weights are 8-bit fixed point and add up to 256 for each output row and column (src/image/letterbox.ts makes them:
//   area filter when shrinking, bilinear when growing), so the result is the same on every runtime
//   rgba u8 [sh, sw, 4];  out i8 [height, width, 3];  the rest is the grey of 114
//   rows columns: tables of i32 [h][2 + rowWords] and [w][2 + columnWords]: first source index, count, then the weights, filled up with zeros, of a
//   row as i32, of a column as i16 or, where bytes are multiplied in quads (flip 0 or 128, i8/product.ts), as i8; a table ascends, or descends
//   sums i16 [sw, 4]: scratch, one output row less 2^15 (128 times its weights) before its columns are joined; 32 bytes to spare at its end
//   Quads join four columns at once, which are few enough to go row by row to the output pixel, without sums on the way.
import { dotQuads } from "../i8/product";

const GREY: i32 = 114;

export function letterbox(out: usize, rgba: usize, sums: usize, rows: usize, columns: usize, rowWords: i32, columnWords: i32, sw: i32, first: i32, last: i32,
  left: i32, top: i32, w: i32, h: i32, width: i32, height: i32, flip: i32): void {
  memory.fill(out, <u8>(GREY ^ 0x80), width * height * 3);
  if (ASC_FEATURE_RELAXED_SIMD && flip > 0) lines(out, rgba, sums, rows, columns, rowWords, columnWords, sw, first, last, left, top, w, h, width, true, false);
  else if (ASC_FEATURE_RELAXED_SIMD && flip == 0) lines(out, rgba, sums, rows, columns, rowWords, columnWords, sw, first, last, left, top, w, h, width, true, true);
  else lines(out, rgba, sums, rows, columns, rowWords, columnWords, sw, first, last, left, top, w, h, width, false, false);
}

@inline
function lines(out: usize, rgba: usize, sums: usize, rows: usize, columns: usize, rowWords: i32, columnWords: i32, sw: i32, first: i32, last: i32,
  left: i32, top: i32, w: i32, h: i32, width: i32, quads: bool, signed: bool): void {
  const entry: usize = (2 + columnWords) << 2, start = (first << 2) & ~15, end = last << 2, row: usize = sw << 2;
  let taps = 0;
  for (let i = 0; i < w; i++) taps = max(taps, load<i32>(columns + <usize>i * entry, 4));
  // read back, since V8 would make constants anew for every pixel (0.65x)
  v128.store(sums, i8x16(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  v128.store(sums, i32x4.splat(signed ? 0 : -32768), 16);
  const order = v128.load(sums), none = v128.load(sums, 16);
  for (let j = 0; j < h; j++, rows += (2 + rowWords) << 2) {
    const from = rgba + <usize>load<i32>(rows) * row, weights = rows + 8, count = load<i32>(rows, 4);
    if (!quads) joinRows(sums, from, row, weights, count, start, end);
    let column = columns, to = out + ((top + j) * width + left) * 3, i = 0;
    for (; i + 4 <= w; i += 4, to += 12, column += entry << 2) {
      const bytes = quads ? fourPixelsQuads(from, row, weights, count, column, entry, taps, order, none, signed) : fourPixels(sums, column, entry, taps);
      const packed = v128.shuffle<i8>(bytes, bytes, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
      v128.store64_lane(to, packed, 0);
      v128.store32_lane(to, packed, 2, 8);
    }
    for (; i < w; i++, column += entry, to += 3) {
      const bytes = quads ? lastPixel(from, row, weights, count, column, taps, order, none, signed) : fourPixels(sums, column, 0, taps);
      store<u16>(to, <u16>i16x8.extract_lane_u(bytes, 0));
      store<u8>(to, <u8>i8x16.extract_lane_u(bytes, 2), 2);
    }
  }
}

/** Sums of four pixels' channels, each in 2^-16, as signed bytes. */
function pack(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(i32x4.shr_s(a, 16), i32x4.shr_s(b, 16)), i16x8.narrow_i32x4_s(i32x4.shr_s(c, 16), i32x4.shr_s(d, 16)));
}

/**
 * Four columns of rows times weights, four taps at once; `order` brings a channel's bytes side by side. signed: as the CPU takes bytes, which are
 * then less 128; else each row's sum is made less 2^15, and has 16 bits. What all rows together are so less by is 128 once, not for each four taps.
 */
@inline
function fourPixelsQuads(rgba: usize, row: usize, weights: usize, rows: i32, column: usize, entry: usize, taps: i32, order: v128, none: v128, signed: bool): v128 {
  const c1 = column + entry, c2 = c1 + entry, c3 = c2 + entry, last = weights + (rows << 2);
  let a = i32x4.splat((1 << 15) + (signed ? 0 : ((taps - 1) >> 2) << 23)), b = a, c = a, d = a;
  for (let k = 0; k < taps; k += 4) {
    const w0 = v128.load32_splat(column + k, 8), w1 = v128.load32_splat(c1 + k, 8), w2 = v128.load32_splat(c2 + k, 8), w3 = v128.load32_splat(c3 + k, 8);
    let p0 = rgba + ((load<i32>(column) + k) << 2), p1 = rgba + ((load<i32>(c1) + k) << 2), p2 = rgba + ((load<i32>(c2) + k) << 2), p3 = rgba + ((load<i32>(c3) + k) << 2);
    for (let weight = weights; weight < last; weight += 4, p0 += row, p1 += row, p2 += row, p3 += row) {
      const share = v128.load32_splat(weight);
      a = i32x4.add(a, i32x4.dot_i16x8_s(fourTaps(none, p0, w0, order, signed), share));
      b = i32x4.add(b, i32x4.dot_i16x8_s(fourTaps(none, p1, w1, order, signed), share));
      c = i32x4.add(c, i32x4.dot_i16x8_s(fourTaps(none, p2, w2, order, signed), share));
      d = i32x4.add(d, i32x4.dot_i16x8_s(fourTaps(none, p3, w3, order, signed), share));
    }
  }
  return pack(a, b, c, d);
}

/** A pixel that has no three beside it, four times; a function of its own, so that V8 finds the one around the others' loop small enough to unroll it (0.79x). */
function lastPixel(rgba: usize, row: usize, weights: usize, rows: i32, column: usize, taps: i32, order: v128, none: v128, signed: bool): v128 {
  return fourPixelsQuads(rgba, row, weights, rows, column, 0, taps, order, none, signed);
}

/** sum + four pixels times four weights. */
@inline
function fourTaps(sum: v128, p: usize, weights: v128, order: v128, signed: bool): v128 {
  if (!ASC_FEATURE_RELAXED_SIMD) return sum;
  const bytes = i8x16.relaxed_swizzle(v128.load(p), order);
  return dotQuads(sum, signed ? v128.xor(bytes, i8x16.splat(-128)) : bytes, weights);
}

/** Source rows times weights, summed in registers: bytes start..end - 1 of a row. */
function joinRows(sums: usize, from: usize, row: usize, weights: usize, count: i32, start: i32, end: i32): void {
  const none = i16x8.splat(-32768), last = weights + (count << 2);
  let i = start;
  for (; i + 32 <= end; i += 32) {
    let a = none, b = none, c = none, d = none, p = from + i;
    for (let weight = weights; weight < last; weight += 4, p += row) {
      const w = v128.load16_splat(weight), left = v128.load(p), right = v128.load(p, 16);
      a = i16x8.add(a, i16x8.mul(i16x8.extend_low_i8x16_u(left), w));
      b = i16x8.add(b, i16x8.mul(i16x8.extend_high_i8x16_u(left), w));
      c = i16x8.add(c, i16x8.mul(i16x8.extend_low_i8x16_u(right), w));
      d = i16x8.add(d, i16x8.mul(i16x8.extend_high_i8x16_u(right), w));
    }
    const to = sums + (i << 1);
    v128.store(to, a); v128.store(to, b, 16); v128.store(to, c, 32); v128.store(to, d, 48);
  }
  for (; i < end; i += 4) {
    let a = none, p = from + i;
    for (let weight = weights; weight < last; weight += 4, p += row)
      a = i16x8.add(a, i16x8.mul(i16x8.extend_low_i8x16_u(v128.load32_zero(p)), v128.load16_splat(weight)));
    v128.store64_lane(sums + (i << 1), a, 0);
  }
}

/** Four columns of joined rows. */
@inline
function fourPixels(sums: usize, column: usize, entry: usize, taps: i32): v128 {
  const c1 = column + entry, c2 = c1 + entry;
  return pack(pixel(sums, column, taps), pixel(sums, c1, taps), pixel(sums, c2, taps), pixel(sums, c2 + entry, taps));
}

/** Columns times weights, summed: a pixel's four channels. `taps`: the most that any column has; zeros stand behind its own. */
@inline
function pixel(sums: usize, column: usize, taps: i32): v128 {
  let p = sums + (load<i32>(column) << 3), total = i32x4.add(i32x4.splat(1 << 15), twoTaps(p, column + 8));
  if (taps > 2) total = i32x4.add(total, twoTaps(p + 16, column + 12));
  if (taps > 4) {
    const last = column + 8 + (load<i32>(column, 4) << 1);
    p += 32;
    for (let weight = column + 16; weight < last; weight += 4, p += 16) total = i32x4.add(total, twoTaps(p, weight));
  }
  return total;
}

/** Two pixels times two weights. */
function twoTaps(p: usize, weights: usize): v128 {
  return i32x4.dot_i16x8_s(v128.shuffle<i16>(v128.load64_zero(p), v128.load64_zero(p, 8), 0, 8, 1, 9, 2, 10, 3, 11), v128.load32_splat(weights));
}
