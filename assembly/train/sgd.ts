// Stochastic gradient descent with momentum, and the two small sums that training needs beside it.
//   g = clip dw + decay w;  v = momentum v + g;  w -= rate v
//   w dw v     f32 [n], n % 4 == 0
import { madd, sum4 } from "../simd";

export function sgd(w: usize, dw: usize, v: usize, n: i32, clip: f32, rate: f32, decay: f32, momentum: f32): void {
  const scale = f32x4.splat(clip), pull = f32x4.splat(decay), keep = f32x4.splat(momentum), step = f32x4.splat(rate);
  for (let i = 0; i < n << 2; i += 16) {
    const value = v128.load(w + i);
    const g = f32x4.add(f32x4.mul(v128.load(dw + i), scale), f32x4.mul(value, pull));
    const speed = f32x4.add(f32x4.mul(v128.load(v + i), keep), g);
    v128.store(v + i, speed);
    v128.store(w + i, f32x4.sub(value, f32x4.mul(step, speed)));
  }
}

/** average += (w - average) share: the exponential moving average of weights. f32 [n], n % 4 == 0. */
export function average(average: usize, w: usize, n: i32, share: f32): void {
  const t = f32x4.splat(share);
  for (let i = 0; i < n << 2; i += 16) {
    const a = v128.load(average + i);
    v128.store(average + i, f32x4.add(a, f32x4.mul(f32x4.sub(v128.load(w + i), a), t)));
  }
}

/** Sum of x^2, f32 [n], n % 4 == 0: for the gradient's norm. Not finite where x is not. */
export function sumSquares(x: usize, n: i32): f32 {
  let total = f32x4.splat(0);
  for (let i = 0; i < n << 2; i += 16) {
    const v = v128.load(x + i);
    total = madd(v, v, total);
  }
  return sum4(total);
}
