// Y'CbCr planes to RGBA bytes: what cameras and video decoders give, with a chroma sample for each 2 x 2 pixels.
//   r = (gain (Y - black) + rv (V - 128) + 2^12) / 2^13, held to 0..255;  g with gu and gv, b with bu likewise;  a = 255
//   gain rv gu gv bu are fixed point of 13 bits, as src/image/yuv.ts makes them of ITU-R BT.601 or BT.709
//   rgba u8 [height, width, 4];  luma u8 [height, width];  u v u8 [ceil(height / 2), ceil(width / 2)], rows and samples `step` bytes apart:
//   1 in I420, where each is a plane, 2 in NV12, where v = u + 1
const HALF: i32 = 1 << 12;

export function yuv(rgba: usize, luma: usize, u: usize, v: usize, step: i32, width: i32, height: i32, black: i32, gain: i32, rv: i32, gu: i32, gv: i32, bu: i32): void {
  const row = <usize>(((width + 1) >> 1) * step);
  for (let j = 0; j < height; j++, luma += width, rgba += <usize>width << 2) {
    if (step == 1) line(rgba, luma, u, v, false, width, black, gain, rv, gu, gv, bu);
    else line(rgba, luma, u, v, true, width, black, gain, rv, gu, gv, bu);
    if (j & 1) { u += row; v += row; }
  }
}

@inline
function line(rgba: usize, luma: usize, u: usize, v: usize, interleaved: bool, width: i32, black: i32, gain: i32, rv: i32, gu: i32, gv: i32, bu: i32): void {
  const red = i32x4.splat((gain & 0xffff) | (rv << 16)), green = i32x4.splat((gain & 0xffff) | (gv << 16)), blue = i32x4.splat((gain & 0xffff) | (bu << 16));
  const greenU = i32x4.splat(gu & 0xffff), half = i32x4.splat(HALF), offset = i16x8.splat(<i16>black), middle = i16x8.splat(128), opaque = i16x8.splat(255);
  let i = 0;
  for (; i + 8 <= width; i += 8) {
    const y = i16x8.sub(i16x8.extend_low_i8x16_u(v128.load64_zero(luma + i)), offset);
    let cu: v128, cv: v128;
    if (interleaved) {
      const both = v128.load64_zero(u + i);
      cu = v128.shuffle<u8>(both, both, 0, 0, 2, 2, 4, 4, 6, 6, 0, 0, 0, 0, 0, 0, 0, 0);
      cv = v128.shuffle<u8>(both, both, 1, 1, 3, 3, 5, 5, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0);
    } else {
      const a = v128.load32_zero(u + (i >> 1)), b = v128.load32_zero(v + (i >> 1));
      cu = v128.shuffle<u8>(a, a, 0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0);
      cv = v128.shuffle<u8>(b, b, 0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0);
    }
    cu = i16x8.sub(i16x8.extend_low_i8x16_u(cu), middle);
    cv = i16x8.sub(i16x8.extend_low_i8x16_u(cv), middle);
    const yvLow = v128.shuffle<i16>(y, cv, 0, 8, 1, 9, 2, 10, 3, 11), yvHigh = v128.shuffle<i16>(y, cv, 4, 12, 5, 13, 6, 14, 7, 15);
    const yuLow = v128.shuffle<i16>(y, cu, 0, 8, 1, 9, 2, 10, 3, 11), yuHigh = v128.shuffle<i16>(y, cu, 4, 12, 5, 13, 6, 14, 7, 15);
    const uLow = i32x4.add(i32x4.dot_i16x8_s(i32x4.extend_low_i16x8_s(cu), greenU), half), uHigh = i32x4.add(i32x4.dot_i16x8_s(i32x4.extend_high_i16x8_s(cu), greenU), half);
    const r = narrow(i32x4.add(i32x4.dot_i16x8_s(yvLow, red), half), i32x4.add(i32x4.dot_i16x8_s(yvHigh, red), half));
    const g = narrow(i32x4.add(i32x4.dot_i16x8_s(yvLow, green), uLow), i32x4.add(i32x4.dot_i16x8_s(yvHigh, green), uHigh));
    const b = narrow(i32x4.add(i32x4.dot_i16x8_s(yuLow, blue), half), i32x4.add(i32x4.dot_i16x8_s(yuHigh, blue), half));
    const rg = i8x16.narrow_i16x8_u(r, g), ba = i8x16.narrow_i16x8_u(b, opaque), to = rgba + (i << 2);
    v128.store(to, v128.shuffle<u8>(rg, ba, 0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27));
    v128.store(to, v128.shuffle<u8>(rg, ba, 4, 12, 20, 28, 5, 13, 21, 29, 6, 14, 22, 30, 7, 15, 23, 31), 16);
  }
  for (; i < width; i++) {
    const at = interleaved ? i & ~1 : i >> 1;
    const y = gain * (<i32>load<u8>(luma + i) - black) + HALF, cu = <i32>load<u8>(u + at) - 128, cv = <i32>load<u8>(v + at) - 128, to = rgba + (i << 2);
    store<u8>(to, byte(y + rv * cv));
    store<u8>(to, byte(y + gu * cu + gv * cv), 1);
    store<u8>(to, byte(y + bu * cu), 2);
    store<u8>(to, 255, 3);
  }
}

/** Sums of two times four pixels as 16 bits. */
@inline
function narrow(low: v128, high: v128): v128 {
  return i16x8.narrow_i32x4_s(i32x4.shr_s(low, 13), i32x4.shr_s(high, 13));
}

@inline
function byte(sum: i32): u8 {
  return <u8>min(max(sum >> 13, 0), 255);
}
