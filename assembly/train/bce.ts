// Masked logistic losses on a head's map, value and gradient together.
//   map        quality-aware: l = weight f(q, p) (-q log p - (1 - q) log(1 - p)), p = sigmoid(logit)
//              f = |q - p|^1.5 + 0.1 q where q > 0, 0.8 p^2 where q = 0; f is held fixed in the gradient: dlogit = weight f (p - q) scale
//   presence   plain: l = weight (-t log p - (1 - t) log(1 - p)) at one cell an entry: dlogit += weight (p - t) scale
//   out dout   f32 [cells, step / 4], step bytes a cell, the logit first; quality weight f32 [cells]; a weight of 0 masks: it adds nothing and its gradient is exactly 0
//   returns    the sum of the losses times scale
//   source     varifocal loss, arXiv 2008.13367; quality focal loss, arXiv 2006.04388
import { sum4 } from "../simd";
import { logistic4, sigmoid4 } from "../math";

/** Writes channel 0 of dout and clears the others; cells % 4 == 0 is not needed. */
export function mapLoss(dout: usize, out: usize, quality: usize, weight: usize, cells: i32, step: i32, scale: f32): f32 {
  let total = f32x4.splat(0);
  memory.fill(dout, 0, cells * step);
  for (let i = 0; i < cells; i += 4) {
    const count = min(4, cells - i);
    let x = f32x4.splat(0), q = f32x4.splat(0), w = f32x4.splat(0);
    for (let j = count - 1; j >= 0; j--) { // lanes fill from the last, so that lane 0 is cell i
      x = f32x4.replace_lane(v128.shuffle<f32>(x, x, 0, 0, 1, 2), 0, load<f32>(out + (i + j) * step));
      q = f32x4.replace_lane(v128.shuffle<f32>(q, q, 0, 0, 1, 2), 0, load<f32>(quality + ((i + j) << 2)));
      w = f32x4.replace_lane(v128.shuffle<f32>(w, w, 0, 0, 1, 2), 0, load<f32>(weight + ((i + j) << 2)));
    }
    const p = sigmoid4(x), miss = f32x4.abs(f32x4.sub(q, p));
    const hard = f32x4.add(f32x4.mul(miss, f32x4.sqrt(miss)), f32x4.mul(f32x4.splat(0.1), q));
    const easy = f32x4.mul(f32x4.splat(0.8), f32x4.mul(p, p));
    const f = f32x4.mul(f32x4.mul(w, f32x4.splat(scale)), v128.bitselect(hard, easy, f32x4.gt(q, f32x4.splat(0))));
    total = f32x4.add(total, f32x4.mul(f, logistic4(x, q)));
    let d = f32x4.mul(f, f32x4.sub(p, q));
    for (let j = 0; j < count; j++) {
      store<f32>(dout + (i + j) * step, f32x4.extract_lane(d, 0));
      d = v128.shuffle<f32>(d, d, 1, 2, 3, 3);
    }
  }
  return sum4(total);
}

/** cell i32 [n] (an index into the map), target weight f32 [n]. */
export function presenceLoss(dout: usize, out: usize, cell: usize, target: usize, weight: usize, n: i32, step: i32, scale: f32): f32 {
  let total: f32 = 0;
  for (let i = 0; i < n; i++) {
    const at = load<i32>(cell + (i << 2)) * step;
    const x = v128.load32_splat(out + at), t = v128.load32_splat(target + (i << 2));
    const w = load<f32>(weight + (i << 2)) * scale;
    total += w * f32x4.extract_lane(logistic4(x, t), 0);
    store<f32>(dout + at, load<f32>(dout + at) + w * f32x4.extract_lane(f32x4.sub(sigmoid4(x), t), 0));
  }
  return total;
}
