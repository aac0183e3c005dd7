// Thresholds by operating point, and what detections at a threshold are worth.
// No one kind of picture decides a threshold, such as a set of statues: where a set has more than MAX_RATE times as many false positives a picture as
// the others together, those above that do not count.

import type { OperatingPoint } from "../core/operatingPoint.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import { type Found, matchTask, RIGHT, WRONG } from "./averagePrecision.js";
import { type CurvePoint, type F1Point, highestF1, lowestThreshold, withF1 } from "./scores.js";

/** The precision that `precise` keeps, and the one that `sensitive` goes down to. */
const PRECISE = 0.9;
const SENSITIVE = 0.5;
/** A precise threshold must leave this share of the recall of the best F1: one that finds next to nothing serves nobody. */
const MIN_RECALL = 1 / 3;
/** How many times as many false positives a picture as the other sets a set may count with. */
const MAX_RATE = 2;

/** The thresholds of one curve; null where nothing is right at any. */
function pointsOf(curve: readonly CurvePoint[]): Record<OperatingPoint, number> | null {
  const best = highestF1(curve);
  if (!best) return null;
  const balanced = best.threshold;
  const enough = curve.filter(({ recall }) => recall >= MIN_RECALL * best.recall);
  const surest = enough.reduce((most, point) => (point.precision > most.precision ? point : most), best);
  const precise = (lowestThreshold(enough, PRECISE) ?? surest).threshold;
  const sensitive = lowestThreshold(curve, SENSITIVE)?.threshold ?? balanced;
  return { precise: Math.max(precise, balanced), balanced, sensitive: Math.min(sensitive, balanced) };
}

/** A set's pictures where the task is boxed, and the wrong detections in them so far. */
interface Tally {
  pictures: number;
  wrong: number;
}

/** The wrong detections of all sets that count. */
function countedWrong(tallies: readonly Tally[]): number {
  const [pictures, wrong] = [tallies.reduce((sum, set) => sum + set.pictures, 0), tallies.reduce((sum, set) => sum + set.wrong, 0)];
  return tallies.reduce((sum, set) => {
    const others = pictures - set.pictures;
    const most = others === 0 ? set.wrong : (MAX_RATE * set.pictures * (wrong - set.wrong)) / others;
    return sum + Math.min(set.wrong, most);
  }, 0);
}

/** Curve points of a task by falling threshold, with the wrong detections that count. */
function balancedCurve(task: Task, samples: readonly Sample[], found: readonly Found[]): CurvePoint[] {
  const tallies = new Map<string, Tally>();
  for (const { set, labels } of samples) {
    if (!Array.isArray(labels[task])) continue;
    const tally = tallies.get(set) ?? { pictures: 0, wrong: 0 };
    tallies.set(set, { ...tally, pictures: tally.pictures + 1 });
  }
  const { scores, verdicts, pictures, boxes } = matchTask(task, samples, found, [0.5]);
  const points: CurvePoint[] = [];
  let right = 0;
  scores.forEach((threshold, i) => {
    const verdict = verdicts[0]![i];
    if (verdict === RIGHT) right++;
    else if (verdict === WRONG) tallies.get(samples[pictures[i]!]!.set)!.wrong++;
    if (scores[i + 1] === threshold || right === 0) return;
    points.push({ threshold, precision: right / (right + countedWrong([...tallies.values()])), recall: right / boxes });
  });
  return points;
}

/**
 * A task's thresholds from labelled pictures: `balanced` with the best F1 at IoU .5; `precise` the lowest that keeps a precision of .9 or,
 * where that finds too little, the one with the highest precision; `sensitive` the lowest that keeps .5.
 * @returns null where nothing is found
 */
export function chooseThresholds(task: Task, samples: readonly Sample[], found: readonly Found[]): Record<OperatingPoint, number> | null {
  return pointsOf(balancedCurve(task, samples, found));
}

/** A task at a threshold, for objects of one size. */
interface SizeScores {
  /** Least share of the picture's area that they have, 0..1. */
  from: number;
  /** Labelled boxes. */
  boxes: number;
  /** Of the detections that pass; null without a labelled box. */
  at: F1Point | null;
  /** The highest F1 that a threshold for this size alone would have; null without a labelled box. */
  bestF1: number | null;
}

/** Shares of the picture at which a class of sizes begins. */
const SHARES = [0, 0.001, 0.01, 0.1] as const;

/** The scores, lowest first. */
function rising(scored: readonly { score: number }[]): Float64Array {
  return Float64Array.from(scored, ({ score }) => score).sort();
}

/** How many of some rising scores are at least `least`. */
function countFrom(scores: Float64Array, least: number): number {
  let [low, high] = [0, scores.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scores[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return scores.length - low;
}

/**
 * What a task's detections with a score of at least `threshold` are worth at IoU .5: all, and by the object's share of the picture. A detection
 * counts where the box is that it took; one that took none, by its own size.
 */
export function scoresAt(
  task: Task,
  samples: readonly Sample[],
  found: readonly Found[],
  threshold: number,
): { all: F1Point | null; sizes: SizeScores[] } {
  const matches = matchTask(task, samples, found, [0.5]);
  const shareOf = (picture: number, box: { width: number; height: number }): number =>
    (box.width * box.height) / (samples[picture]!.width * samples[picture]!.height);
  const wrong = [...matches.scores.keys()]
    .filter((i) => matches.verdicts[0]![i] === WRONG)
    .map((i) => ({ score: matches.scores[i]!, share: shareOf(matches.pictures[i]!, matches.found[i]!) }));
  const truths = matches.truths.map(({ picture, box, score }) => ({
    score: score ?? Number.NEGATIVE_INFINITY,
    share: shareOf(picture, box),
  }));
  const between = (from: number, to: number): SizeScores => {
    const within = ({ share }: { share: number }): boolean => share >= from && share < to;
    const boxes = truths.filter(within);
    if (boxes.length === 0) return { from, boxes: 0, at: null, bestF1: null };
    const rightScores = rising(boxes);
    const wrongScores = rising(wrong.filter(within));
    const point = (least: number): F1Point => {
      const right = countFrom(rightScores, least);
      const passing = right + countFrom(wrongScores, least);
      return withF1({ threshold: least, precision: passing === 0 ? 0 : right / passing, recall: right / boxes.length });
    };
    const bestF1 = rightScores.filter(Number.isFinite).reduce((most, score) => Math.max(most, point(score).f1), 0);
    return { from, boxes: boxes.length, at: point(threshold), bestF1 };
  };
  return {
    all: between(0, Number.POSITIVE_INFINITY).at,
    sizes: SHARES.map((from, i) => between(from, SHARES[i + 1] ?? Number.POSITIVE_INFINITY)),
  };
}
