// ReLU (slope 0) and LeakyReLU (0 < slope < 1).
//   forward    y  = x where x > 0, else slope x
//   backward   dx = dy where y > 0, else slope dy
//   x y dx dy  f32 [n], n % 4 == 0; y may be x, dx may be dy
import { activate } from "../simd";

export function relu(y: usize, x: usize, n: i32, slope: f32): void {
  const act = f32x4.splat(slope);
  for (let i = 0; i < n << 2; i += 16) v128.store(y + i, activate(v128.load(x + i), act));
}

export function reluBackward(dx: usize, dy: usize, y: usize, n: i32, slope: f32): void {
  const act = f32x4.splat(slope), zero = f32x4.splat(0);
  for (let i = 0; i < n << 2; i += 16) {
    const d = v128.load(dy + i);
    v128.store(dx + i, v128.bitselect(d, f32x4.mul(d, act), f32x4.gt(v128.load(y + i), zero)));
  }
}
