// Channel split into even and odd, int8.
//   x int8 [m, xStored], even odd int8 [m, halfStored]; c channels are real (c % 2 == 0), the padding is written as zeros
export function splitI8(even: usize, odd: usize, x: usize, m: i32, c: i32, xStored: i32, halfStored: i32): void {
  const half = c >> 1, fast = half & ~7;
  for (let r = 0; r < m; r++, x += xStored, even += halfStored, odd += halfStored) {
    for (let i = 0; i < fast; i += 8) {
      const v = v128.load(x + (i << 1));
      const parted = i8x16.narrow_i16x8_u(v128.and(v, i16x8.splat(255)), i16x8.shr_u(v, 8));
      v128.store64_lane(even + i, parted, 0);
      v128.store64_lane(odd + i, parted, 1);
    }
    for (let i = fast; i < halfStored; i++) {
      store<i8>(even + i, i < half ? load<i8>(x + (i << 1)) : 0);
      store<i8>(odd + i, i < half ? load<i8>(x + (i << 1), 1) : 0);
    }
  }
}
