import { requantized } from "./requantize.js";

// x is [n, height, width, c], y is [n, ceil(height / stride), ceil(width / stride), co], weights are [co, c, 3, 3], the order of ONNX.

/** Sizes of a 3x3 convolution with padding 1. */
export interface Sizes3x3 {
  n: number;
  height: number;
  width: number;
  c: number;
  co: number;
  stride: number;
}

/** Calls `visit` for each product of the sum: indices of y, of x and of w. */
function products({ n, height, width, c, co, stride }: Sizes3x3, visit: (y: number, x: number, w: number) => void): void {
  const oh = Math.ceil(height / stride);
  const ow = Math.ceil(width / stride);
  for (let b = 0; b < n; b++)
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++)
        for (let ky = 0; ky < 3; ky++)
          for (let kx = 0; kx < 3; kx++) {
            const iy = oy * stride + ky - 1;
            const ix = ox * stride + kx - 1;
            if (iy < 0 || ix < 0 || iy >= height || ix >= width) continue;
            for (let o = 0; o < co; o++)
              for (let i = 0; i < c; i++)
                visit(((b * oh + oy) * ow + ox) * co + o, ((b * height + iy) * width + ix) * c + i, ((o * c + i) * 3 + ky) * 3 + kx);
          }
}

function sums(x: ArrayLike<number>, w: ArrayLike<number>, bias: ArrayLike<number>, sizes: Sizes3x3): Float64Array {
  const { n, height, width, co, stride } = sizes;
  const y = new Float64Array(n * Math.ceil(height / stride) * Math.ceil(width / stride) * co);
  for (let i = 0; i < y.length; i++) y[i] = bias[i % co]!;
  products(sizes, (to, from, weight) => {
    y[to]! += x[from]! * w[weight]!;
  });
  return y;
}

/** y = act(bias + the sum over the window). */
export function conv3x3(x: Float64Array, w: Float64Array, bias: Float64Array, sizes: Sizes3x3, slope: number): Float64Array {
  return sums(x, w, bias, sizes).map((v) => (v > 0 ? v : slope * v));
}

/** Gradients of sum(y dy) without an activation. */
export function conv3x3Backward(x: Float64Array, w: Float64Array, dy: Float64Array, sizes: Sizes3x3) {
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  products(sizes, (to, from, weight) => {
    dx[from]! += dy[to]! * w[weight]!;
    dw[weight]! += dy[to]! * x[from]!;
  });
  return { dx, dw };
}

/** int8 in, int8 out; scale [co]. */
export function conv3x3I8(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  bias: ArrayLike<number>,
  scale: ArrayLike<number>,
  sizes: Sizes3x3,
  slope: number,
): Int8Array {
  return Int8Array.from(sums(x, w, bias, sizes), (total, at) => requantized(total, scale[at % sizes.co]!, slope));
}
