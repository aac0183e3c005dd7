// Box loss on the cells that answer for an object, value and gradient together: 1 - GIoU.
//   distances  p = e^clamp(d, -4, 5): left, top, right, bottom from the cell's point, in strides; t: the target's
//   loss       weight (1 - GIoU(p, t)) scale
//   out dout   f32, d at out, step bytes a cell, step % 16 == 0; cell i32 [n]; target f32 [n, 4] (may be negative); weight f32 [n]
//   returns    the sum of the losses;  writes the four floats of dout at the cells
import { exp4 } from "../math";
import { giouLoss, giouSlope } from "../giou";

export function boxLoss(dout: usize, out: usize, cell: usize, target: usize, weight: usize, n: i32, step: i32, scale: f32): f32 {
  let total: f32 = 0;
  for (let i = 0; i < n; i++) {
    const at = load<i32>(cell + (i << 2)) * step;
    const d = v128.load(out + at), t = v128.load(target + (i << 4));
    const held = f32x4.pmax(f32x4.pmin(d, f32x4.splat(5)), f32x4.splat(-4));
    const p = exp4(held);
    const w = load<f32>(weight + (i << 2)) * scale;
    total += w * giouLoss(p, t);
    const slope = v128.and(p, f32x4.eq(d, held));
    v128.store(dout + at, f32x4.mul(f32x4.mul(f32x4.splat(-w), giouSlope(p, t)), slope));
  }
  return total;
}
