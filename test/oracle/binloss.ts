import { constant, corners, type Dual, generalisedIoU, minus } from "./giou.js";

// 1 - GIoU of boxes whose sides are mean bins of distributions, and the cross entropy of these with the two bins around the target.

/** Softmax of the logits, from their definition. */
function softmax(z: ArrayLike<number>): number[] {
  const e = Array.from(z, (v) => Math.exp(v));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / sum);
}

const mean = (p: readonly number[]): number => p.reduce((sum, v, j) => sum + j * v, 0);

/** How much of a target distance each bin has: linear between its neighbours. */
function shares(t: number, bins: number): number[] {
  const place = Math.min(bins - 1, Math.max(0, t));
  return Array.from({ length: bins }, (_, j) => Math.max(0, 1 - Math.abs(place - j)));
}

/** The loss of one box, and its derivative by logit `by` of z [4, bins]. */
function loss(z: Float64Array, t: Float64Array, bins: number, share: number, by?: number): Dual {
  const sides = [0, 1, 2, 3].map((side) => softmax(z.subarray(side * bins, (side + 1) * bins)));
  const distances = sides.map((p, side): Dual => {
    const j = by === undefined ? -1 : by - side * bins;
    return [mean(p), j >= 0 && j < bins ? p[j]! * (j - mean(p)) : 0];
  });
  const [fit, slope] = minus(constant(1), generalisedIoU(corners(distances), corners([0, 1, 2, 3].map((side) => constant(t[side]!)))));
  let [entropy, dEntropy] = [0, 0];
  sides.forEach((p, side) => {
    const wanted = shares(t[side]!, bins);
    p.forEach((v, j) => {
      entropy -= wanted[j]! * Math.log(v);
      if (by === side * bins + j) dEntropy = v - wanted[j]!;
    });
  });
  return [fit + (share * entropy) / 4, slope + (share * dEntropy) / 4];
}

/** Sum of weight times the loss over the entries, times scale. logits are [n, 4, bins], targets [n, 4]. */
export function binLoss(
  logits: Float64Array,
  targets: Float64Array,
  weight: Float64Array,
  bins: number,
  share: number,
  scale: number,
): number {
  const each = 4 * bins;
  return weight.reduce((total, w, i) => {
    const [value] = loss(logits.subarray(each * i, each * (i + 1)), targets.subarray(4 * i, 4 * i + 4), bins, share);
    return total + scale * w * value;
  }, 0);
}

/** Gradient with respect to the logits. */
export function binLossBackward(
  logits: Float64Array,
  targets: Float64Array,
  weight: Float64Array,
  bins: number,
  share: number,
  scale: number,
): Float64Array {
  const each = 4 * bins;
  return logits.map((_, at) => {
    const i = Math.floor(at / each);
    const [, slope] = loss(logits.subarray(each * i, each * (i + 1)), targets.subarray(4 * i, 4 * i + 4), bins, share, at % each);
    return scale * weight[i]! * slope;
  });
}
