// Box loss on the cells that answer for an object, for sides given as distributions over distances; value and gradient together.
//   sides      left, top, right, bottom, each `bins` logits z; P = softmax(z); the side is the mean bin, p = sum of j P[j], in strides
//   loss       weight (1 - GIoU(p, t) + share (mean over the sides of the cross entropy between P and the two bins around t)) scale
//              a target t between bins j and j + 1 is j with j + 1 - t and j + 1 with t - j; beyond the bins it is the last or first one
//   out dout   f32, z at out [4, bins], step bytes a cell; bins % 4 == 0; cell i32 [n]; target f32 [n, 4] (may be negative); weight f32 [n]
//   returns    the sum of the losses;  writes the 4 bins floats of dout at the cells
//   source     generalized focal loss, arXiv 2006.04388
import { exp4, log1p4 } from "../math";
import { sum4 } from "../simd";
import { giouLoss, giouSlope } from "../giou";

/** log x for x >= 1. */
function logOf(x: f32): f32 {
  const bits = reinterpret<i32>(x), exponent = (bits >> 23) - 127;
  const rest = reinterpret<f32>((bits & 0x7fffff) | 0x3f800000) - 1;
  return <f32>exponent * <f32>0.6931471805599453 + f32x4.extract_lane(log1p4(f32x4.splat(rest)), 0);
}

/** The largest of the lanes, in all. */
function max4(v: v128): v128 {
  v = f32x4.max(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.max(v, v128.shuffle<f32>(v, v, 1, 0, 3, 2));
}

/** A target as a place among the bins. */
function placeOf(target: usize, side: i32, bins: i32): f32 {
  return min(max(load<f32>(target + (side << 2)), 0), <f32>(bins - 1));
}

export function binLoss(
  dout: usize, out: usize, cell: usize, target: usize, weight: usize, n: i32, step: i32, bins: i32, share: f32, scale: f32,
): f32 {
  const counting = f32x4(0, 1, 2, 3), four = f32x4.splat(4);
  let total: f32 = 0;
  for (let i = 0; i < n; i++) {
    const at = load<i32>(cell + (i << 2)) * step;
    const wanted = target + (i << 4), t = v128.load(wanted), w = load<f32>(weight + (i << 2)) * scale;
    let p = f32x4.splat(0), entropy: f32 = 0;
    for (let side = 3; side >= 0; side--) { // lanes fill from the last
      const z = out + at + ((side * bins) << 2), dz = dout + at + ((side * bins) << 2);
      let most = v128.load(z);
      for (let j = 4; j < bins; j += 4) most = f32x4.max(most, v128.load(z + (j << 2)));
      const top = max4(most);
      let sum = f32x4.splat(0), mean = f32x4.splat(0), number = counting;
      for (let j = 0; j < bins; j += 4) {
        const e = exp4(f32x4.sub(v128.load(z + (j << 2)), top));
        v128.store(dz + (j << 2), e);
        sum = f32x4.add(sum, e);
        mean = f32x4.add(mean, f32x4.mul(number, e));
        number = f32x4.add(number, four);
      }
      const whole = sum4(sum);
      for (let j = 0; j < bins; j += 4) v128.store(dz + (j << 2), f32x4.div(v128.load(dz + (j << 2)), f32x4.splat(whole)));
      p = f32x4.replace_lane(v128.shuffle<f32>(p, p, 0, 0, 1, 2), 0, sum4(mean) / whole);
      const place = placeOf(wanted, side, bins), low = min(<i32>place, bins - 2), high = place - <f32>low;
      const known = logOf(whole) + f32x4.extract_lane(top, 0);
      entropy += (1 - high) * (known - load<f32>(z + (low << 2))) + high * (known - load<f32>(z + (low << 2), 4));
    }
    total += w * (giouLoss(p, t) + share * <f32>0.25 * entropy);
    const each = <f32>0.25 * share * w;
    let slope = f32x4.mul(f32x4.splat(w), giouSlope(p, t));
    for (let side = 0; side < 4; side++) {
      const dz = dout + at + ((side * bins) << 2);
      const mean = v128.shuffle<f32>(p, p, 0, 0, 0, 0), steep = v128.shuffle<f32>(slope, slope, 0, 0, 0, 0);
      let number = counting;
      for (let j = 0; j < bins; j += 4) { // d mean / d z[j] = P[j] (j - mean)
        const factor = f32x4.sub(f32x4.splat(each), f32x4.mul(steep, f32x4.sub(number, mean)));
        v128.store(dz + (j << 2), f32x4.mul(v128.load(dz + (j << 2)), factor));
        number = f32x4.add(number, four);
      }
      const place = placeOf(wanted, side, bins), low = min(<i32>place, bins - 2), high = place - <f32>low, near = dz + (low << 2);
      store<f32>(near, load<f32>(near) - each * (1 - high));
      store<f32>(near, load<f32>(near, 4) - each * high, 4);
      p = v128.shuffle<f32>(p, p, 1, 2, 3, 3);
      slope = v128.shuffle<f32>(slope, slope, 1, 2, 3, 3);
    }
  }
  return total;
}
