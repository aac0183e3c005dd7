import { requantized } from "./requantize.js";

// x is [n, height, width, c], y is [n, ceil(height / stride), ceil(width / stride), c], weights are [c, 1, kernel, kernel], ONNX's order.

/** Sizes of a depthwise convolution with padding kernel / 2. */
export interface SizesDepthwise {
  n: number;
  height: number;
  width: number;
  c: number;
  kernel: number;
  stride: number;
}

/** Calls `visit` for each product of the sum: indices of y, of x and of w. */
function products({ n, height, width, c, kernel, stride }: SizesDepthwise, visit: (y: number, x: number, w: number) => void): void {
  const half = (kernel - 1) / 2;
  let to = 0;
  for (let b = 0; b < n; b++)
    for (let cy = 0; cy < height; cy += stride)
      for (let cx = 0; cx < width; cx += stride)
        for (let i = 0; i < c; i++, to++)
          for (let iy = Math.max(0, cy - half); iy <= Math.min(height - 1, cy + half); iy++)
            for (let ix = Math.max(0, cx - half); ix <= Math.min(width - 1, cx + half); ix++)
              visit(to, ((b * height + iy) * width + ix) * c + i, (i * kernel + iy - cy + half) * kernel + ix - cx + half);
}

function sums(x: ArrayLike<number>, w: ArrayLike<number>, bias: ArrayLike<number>, sizes: SizesDepthwise): Float64Array {
  const { n, height, width, c, stride } = sizes;
  const y = new Float64Array(n * Math.ceil(height / stride) * Math.ceil(width / stride) * c);
  for (let i = 0; i < y.length; i++) y[i] = bias[i % c]!;
  products(sizes, (to, from, weight) => {
    y[to]! += x[from]! * w[weight]!;
  });
  return y;
}

/** y = act(bias + the sum over the window of the same channel). */
export function dwconv(x: Float64Array, w: Float64Array, bias: Float64Array, sizes: SizesDepthwise, slope: number): Float64Array {
  return sums(x, w, bias, sizes).map((v) => (v > 0 ? v : slope * v));
}

/** Gradients of sum(y dy) without an activation. */
export function dwconvBackward(x: Float64Array, w: Float64Array, dy: Float64Array, sizes: SizesDepthwise) {
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  products(sizes, (to, from, weight) => {
    dx[from]! += dy[to]! * w[weight]!;
    dw[weight]! += dy[to]! * x[from]!;
  });
  return { dx, dw };
}

/** int8 in, int8 out; scale [c]. */
export function dwconvI8(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  bias: ArrayLike<number>,
  scale: ArrayLike<number>,
  sizes: SizesDepthwise,
  slope: number,
): Int8Array {
  return Int8Array.from(sums(x, w, bias, sizes), (total, at) => requantized(total, scale[at % sizes.c]!, slope));
}
