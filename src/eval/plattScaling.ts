// Calibration of presence: of the pictures that get a probability of .8, eight in ten should have the task.
//   fit         p = sigmoid(scale * logit + offset), by maximum likelihood over pictures where presence is known
//   source      Platt 1999; smoothed targets and Newton with backtracking from Lin, Lin & Weng 2007,
//               "A note on Platt's probabilistic outputs for support vector machines"

import { FourwayError } from "../core/errors.js";

/** A calibration: probability = sigmoid(scale * logit + offset), scale > 0, so the order of pictures stays. */
export interface PlattScaling {
  scale: number;
  offset: number;
}

/** The calibration that changes nothing. */
export const IDENTITY: Readonly<PlattScaling> = { scale: 1, offset: 0 };

/**
 * Weight of the prior that draws towards IDENTITY: PRIOR / 2 * ((scale - 1)^2 + offset^2), added to one logistic loss per
 * picture. Too small to be felt with dozens of pictures; it settles what the data leave open (equal logits).
 */
const PRIOR = 0.01;
/** Logits that contradict the labels are flattened, never inverted: presence keeps its order. */
const MIN_SCALE = 0.01;
const MAX_STEPS = 100;
/** Newton stops once both slopes are below this share of a picture's loss. */
const GRADIENT_TOLERANCE = 1e-9;

function sigmoid(logit: number): number {
  return logit >= 0 ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit) / (1 + Math.exp(logit));
}

/** Smoothed targets (Lin et al., eq. 2): a picture more of each kind was seen, so that certainty has to be earned. */
function smoothTargets(truths: readonly boolean[]): Float64Array {
  const positives = truths.filter((truth) => truth).length;
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (truths.length - positives + 2);
  return Float64Array.from(truths, (truth) => (truth ? high : low));
}

/** The cost that `fitPlattScaling` makes least: sum of logistic losses against the targets, and the prior. */
function cost({ scale, offset }: PlattScaling, logits: readonly number[], targets: Float64Array): number {
  let sum = (PRIOR / 2) * ((scale - 1) ** 2 + offset ** 2);
  logits.forEach((logit, i) => {
    const z = scale * logit + offset;
    sum += Math.max(z, 0) - z * targets[i]! + Math.log1p(Math.exp(-Math.abs(z)));
  });
  return sum;
}

/** Slopes and curvatures of the cost. */
function derivatives({ scale, offset }: PlattScaling, logits: readonly number[], targets: Float64Array) {
  let [dScale, dOffset] = [PRIOR * (scale - 1), PRIOR * offset];
  let [scaleScale, scaleOffset, offsetOffset] = [PRIOR, 0, PRIOR];
  logits.forEach((logit, i) => {
    const p = sigmoid(scale * logit + offset);
    const slope = p - targets[i]!;
    const curvature = p * (1 - p);
    dScale += slope * logit;
    dOffset += slope;
    scaleScale += curvature * logit * logit;
    scaleOffset += curvature * logit;
    offsetOffset += curvature;
  });
  return { dScale, dOffset, scaleScale, scaleOffset, offsetOffset };
}

/** Newton with backtracking on the (convex) cost; with a fixed scale only the offset moves. */
function descend(start: PlattScaling, logits: readonly number[], targets: Float64Array, fixedScale: boolean): PlattScaling {
  let at = start;
  let value = cost(at, logits, targets);
  for (let step = 0; step < MAX_STEPS; step++) {
    const { dScale, dOffset, scaleScale, scaleOffset, offsetOffset } = derivatives(at, logits, targets);
    if (Math.max(fixedScale ? 0 : Math.abs(dScale), Math.abs(dOffset)) < GRADIENT_TOLERANCE * logits.length) break;
    const determinant = scaleScale * offsetOffset - scaleOffset * scaleOffset;
    const byScale = fixedScale ? 0 : (scaleOffset * dOffset - offsetOffset * dScale) / determinant;
    const byOffset = fixedScale ? -dOffset / offsetOffset : (scaleOffset * dScale - scaleScale * dOffset) / determinant;
    const expected = byScale * dScale + byOffset * dOffset;
    let length = 1;
    let next = at;
    let nextValue = value;
    for (; length > 1e-10; length /= 2) {
      next = { scale: at.scale + length * byScale, offset: at.offset + length * byOffset };
      nextValue = cost(next, logits, targets);
      if (nextValue <= value + 1e-4 * length * expected) break;
    }
    if (!(nextValue < value)) break;
    at = next;
    value = nextValue;
  }
  return at;
}

/**
 * Platt scaling of one task's presence. Sure to end and finite with separable data, one kind of picture only or equal logits.
 * @param logits raw presence logits, one per picture where presence is known.
 * @param truths whether the task is there.
 * Returns IDENTITY for no pictures. Throws E_ARGUMENT where the lists differ in length or a logit is not finite.
 */
export function fitPlattScaling(logits: readonly number[], truths: readonly boolean[]): PlattScaling {
  if (logits.length !== truths.length)
    throw new FourwayError(
      "E_ARGUMENT",
      `fitPlattScaling: expected one truth a logit, got ${truths.length} for ${logits.length}; pass lists of one length`,
    );
  if (logits.some((logit) => !Number.isFinite(logit)))
    throw new FourwayError("E_ARGUMENT", "fitPlattScaling: expected finite logits, got one that is not; the model's output is broken");
  const targets = smoothTargets(truths);
  const fit = descend(IDENTITY, logits, targets, false);
  if (fit.scale >= MIN_SCALE) return { ...fit };
  return descend({ scale: MIN_SCALE, offset: 0 }, logits, targets, true);
}

/** One bin of a reliability table: pictures whose probability is in [from, to), the last bin in [from, 1]. */
export interface ReliabilityBin {
  from: number;
  to: number;
  count: number;
  /** Mean probability in the bin; null where it is empty. */
  predicted: number | null;
  /** Share of its pictures that have the task; null where it is empty. */
  observed: number | null;
}

/** How far probabilities may be taken at their word. */
export interface Reliability {
  bins: ReliabilityBin[];
  /** Expected calibration error, 0..1: the mean over pictures of |observed - predicted| of their bin; null without pictures. */
  error: number | null;
}

/**
 * Reliability table and expected calibration error with bins of equal width (Naeini et al. 2015; Guo et al. 2017, eq. 3).
 * Throws E_ARGUMENT where the lists differ in length, a probability is outside 0..1 or `count` is no whole number above 0.
 */
export function reliability(probabilities: readonly number[], truths: readonly boolean[], count = 10): Reliability {
  if (probabilities.length !== truths.length)
    throw new FourwayError(
      "E_ARGUMENT",
      `reliability: expected one truth a probability, got ${truths.length} for ${probabilities.length}; pass lists of one length`,
    );
  if (!Number.isInteger(count) || count < 1)
    throw new FourwayError("E_ARGUMENT", `reliability: expected a whole number of bins above 0, got ${count}; 10 is the default`);
  const sums = Array.from({ length: count }, () => ({ count: 0, predicted: 0, observed: 0 }));
  probabilities.forEach((probability, i) => {
    if (!(probability >= 0 && probability <= 1))
      throw new FourwayError("E_ARGUMENT", `reliability: expected probabilities in 0..1, got ${probability}; pass sigmoids, not logits`);
    const bin = sums[Math.min(count - 1, Math.floor(probability * count))]!;
    bin.count++;
    bin.predicted += probability;
    bin.observed += truths[i] ? 1 : 0;
  });
  const bins = sums.map((bin, i) => ({
    from: i / count,
    to: (i + 1) / count,
    count: bin.count,
    predicted: bin.count === 0 ? null : bin.predicted / bin.count,
    observed: bin.count === 0 ? null : bin.observed / bin.count,
  }));
  const gap = sums.reduce((sum, bin) => sum + Math.abs(bin.observed - bin.predicted), 0);
  return { bins, error: probabilities.length === 0 ? null : gap / probabilities.length };
}
