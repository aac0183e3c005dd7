// 3x3 convolution with padding 1. Three input rows, framed with zeros, make every output's patch three runs of 3 c floats.
//   forward          y[oy,ox,o] = act(bias[o] + sum_{ky,kx,i} x[oy s + ky - 1, ox s + kx - 1, i] w[ky,kx,i,o])
//   backward, data   dx  = the patches of dy w^T, added back where they came from        (c % 8 == 0)
//   backward, weight dw += patches^T dy
//   x f32 [n, h, w, c]  y f32 [n, oh, ow, co], oh = ceil(h / s)   c == 3 or c % 8 == 0, co % 8 == 0
//   from, to: the forward pass's output rows, [from, to), counted over the batch; y and x are the whole batch's
//   w f32 panels [co / 8][9 c][8]
//   rows f32 [3, w + 2, c]: scratch;  backward, data: patches f32 [ow, 9 c]: scratch
import { clear } from "../simd";
import { conv1x1, product, productBackward } from "./conv1x1";

/** Input rows oy s - 1 .. oy s + 1 between columns of zeros; rows outside the picture are zeros. */
function frameRows(rows: usize, x: usize, height: i32, width: i32, c: i32, oy: i32, stride: i32): void {
  const bytes = c << 2, row = width * bytes;
  for (let ky = 0; ky < 3; ky++, rows += row + 2 * bytes) {
    const iy = oy * stride + ky - 1;
    if (<u32>iy >= <u32>height) clear(rows, row + 2 * bytes);
    else {
      clear(rows, bytes);
      memory.copy(rows + bytes, x + iy * row, row);
      clear(rows + bytes + row, bytes);
    }
  }
}

export function conv3x3(y: usize, x: usize, w: usize, bias: usize, rows: usize, from: i32, to: i32, height: i32, width: i32, c: i32, co: i32, stride: i32, slope: f32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, gap: usize = ((width + 2) * c) << 2;
  for (let r = from; r < to; r++) {
    frameRows(rows, x + ((r / oh * height * width * c) << 2), height, width, c, r % oh, stride);
    product(y + ((r * ow * co) << 2), rows, (stride * c) << 2, 3, gap, w, bias, ow, 3 * c, co, slope);
  }
}

export function conv3x3BackwardWeight(dw: usize, x: usize, dy: usize, rows: usize, n: i32, height: i32, width: i32, c: i32, co: i32, stride: i32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, gap: usize = ((width + 2) * c) << 2;
  for (let b = 0; b < n; b++, x += (height * width * c) << 2)
    for (let oy = 0; oy < oh; oy++, dy += (ow * co) << 2) {
      frameRows(rows, x, height, width, c, oy, stride);
      for (let ky = 0; ky < 3; ky++)
        productBackward(dw + ((ky * 3 * c) << 5), rows + <usize>ky * gap, (stride * c) << 2, dy, ow, 3 * c, 9 * c, co);
    }
}

/** wt: packTransposed weights [9 c / 8][co][8]; zeros f32 [9 c]. */
export function conv3x3BackwardData(dx: usize, dy: usize, wt: usize, zeros: usize, patches: usize, n: i32, height: i32, width: i32, c: i32, co: i32, stride: i32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, k = 9 * c;
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
