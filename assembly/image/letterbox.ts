// RGBA bytes to the input: scaled, placed on grey, as signed bytes (byte - 128).
//   out[top + j, left + i, ch] = (sum_v sum_u rowWeight[j,v] columnWeight[i,u] rgba[row_j + v, column_i + u, ch] + 2^15) / 2^16 - 128
//   weights are 8-bit fixed point and add up to 256 for each output row and column (detect/preprocess.ts makes them:
//   area filter when shrinking, bilinear when growing), so the result is the same on every runtime
//   rgba u8 [sh, sw, 4];  out i8 [height, width, 3];  the rest is the grey of 114
//   rows columns: tables of i32 [size][2 + most]: first source index, count, then the weights; a table ascends, or descends for a flip
//   sums u16 [sw, 4]: scratch, one output row before its columns are joined; 16 bytes to spare at the end of sums and out
const GREY: i32 = 114;

export function letterbox(out: usize, rgba: usize, sums: usize, rows: usize, columns: usize, most: i32, sw: i32, first: i32, last: i32,
  left: i32, top: i32, w: i32, h: i32, width: i32, height: i32): void {
  memory.fill(out, <u8>(GREY ^ 0x80), width * height * 3);
  const entry = (2 + most) << 2, start = (first << 2) & ~15, end = last << 2;
  for (let j = 0; j < h; j++, rows += entry) {
    const count = load<i32>(rows, 4);
    let from = rgba + load<i32>(rows) * (sw << 2);
    // the picture's rows first: sums of bytes times weights stay below 2^16
    for (let v = 0; v < count; v++, from += sw << 2) {
      const weight = i16x8.splat(<i16>load<i32>(rows + (v << 2), 8));
      let i = start;
      if (v == 0) {
        for (; i + 16 <= end; i += 16) {
          const p = v128.load(from + i), to = sums + (i << 1);
          v128.store(to, i16x8.mul(i16x8.extend_low_i8x16_u(p), weight));
          v128.store(to, i16x8.mul(i16x8.extend_high_i8x16_u(p), weight), 16);
        }
        for (; i < end; i += 4) v128.store64_lane(sums + (i << 1), i16x8.mul(i16x8.extend_low_i8x16_u(v128.load32_zero(from + i)), weight), 0);
      } else {
        for (; i + 16 <= end; i += 16) {
          const p = v128.load(from + i), to = sums + (i << 1);
          v128.store(to, i16x8.add(v128.load(to), i16x8.mul(i16x8.extend_low_i8x16_u(p), weight)));
          v128.store(to, i16x8.add(v128.load(to, 16), i16x8.mul(i16x8.extend_high_i8x16_u(p), weight)), 16);
        }
        for (; i < end; i += 4) {
          const to = sums + (i << 1);
          v128.store64_lane(to, i16x8.add(v128.load64_zero(to), i16x8.mul(i16x8.extend_low_i8x16_u(v128.load32_zero(from + i)), weight)), 0);
        }
      }
    }
    let column = columns, to = out + ((top + j) * width + left) * 3;
    for (let i = 0; i < w; i++, column += entry, to += 3) {
      const taps = load<i32>(column, 4);
      let p = sums + (load<i32>(column) << 3), total = i32x4.splat(1 << 15);
      for (let u = 0; u < taps; u++, p += 8)
        total = i32x4.add(total, i32x4.mul(v128.load16x4_u(p), v128.load32_splat(column + (u << 2), 8)));
      const bytes = i32x4.shr_u(total, 16);
      store<u8>(to, <u8>(i32x4.extract_lane(bytes, 0) ^ 0x80));
      store<u8>(to, <u8>(i32x4.extract_lane(bytes, 1) ^ 0x80), 1);
      store<u8>(to, <u8>(i32x4.extract_lane(bytes, 2) ^ 0x80), 2);
    }
  }
}
