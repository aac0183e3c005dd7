// Channel split into even and odd.
//   forward    even[i] = x[2 i], odd[i] = x[2 i + 1]
//   backward   dx[2 i] = deven[i], dx[2 i + 1] = dodd[i]
//   x dx f32 [m, c stored]  even odd f32 [m, half stored]; `c` channels are real (c % 2 == 0), the padding is written as zeros
import { clear } from "../simd";

export function split(even: usize, odd: usize, x: usize, m: i32, c: i32, xStored: i32, halfStored: i32): void {
  const half = c >> 1, fast = half & ~3;
  for (let r = 0; r < m; r++, x += xStored << 2, even += halfStored << 2, odd += halfStored << 2) {
    for (let i = 0; i < fast; i += 4) {
      const a = v128.load(x + (i << 3)), b = v128.load(x + (i << 3), 16);
      v128.store(even + (i << 2), v128.shuffle<f32>(a, b, 0, 2, 4, 6));
      v128.store(odd + (i << 2), v128.shuffle<f32>(a, b, 1, 3, 5, 7));
    }
    if (halfStored != fast) {
      clear(even + (fast << 2), (halfStored - fast) << 2);
      clear(odd + (fast << 2), (halfStored - fast) << 2);
      for (let i = fast; i < half; i++) {
        store<f32>(even + (i << 2), load<f32>(x + (i << 3)));
        store<f32>(odd + (i << 2), load<f32>(x + (i << 3), 4));
      }
    }
  }
}

export function splitBackward(dx: usize, deven: usize, dodd: usize, m: i32, c: i32, xStored: i32, halfStored: i32): void {
  const half = c >> 1, fast = half & ~3;
  for (let r = 0; r < m; r++, dx += xStored << 2, deven += halfStored << 2, dodd += halfStored << 2) {
    if (xStored != fast << 1) clear(dx + (fast << 3), (xStored - (fast << 1)) << 2);
    for (let i = 0; i < fast; i += 4) {
      const a = v128.load(deven + (i << 2)), b = v128.load(dodd + (i << 2));
      v128.store(dx + (i << 3), v128.shuffle<f32>(a, b, 0, 4, 1, 5));
      v128.store(dx + (i << 3), v128.shuffle<f32>(a, b, 2, 6, 3, 7), 16);
    }
    for (let i = fast; i < half; i++) {
      store<f32>(dx + (i << 3), load<f32>(deven + (i << 2)));
      store<f32>(dx + (i << 3), load<f32>(dodd + (i << 2)), 4);
    }
  }
}
