import { constant, corners, type Dual, generalisedIoU, minus } from "./giou.js";

// 1 - GIoU of boxes given by log distances.

/** 1 - GIoU for log distances d[0..4) (held to -4..5) and a target's distances t[0..4); `by` names the distance to derive by. */
function loss(d: ArrayLike<number>, t: ArrayLike<number>, by?: number): Dual {
  const distances = [0, 1, 2, 3].map((side): Dual => {
    const held = Math.min(5, Math.max(-4, d[side]!));
    const distance = Math.exp(held);
    return [distance, side === by && held === d[side]! ? distance : 0];
  });
  return minus(constant(1), generalisedIoU(corners(distances), corners([0, 1, 2, 3].map((side) => constant(t[side]!)))));
}

/** Sum of weight (1 - GIoU) over the entries, times scale. distances and targets are [n, 4]. */
export function boxLoss(distances: Float64Array, targets: Float64Array, weight: Float64Array, scale: number): number {
  return weight.reduce((total, w, i) => total + scale * w * loss(distances.subarray(4 * i), targets.subarray(4 * i))[0], 0);
}

/** Gradient with respect to the log distances, [n, 4]. */
export function boxLossBackward(distances: Float64Array, targets: Float64Array, weight: Float64Array, scale: number): Float64Array {
  return distances.map((_, at) => {
    const i = Math.floor(at / 4);
    return scale * weight[i]! * loss(distances.subarray(4 * i), targets.subarray(4 * i), at % 4)[1];
  });
}
