// What a logit is worth.
//   probability  sigmoid(scale * logit + bend * softplus(logit) + offset), all three depend on a size; a score has no bend
//   size         of a score: square root of the box's area; of presence: square root of the input's area; both in pixels of the input
//   between two of `sizes` they change linearly with the size, beyond the ends they stay; only + - * / so that every runtime gives the same bits
//   source       Platt 1999; with a bend Kull, Silva Filho & Flach 2017, "Beta calibration", whose a is the scale and b scale + bend

import { softplus } from "../core/math.js";

/** A calibration: scale and offset at sizes (pixels of the input, rising); scales are positive, so at one size the order of logits stays. */
export interface PlattScaling {
  sizes: number[];
  scales: number[];
  offsets: number[];
}

/**
 * A calibration whose scale is one for logits far below 0 and another, scale + bend, for those far above, both positive: a model that is often
 * wrong where it is sure is doubted there alone. Without bends it is Platt scaling.
 */
export interface BetaCalibration extends PlattScaling {
  bends?: number[];
}

/** The calibration that changes nothing. */
export const IDENTITY: Readonly<PlattScaling> = { sizes: [1], scales: [1], offsets: [0] };

/** Where a size lies among `sizes`: 1.25 is a quarter of the way from the second to the third; 0 and the last index are the ends. */
export function sizeIndex(sizes: readonly number[], size: number): number {
  const last = sizes.length - 1;
  if (!(size > sizes[0]!)) return 0;
  if (size >= sizes[last]!) return last;
  let index = 0;
  while (size >= sizes[index + 1]!) index++;
  return index + (size - sizes[index]!) / (sizes[index + 1]! - sizes[index]!);
}

/** A value part of the way from one to the next. */
function between(values: readonly number[], index: number, share: number): number {
  return share === 0 ? values[index]! : values[index]! + share * (values[index + 1]! - values[index]!);
}

/** The calibrated logit: its sigmoid is a probability. */
export function calibratedLogit({ sizes, scales, offsets, bends }: BetaCalibration, logit: number, size: number): number {
  const at = sizeIndex(sizes, size);
  const index = Math.floor(at);
  const share = at - index;
  const straight = between(scales, index, share) * logit + between(offsets, index, share);
  return bends ? straight + between(bends, index, share) * softplus(logit) : straight;
}

/** The least raw logit that can reach a calibrated one, at whatever size. Between two sizes it has no minimum of its own: a ratio of linear functions. */
export function leastLogit({ scales, offsets }: PlattScaling, calibrated: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < scales.length; i++) least = Math.min(least, (calibrated - offsets[i]!) / scales[i]!);
  return least;
}
