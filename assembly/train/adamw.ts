// AdamW: decoupled weight decay.
//   g = clip dw;  m += (1 - b1) (g - m);  v += (1 - b2) (g^2 - v)
//   w = w (1 - rate decay) - rate m / c1 / (sqrt(v / c2) + epsilon),  c1 = 1 - b1^step, c2 = 1 - b2^step
//   w dw m v   f32 [n], n % 4 == 0
//   source     arXiv 1711.05101, in the order of operations of PyTorch's AdamW
export function adamw(w: usize, dw: usize, m: usize, v: usize, n: i32, clip: f32, rate: f32, decay: f32, b1: f32, b2: f32, c1: f32, c2: f32, epsilon: f32): void {
  const keep = f32x4.splat(1 - rate * decay), step = f32x4.splat(rate / c1), root = f32x4.splat(1 / sqrt<f32>(c2));
  const first = f32x4.splat(1 - b1), second = f32x4.splat(1 - b2), scale = f32x4.splat(clip), small = f32x4.splat(epsilon);
  for (let i = 0; i < n << 2; i += 16) {
    const g = f32x4.mul(v128.load(dw + i), scale);
    let mean = v128.load(m + i), square = v128.load(v + i);
    mean = f32x4.add(mean, f32x4.mul(first, f32x4.sub(g, mean)));
    square = f32x4.add(square, f32x4.mul(second, f32x4.sub(f32x4.mul(g, g), square)));
    v128.store(m + i, mean);
    v128.store(v + i, square);
    const down = f32x4.add(f32x4.mul(f32x4.sqrt(square), root), small);
    v128.store(w + i, f32x4.sub(f32x4.mul(v128.load(w + i), keep), f32x4.div(f32x4.mul(step, mean), down)));
  }
}
