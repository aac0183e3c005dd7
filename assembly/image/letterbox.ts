// RGBA bytes to the input: scaled, placed on grey, as signed bytes (byte - 128).
//   out[top + j, left + i, ch] = (sum_v sum_u rowWeight[j,v] columnWeight[i,u] rgba[row_j + v, column_i + u, ch] + 2^15) / 2^16 - 128
//   weights are 8-bit fixed point and add up to 256 for each output row and column (detect/preprocess.ts makes them:
//   area filter when shrinking, bilinear when growing), so the result is the same on every runtime
//   rgba u8 [sh, sw, 4];  out i8 [height, width, 3];  the rest is the grey of 114
//   rows columns: tables of i32 [size][2 + pairs]: first source index, count, then the weights as i16, filled up with zeros; a table ascends, or
//   descends for a flip
//   sums i16 [sw, 4]: scratch, one output row less 2^15 (128 times its weights) before its columns are joined; 32 bytes to spare at its end
const GREY: i32 = 114;

export function letterbox(out: usize, rgba: usize, sums: usize, rows: usize, columns: usize, pairs: i32, sw: i32, first: i32, last: i32,
  left: i32, top: i32, w: i32, h: i32, width: i32, height: i32): void {
  memory.fill(out, <u8>(GREY ^ 0x80), width * height * 3);
  const entry = (2 + pairs) << 2, start = (first << 2) & ~15, end = last << 2, row: usize = sw << 2;
  let taps = 0;
  for (let i = 0; i < w; i++) taps = max(taps, load<i32>(columns + i * entry, 4));
  for (let j = 0; j < h; j++, rows += entry) {
    joinRows(sums, rgba + <usize>load<i32>(rows) * row, row, rows + 8, load<i32>(rows, 4), start, end);
    let column = columns, to = out + ((top + j) * width + left) * 3, i = 0;
    for (; i + 4 <= w; i += 4, to += 12) {
      const a = pixel(sums, column, taps), b = pixel(sums, column + entry, taps);
      column += entry << 1;
      const c = pixel(sums, column, taps), d = pixel(sums, column + entry, taps);
      column += entry << 1;
      const bytes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
      const packed = v128.shuffle<i8>(bytes, bytes, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
      v128.store64_lane(to, packed, 0);
      v128.store32_lane(to, packed, 2, 8);
    }
    for (; i < w; i++, column += entry, to += 3) {
      const v = pixel(sums, column, taps);
      store<u8>(to, <u8>i32x4.extract_lane(v, 0));
      store<u8>(to, <u8>i32x4.extract_lane(v, 1), 1);
      store<u8>(to, <u8>i32x4.extract_lane(v, 2), 2);
    }
  }
}

/** Source rows times weights, summed in registers: bytes start..end - 1 of a row. */
function joinRows(sums: usize, from: usize, row: usize, weights: usize, count: i32, start: i32, end: i32): void {
  const none = i16x8.splat(-32768), last = weights + (count << 1);
  let i = start;
  for (; i + 32 <= end; i += 32) {
    let a = none, b = none, c = none, d = none, p = from + i;
    for (let weight = weights; weight < last; weight += 2, p += row) {
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
    for (let weight = weights; weight < last; weight += 2, p += row)
      a = i16x8.add(a, i16x8.mul(i16x8.extend_low_i8x16_u(v128.load32_zero(p)), v128.load16_splat(weight)));
    v128.store64_lane(sums + (i << 1), a, 0);
  }
}

/** Columns times weights, summed: a pixel's four channels as signed bytes in i32. `taps`: the most that any column has; zeros stand behind its own. */
// @ts-ignore: decorator
@inline
function pixel(sums: usize, column: usize, taps: i32): v128 {
  let p = sums + (load<i32>(column) << 3), total = i32x4.add(i32x4.splat(1 << 15), twoTaps(p, column + 8));
  if (taps > 2) total = i32x4.add(total, twoTaps(p + 16, column + 12));
  if (taps > 4) {
    const last = column + 8 + (load<i32>(column, 4) << 1);
    p += 32;
    for (let weight = column + 16; weight < last; weight += 4, p += 16) total = i32x4.add(total, twoTaps(p, weight));
  }
  return i32x4.shr_s(total, 16);
}

/** Two pixels times two weights. */
function twoTaps(p: usize, weights: usize): v128 {
  const v = v128.load(p);
  return i32x4.dot_i16x8_s(v128.shuffle<i16>(v, v, 0, 4, 1, 5, 2, 6, 3, 7), v128.load32_splat(weights));
}
