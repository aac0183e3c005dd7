// Elementwise sum.
//   forward    y = a + b          backward   da = dy, db = dy: copy
//   a b y      f32 [n], n % 4 == 0; y may be a or b
export function add(y: usize, a: usize, b: usize, n: i32): void {
  for (let i = 0; i < n << 2; i += 16) v128.store(y + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
}

/** Bytes from one place to another; they may overlap. */
export function copy(y: usize, x: usize, bytes: i32): void {
  memory.copy(y, x, bytes);
}
