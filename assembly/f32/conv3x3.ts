// 3x3 convolution with padding 1: each output row's patches are laid out as rows and handed to the 1x1 product.
//   forward          y[oy,ox,o] = act(bias[o] + sum_{ky,kx,i} x[oy s + ky - 1, ox s + kx - 1, i] w[ky,kx,i,o])
//   backward, data   dx  = the patches of dy w^T, added back where they came from        (c % 8 == 0)
//   backward, weight dw += patches^T dy
//   x f32 [n, h, w, c]  y f32 [n, oh, ow, co], oh = ceil(h / s)   c == 3 or c % 8 == 0, co % 8 == 0
//   w f32 panels [co / 8][k][8], k = 9 c rounded up to a multiple of 4 (rows past 9 c are zero)
//   patches f32 [ow, k]: scratch
import { clear, copyShort } from "../simd";
import { conv1x1, conv1x1BackwardWeight } from "./conv1x1";

// @ts-ignore: decorator
@inline
function depth(c: i32): i32 {
  return (9 * c + 3) & ~3;
}

/** Patches of output row oy, [ow, k]; zeros outside the picture and in the padding of k. */
function patchRow(patches: usize, x: usize, h: i32, w: i32, c: i32, oy: i32, ow: i32, stride: i32): void {
  const bytes = c << 2, k = depth(c), row = w * bytes;
  for (let ox = 0; ox < ow; ox++) {
    const left = ox * stride - 1;
    let to = patches + ((ox * k) << 2);
    for (let ky = 0; ky < 3; ky++, to += 3 * bytes) {
      const iy = oy * stride + ky - 1;
      if (<u32>iy >= <u32>h) clear(to, 3 * bytes);
      else {
        const from = x + iy * row + left * bytes;
        if (left >= 0 && left + 3 <= w) copyShort(to, from, 3 * bytes);
        else for (let kx = 0; kx < 3; kx++) {
          if (<u32>(left + kx) >= <u32>w) clear(to + kx * bytes, bytes);
          else copyShort(to + kx * bytes, from + kx * bytes, bytes);
        }
      }
    }
    if (k != 9 * c) clear(to, (k - 9 * c) << 2);
  }
}

export function conv3x3(y: usize, x: usize, w: usize, bias: usize, patches: usize, n: i32, height: i32, width: i32, c: i32, co: i32, stride: i32, slope: f32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride;
  for (let b = 0; b < n; b++, x += (height * width * c) << 2)
    for (let oy = 0; oy < oh; oy++, y += (ow * co) << 2) {
      patchRow(patches, x, height, width, c, oy, ow, stride);
      conv1x1(y, patches, w, bias, ow, depth(c), co, slope);
    }
}

export function conv3x3BackwardWeight(dw: usize, x: usize, dy: usize, patches: usize, n: i32, height: i32, width: i32, c: i32, co: i32, stride: i32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride;
  for (let b = 0; b < n; b++, x += (height * width * c) << 2)
    for (let oy = 0; oy < oh; oy++, dy += (ow * co) << 2) {
      patchRow(patches, x, height, width, c, oy, ow, stride);
      conv1x1BackwardWeight(dw, patches, dy, ow, depth(c), co);
    }
}

/** wt: packTransposed weights [k / 8][co][8]; zeros f32 [k]; patches f32 [ow, k]. */
export function conv3x3BackwardData(dx: usize, dy: usize, wt: usize, zeros: usize, patches: usize, n: i32, height: i32, width: i32, c: i32, co: i32, stride: i32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, k = depth(c);
  clear(dx, (n * height * width * c) << 2);
  for (let b = 0; b < n; b++, dx += (height * width * c) << 2)
    for (let oy = 0; oy < oh; oy++, dy += (ow * co) << 2) {
      conv1x1(patches, dy, wt, zeros, ow, co, k, 1);
      for (let ox = 0; ox < ow; ox++)
        for (let tap = 0; tap < 9; tap++) {
          const iy = oy * stride + tap / 3 - 1, ix = ox * stride + tap % 3 - 1;
          if (<u32>iy >= <u32>height || <u32>ix >= <u32>width) continue;
          const to = dx + (((iy * width + ix) * c) << 2), from = patches + ((ox * k + tap * c) << 2);
          for (let i: usize = 0; i < <usize>(c << 2); i += 16) v128.store(to + i, f32x4.add(v128.load(to + i), v128.load(from + i)));
        }
    }
}
