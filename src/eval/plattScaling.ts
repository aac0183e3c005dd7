// Calibration: of the answers that get a probability of .8, eight in ten should be right.
//   fit         p = sigmoid(scale * logit + offset), scale and offset linear between sizes, by maximum likelihood
//   parameters  scales of all sizes, then their offsets: float64 [2 * sizes]
//   source      Platt 1999; smoothed targets and Newton with backtracking from Lin, Lin & Weng 2007,
//               "A note on Platt's probabilistic outputs for support vector machines"

import { FourwayError } from "../core/errors.js";
import { IDENTITY, type PlattScaling, sizeIndex } from "../model/calibration.js";

/**
 * Weight of the prior that draws towards IDENTITY: PRIOR / 2 * ((scale - 1)^2 + offset^2) per size, added to one logistic loss per
 * logit. Too small to be felt with dozens of them; it settles what the data leave open (equal logits).
 */
const PRIOR = 0.01;
/** Weight of the prior that draws scale and offset of neighbouring sizes together, SMOOTHNESS / 2 * difference^2: where a size has few logits its neighbours decide. */
const SMOOTHNESS = 1;
/** Logits that contradict the labels are flattened, never inverted: their order stays. */
const MIN_SCALE = 0.01;
const MAX_STEPS = 100;
/** Newton stops once all slopes are below this share of a logit's loss. */
const GRADIENT_TOLERANCE = 1e-9;

/** A logit as linear terms of four parameters: scale and offset of the sizes below and above it. */
interface Term {
  at: readonly [number, number, number, number];
  weights: readonly [number, number, number, number];
  target: number;
}

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

function termOf(logit: number, target: number, sizes: readonly number[], size: number): Term {
  const position = sizeIndex(sizes, size);
  const index = Math.floor(position);
  const share = position - index;
  const next = Math.min(index + 1, sizes.length - 1);
  return {
    at: [index, next, sizes.length + index, sizes.length + next],
    weights: [(1 - share) * logit, share * logit, 1 - share, share],
    target,
  };
}

function logitOf({ at, weights }: Term, parameters: Float64Array): number {
  let z = 0;
  for (let j = 0; j < 4; j++) z += weights[j]! * parameters[at[j]!]!;
  return z;
}

/** The cost that the fit makes least: sum of logistic losses against the targets, and the priors. */
function cost(parameters: Float64Array, terms: readonly Term[]): number {
  const count = parameters.length / 2;
  let sum = 0;
  parameters.forEach((value, k) => {
    sum += (PRIOR / 2) * (value - (k < count ? 1 : 0)) ** 2;
    if (k % count > 0) sum += (SMOOTHNESS / 2) * (value - parameters[k - 1]!) ** 2;
  });
  for (const term of terms) {
    const z = logitOf(term, parameters);
    sum += Math.max(z, 0) - z * term.target + Math.log1p(Math.exp(-Math.abs(z)));
  }
  return sum;
}

/** Slopes and curvatures of the cost: [2 * sizes] and, row by row, [2 * sizes, 2 * sizes]. */
function derivatives(parameters: Float64Array, terms: readonly Term[]): { slopes: Float64Array; curvatures: Float64Array } {
  const n = parameters.length;
  const slopes = new Float64Array(n);
  const curvatures = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    slopes[k]! += PRIOR * (parameters[k]! - (k < n / 2 ? 1 : 0));
    curvatures[k * n + k]! += PRIOR;
    if (k % (n / 2) === 0) continue;
    const pull = SMOOTHNESS * (parameters[k]! - parameters[k - 1]!);
    slopes[k]! += pull;
    slopes[k - 1]! -= pull;
    curvatures[k * n + k]! += SMOOTHNESS;
    curvatures[(k - 1) * n + k - 1]! += SMOOTHNESS;
    curvatures[k * n + k - 1]! -= SMOOTHNESS;
    curvatures[(k - 1) * n + k]! -= SMOOTHNESS;
  }
  for (const term of terms) {
    const p = sigmoid(logitOf(term, parameters));
    const { at, weights } = term;
    for (let i = 0; i < 4; i++) {
      slopes[at[i]!]! += (p - term.target) * weights[i]!;
      for (let j = 0; j < 4; j++) curvatures[at[i]! * n + at[j]!]! += p * (1 - p) * weights[i]! * weights[j]!;
    }
  }
  return { slopes, curvatures };
}

/** x of A x = b for a symmetric, positive A of the parameters that are free; 0 for the others. Gaussian elimination in place. */
function solve(a: Float64Array, b: Float64Array, free: readonly boolean[]): Float64Array {
  const n = b.length;
  for (let k = 0; k < n; k++) {
    if (free[k]) continue;
    b[k] = 0;
    for (let j = 0; j < n; j++) a[k * n + j] = a[j * n + k] = j === k ? 1 : 0;
  }
  for (let k = 0; k < n; k++)
    for (let row = k + 1; row < n; row++) {
      const factor = a[row * n + k]! / a[k * n + k]!;
      for (let j = k; j < n; j++) a[row * n + j]! -= factor * a[k * n + j]!;
      b[row]! -= factor * b[k]!;
    }
  for (let k = n - 1; k >= 0; k--) {
    for (let j = k + 1; j < n; j++) b[k]! -= a[k * n + j]! * b[j]!;
    b[k]! /= a[k * n + k]!;
  }
  return b;
}

/** Newton with backtracking on the (convex) cost; only what is free moves. */
function descend(start: Float64Array, terms: readonly Term[], free: readonly boolean[]): Float64Array {
  let at = start;
  let value = cost(at, terms);
  for (let step = 0; step < MAX_STEPS; step++) {
    const { slopes, curvatures } = derivatives(at, terms);
    if (slopes.every((slope, k) => !free[k] || Math.abs(slope) < GRADIENT_TOLERANCE * terms.length)) break;
    const by = solve(
      curvatures,
      slopes.map((slope) => -slope),
      free,
    );
    const expected = by.reduce((sum, move, k) => sum + move * slopes[k]!, 0);
    let next = at;
    let nextValue = value;
    for (let length = 1; length > 1e-10; length /= 2) {
      next = at.map((parameter, k) => parameter + length * by[k]!);
      nextValue = cost(next, terms);
      if (nextValue <= value + 1e-4 * length * expected) break;
    }
    if (!(nextValue < value)) break;
    at = next;
    value = nextValue;
  }
  return at;
}

/** The size of each logit, and the sizes at which scale and offset are fitted. */
export interface LogitSizes {
  /** One a logit. */
  of: readonly number[];
  /** Rising, above 0. */
  at: readonly number[];
}

/**
 * Platt scaling, with one scale and offset for all or, with `sizes`, at several sizes. Sure to end and finite with separable data, one kind of
 * truth only or equal logits.
 * @param logits raw logits, such as a task's presence in pictures where it is known.
 * @param truths whether each logit's statement is true.
 * Returns IDENTITY for no logits. Throws E_ARGUMENT where the lists differ in length or a number is not finite.
 */
export function fitPlattScaling(
  logits: readonly number[],
  truths: readonly boolean[],
  sizes: LogitSizes = { of: logits.map(() => 1), at: IDENTITY.sizes },
): PlattScaling {
  if (logits.length !== truths.length || logits.length !== sizes.of.length)
    throw new FourwayError(
      "E_ARGUMENT",
      `fitPlattScaling: expected one truth and one size a logit, got ${truths.length} and ${sizes.of.length} for ${logits.length}; pass lists of one length`,
    );
  if (![...logits, ...sizes.of, ...sizes.at].every(Number.isFinite))
    throw new FourwayError(
      "E_ARGUMENT",
      "fitPlattScaling: expected finite logits and sizes, got one that is not; the model's output is broken",
    );
  if (logits.length === 0) return { ...IDENTITY };
  const count = sizes.at.length;
  const targets = smoothTargets(truths);
  const terms = logits.map((logit, i) => termOf(logit, targets[i]!, sizes.at, sizes.of[i]!));
  const free = new Array<boolean>(2 * count).fill(true);
  let start = Float64Array.from(free, (_, k) => (k < count ? 1 : 0));
  for (;;) {
    const fit = descend(start, terms, free);
    const turned = fit.findIndex((scale, k) => k < count && free[k] === true && scale < MIN_SCALE);
    if (turned < 0) return { sizes: [...sizes.at], scales: [...fit.subarray(0, count)], offsets: [...fit.subarray(count)] };
    free[turned] = false;
    start = start.slice();
    start[turned] = MIN_SCALE;
  }
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
