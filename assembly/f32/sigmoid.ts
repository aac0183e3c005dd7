// Logistic function.
//   forward    y  = 1 / (1 + e^-x)
//   backward   dx = dy y (1 - y)
//   x y dx dy  f32 [n], n % 4 == 0; y may be x, dx may be dy
import { sigmoid4 } from "../math";

export function sigmoid(y: usize, x: usize, n: i32): void {
  for (let i = 0; i < n << 2; i += 16) v128.store(y + i, sigmoid4(v128.load(x + i)));
}

export function sigmoidBackward(dx: usize, dy: usize, y: usize, n: i32): void {
  const one = f32x4.splat(1);
  for (let i = 0; i < n << 2; i += 16) {
    const v = v128.load(y + i);
    v128.store(dx + i, f32x4.mul(v128.load(dy + i), f32x4.mul(v, f32x4.sub(one, v))));
  }
}
