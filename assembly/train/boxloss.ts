// Box loss on the cells that answer for an object, value and gradient together: 1 - GIoU.
//   distances  p = e^clamp(d, -4, 5): left, top, right, bottom from the cell's centre, in strides; t: the target's
//   I = overlap, U = union, C = hull;  GIoU = I / U - (C - U) / C;  loss = weight (2 - I / U - U / C) scale
//   out dout f32, d at out, step bytes a cell, step % 16 == 0; cell i32 [n]; target f32 [n, 4] (may be negative); weight f32 [n]
//   returns    the sum of the losses times scale;  writes the four floats of dout at the cells
//   source     generalised IoU, arXiv 1902.09630. The four sides are the four lanes; the other axis is two lanes away.
import { exp4 } from "../math";

/** Lanes (left + right, top + bottom) twice over. */
function across(v: v128): v128 {
  return f32x4.add(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
}

/** Width and height exchanged. */
function turned(v: v128): v128 {
  return v128.shuffle<f32>(v, v, 1, 0, 3, 2);
}

export function boxLoss(dout: usize, out: usize, cell: usize, target: usize, weight: usize, n: i32, step: i32, scale: f32): f32 {
  const zero = f32x4.splat(0);
  let total: f32 = 0;
  for (let i = 0; i < n; i++) {
    const at = load<i32>(cell + (i << 2)) * step;
    const d = v128.load(out + at), t = v128.load(target + (i << 4));
    const held = f32x4.pmax(f32x4.pmin(d, f32x4.splat(5)), f32x4.splat(-4));
    const p = exp4(held);
    const size = across(p), wanted = across(t);
    const inner = f32x4.pmax(across(f32x4.min(p, t)), zero), outer = across(f32x4.max(p, t));
    const overlap = f32x4.mul(inner, turned(inner));
    const union = f32x4.pmax(f32x4.sub(f32x4.add(f32x4.mul(size, turned(size)), f32x4.mul(wanted, turned(wanted))), overlap), f32x4.splat(1e-6));
    const hull = f32x4.pmax(f32x4.mul(outer, turned(outer)), f32x4.splat(1e-6));
    const ratio = f32x4.div(overlap, union), fill = f32x4.div(union, hull);
    const w = load<f32>(weight + (i << 2)) * scale;
    total += w * (2 - f32x4.extract_lane(ratio, 0) - f32x4.extract_lane(fill, 0));
    // by a side: the overlap grows with the other axis' overlap while p < t, the hull with the other axis' hull while p > t
    const dOverlap = v128.and(v128.and(turned(inner), f32x4.lt(p, t)), f32x4.gt(inner, zero));
    const dUnion = f32x4.sub(turned(size), dOverlap);
    const dHull = v128.and(turned(outer), f32x4.gt(p, t));
    const dRatio = f32x4.div(f32x4.sub(dOverlap, f32x4.mul(ratio, dUnion)), union);
    const dFill = f32x4.div(f32x4.sub(dUnion, f32x4.mul(fill, dHull)), hull);
    const slope = v128.and(p, f32x4.eq(d, held));
    v128.store(dout + at, f32x4.mul(f32x4.mul(f32x4.splat(-w), f32x4.add(dRatio, dFill)), slope));
  }
  return total;
}
