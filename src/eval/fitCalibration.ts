// Calibration: of the answers that get a probability of .8, eight in ten should be right.
//   fit         p = sigmoid(low * x + high * y + offset), all three linear between sizes, by maximum likelihood; of a logit, x = -softplus(-logit) is
//               its part below 0, y = softplus(logit) that above, x + y the logit itself; Platt scaling has one scale for both
//   parameters  scales of all sizes, below 0 and then above where there are two, then their offsets: float64 [2 or 3 * sizes]
//   source      Platt 1999; two scales from Kull, Silva Filho & Flach 2017, "Beta calibration"; smoothed targets and Newton with backtracking from
//               Lin, Lin & Weng 2007, "A note on Platt's probabilistic outputs for support vector machines"

import { FourwayError } from "../core/errors.js";
import { softplus } from "../core/math.js";
import { type BetaCalibration, IDENTITY, type PlattScaling, sizeIndex } from "../model/calibration.js";

/**
 * Weight of the prior that draws towards IDENTITY: PRIOR / 2 * ((scale - 1)^2 + offset^2) per size and scale, added to one logistic loss per
 * logit. Too small to be felt with dozens of them; it settles what the data leave open (equal logits).
 */
const PRIOR = 0.01;
/**
 * Weight of the prior that draws scales and offsets of neighbouring sizes together, and the two scales of a size, SMOOTHNESS / 2 * difference^2:
 * where one has few logits its neighbours decide.
 */
const SMOOTHNESS = 1;
/** Logits that contradict the labels are flattened, never inverted: their order stays. */
const MIN_SCALE = 0.01;
const MAX_STEPS = 100;
/** Newton stops once all slopes are below this share of a logit's loss. */
const GRADIENT_TOLERANCE = 1e-9;

/** A logit as linear terms of parameters: scales and offset of the sizes below and above it. */
interface Term {
  at: readonly number[];
  weights: readonly number[];
  target: number;
}

/** What is fitted: how many of the parameters are scales, and which two are drawn together. */
interface Family {
  scales: number;
  drawn: readonly (readonly [number, number])[];
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

/** @param parts of the logit, one for each of its scales */
function termOf(parts: readonly number[], target: number, sizes: readonly number[], size: number): Term {
  const position = sizeIndex(sizes, size);
  const index = Math.floor(position);
  const share = position - index;
  const next = Math.min(index + 1, sizes.length - 1);
  const factors = [...parts, 1];
  return {
    at: factors.flatMap((_, k) => [k * sizes.length + index, k * sizes.length + next]),
    weights: factors.flatMap((factor) => [(1 - share) * factor, share * factor]),
    target,
  };
}

function familyOf(scales: number, sizes: number): Family {
  const drawn: [number, number][] = [];
  for (let k = 0; k < (scales + 1) * sizes; k++) {
    if (k % sizes > 0) drawn.push([k - 1, k]);
    if (k >= sizes && k < scales * sizes) drawn.push([k - sizes, k]);
  }
  return { scales: scales * sizes, drawn };
}

function logitOf({ at, weights }: Term, parameters: Float64Array): number {
  let z = 0;
  for (let j = 0; j < at.length; j++) z += weights[j]! * parameters[at[j]!]!;
  return z;
}

/** The cost that the fit makes least: sum of logistic losses against the targets, and the priors. */
function cost(parameters: Float64Array, terms: readonly Term[], { scales, drawn }: Family): number {
  let sum = 0;
  parameters.forEach((value, k) => {
    sum += (PRIOR / 2) * (value - (k < scales ? 1 : 0)) ** 2;
  });
  for (const [j, k] of drawn) sum += (SMOOTHNESS / 2) * (parameters[k]! - parameters[j]!) ** 2;
  for (const term of terms) {
    const z = logitOf(term, parameters);
    sum += Math.max(z, 0) - z * term.target + Math.log1p(Math.exp(-Math.abs(z)));
  }
  return sum;
}

/** Slopes and curvatures of the cost: [parameters] and, row by row, [parameters, parameters]. */
function derivatives(
  parameters: Float64Array,
  terms: readonly Term[],
  { scales, drawn }: Family,
): { slopes: Float64Array; curvatures: Float64Array } {
  const n = parameters.length;
  const slopes = new Float64Array(n);
  const curvatures = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    slopes[k]! += PRIOR * (parameters[k]! - (k < scales ? 1 : 0));
    curvatures[k * n + k]! += PRIOR;
  }
  for (const [j, k] of drawn) {
    const pull = SMOOTHNESS * (parameters[k]! - parameters[j]!);
    slopes[k]! += pull;
    slopes[j]! -= pull;
    curvatures[k * n + k]! += SMOOTHNESS;
    curvatures[j * n + j]! += SMOOTHNESS;
    curvatures[k * n + j]! -= SMOOTHNESS;
    curvatures[j * n + k]! -= SMOOTHNESS;
  }
  for (const term of terms) {
    const p = sigmoid(logitOf(term, parameters));
    const { at, weights } = term;
    for (let i = 0; i < at.length; i++) {
      slopes[at[i]!]! += (p - term.target) * weights[i]!;
      for (let j = 0; j < at.length; j++) curvatures[at[i]! * n + at[j]!]! += p * (1 - p) * weights[i]! * weights[j]!;
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
function descend(start: Float64Array, terms: readonly Term[], family: Family, free: readonly boolean[]): Float64Array {
  let at = start;
  let value = cost(at, terms, family);
  for (let step = 0; step < MAX_STEPS; step++) {
    const { slopes, curvatures } = derivatives(at, terms, family);
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
      nextValue = cost(next, terms, family);
      if (nextValue <= value + 1e-4 * length * expected) break;
    }
    if (!(nextValue < value)) break;
    at = next;
    value = nextValue;
  }
  return at;
}

/** The size of each logit, and the sizes at which a calibration is fitted. */
export interface LogitSizes {
  /** One a logit. */
  of: readonly number[];
  /** Rising, above 0. */
  at: readonly number[];
}

const anySize = (logits: readonly number[]): LogitSizes => ({ of: logits.map(() => 1), at: IDENTITY.sizes });

/** Scales and offsets at all sizes, [1 + scales][sizes]: one scale for each of a logit's parts. null for no logits. */
function fit(
  what: string,
  logits: readonly number[],
  truths: readonly boolean[],
  sizes: LogitSizes,
  partsOf: (logit: number) => readonly number[],
): number[][] | null {
  if (logits.length !== truths.length || logits.length !== sizes.of.length)
    throw new FourwayError(
      "E_ARGUMENT",
      `${what}: expected one truth and one size a logit, got ${truths.length} and ${sizes.of.length} for ${logits.length}; pass lists of one length`,
    );
  if (![...logits, ...sizes.of, ...sizes.at].every(Number.isFinite))
    throw new FourwayError("E_ARGUMENT", `${what}: expected finite logits and sizes, got one that is not; the model's output is broken`);
  if (logits.length === 0) return null;
  const count = sizes.at.length;
  const targets = smoothTargets(truths);
  const terms = logits.map((logit, i) => termOf(partsOf(logit), targets[i]!, sizes.at, sizes.of[i]!));
  const family = familyOf(partsOf(0).length, count);
  const free = new Array<boolean>(family.scales + count).fill(true);
  let start = Float64Array.from(free, (_, k) => (k < family.scales ? 1 : 0));
  for (;;) {
    const parameters = descend(start, terms, family, free);
    const turned = parameters.findIndex((scale, k) => k < family.scales && free[k] === true && scale < MIN_SCALE);
    if (turned < 0)
      return Array.from({ length: parameters.length / count }, (_, k) => [...parameters.subarray(k * count, (k + 1) * count)]);
    free[turned] = false;
    start = start.slice();
    start[turned] = MIN_SCALE;
  }
}

/**
 * Platt scaling, with one scale and offset for all or, with `sizes`, at several sizes. Sure to end and finite with separable data, one kind of
 * truth only or equal logits.
 * @param logits raw logits, such as those of a task's detections.
 * @param truths whether each logit's statement is true.
 * Returns IDENTITY for no logits. Throws E_ARGUMENT where the lists differ in length or a number is not finite.
 */
export function fitPlattScaling(logits: readonly number[], truths: readonly boolean[], sizes: LogitSizes = anySize(logits)): PlattScaling {
  const [scales, offsets] = fit("fitPlattScaling", logits, truths, sizes, (logit) => [logit]) ?? [];
  return scales && offsets ? { sizes: [...sizes.at], scales, offsets } : { ...IDENTITY };
}

/**
 * Beta calibration: as `fitPlattScaling`, with a scale of its own for logits above 0. What is often wrong where it is sure, as presence of people
 * is before statues, is doubted there, and its doubts elsewhere keep their worth.
 */
export function fitBetaCalibration(
  logits: readonly number[],
  truths: readonly boolean[],
  sizes: LogitSizes = anySize(logits),
): BetaCalibration {
  const parts = (logit: number): number[] => [-softplus(-logit), softplus(logit)];
  const [low, high, offsets] = fit("fitBetaCalibration", logits, truths, sizes, parts) ?? [];
  if (!low || !high || !offsets) return { ...IDENTITY };
  return { sizes: [...sizes.at], scales: low, bends: high.map((scale, k) => scale - low[k]!), offsets };
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
