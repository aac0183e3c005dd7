// Thresholds by operating point, and what detections at a threshold are worth.
// Every picture counts alike: hard negatives, such as a set of statues, with their share of the pictures.

import type { OperatingPoint } from "../core/operatingPoint.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import { averagePrecision, type Found, matchTask, RIGHT, WRONG } from "./averagePrecision.js";
import { type CurvePoint, type F1Point, highestF1, lowestThreshold, precisionRecall, withF1 } from "./scores.js";

/** The precision that `precise` keeps, and the one that `sensitive` goes down to. */
const PRECISE = 0.9;
const SENSITIVE = 0.5;
/** A precise threshold must leave this share of the recall of the best F1: one that finds next to nothing serves nobody. */
const MIN_RECALL = 1 / 3;

/**
 * A task's thresholds from labelled pictures, as `thresholdsOn` the curve that was measured.
 * @returns null where nothing is found
 */
export function chooseThresholds(task: Task, samples: readonly Sample[], found: readonly Found[]): Record<OperatingPoint, number> | null {
  return thresholdsOn(precisionRecall(task, samples, found));
}

/**
 * Thresholds by operating point: `balanced` with the best F1 at IoU .5; `precise` the lowest that keeps a precision of .9 or,
 * where that finds too little, the one with the highest precision; `sensitive` the lowest that keeps .5. Neither is on the wrong side of `balanced`.
 * @param curve by falling threshold
 * @returns null where nothing is found
 */
export function thresholdsOn(curve: readonly CurvePoint[]): Record<OperatingPoint, number> | null {
  const best = highestF1(curve);
  if (!best) return null;
  const balanced = best.threshold;
  const enough = curve.filter(({ recall }) => recall >= MIN_RECALL * best.recall);
  const surest = enough.reduce((most, point) => (point.precision > most.precision ? point : most));
  const precise = (lowestThreshold(enough, PRECISE) ?? surest).threshold;
  const sensitive = lowestThreshold(curve, SENSITIVE)?.threshold ?? balanced;
  return { precise: Math.max(precise, balanced), balanced, sensitive: Math.min(sensitive, balanced) };
}

/** A task at a threshold, for objects of one size. */
interface SizeScores {
  /** Least share of the picture's area that they have, 0..1. */
  from: number;
  /** Labelled boxes. */
  boxes: number;
  /** Average precision at IoU .5; null without a labelled box. */
  ap50: number | null;
  /** The median IoU of the boxes that were found with the labelled ones, at any score; null where none was. */
  medianIou: number | null;
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
  const truths = matches.truths.map(({ picture, box, score, overlap }) => ({
    score: score ?? Number.NEGATIVE_INFINITY,
    overlap,
    share: shareOf(picture, box),
  }));
  const between = (from: number, to: number): SizeScores => {
    const within = ({ share }: { share: number }): boolean => share >= from && share < to;
    const boxes = truths.filter(within);
    if (boxes.length === 0) return { from, boxes: 0, ap50: null, medianIou: null, at: null, bestF1: null };
    const rightScores = rising(boxes);
    const wrongScores = rising(wrong.filter(within));
    const point = (least: number): F1Point => {
      const right = countFrom(rightScores, least);
      const passing = right + countFrom(wrongScores, least);
      return withF1({ threshold: least, precision: passing === 0 ? 0 : right / passing, recall: right / boxes.length });
    };
    const bestF1 = rightScores.filter(Number.isFinite).reduce((most, score) => Math.max(most, point(score).f1), 0);
    const right = [...rightScores].filter(Number.isFinite).map((score) => ({ score, verdict: RIGHT }));
    const ranked = [...right, ...wrong.filter(within).map(({ score }) => ({ score, verdict: WRONG }))].sort((a, b) => b.score - a.score);
    const ap50 = averagePrecision(
      Uint8Array.from(ranked, ({ verdict }) => verdict),
      boxes.length,
    );
    const overlaps = boxes.flatMap(({ overlap }) => overlap ?? []).sort((a, b) => a - b);
    return { from, boxes: boxes.length, ap50, medianIou: overlaps[overlaps.length >> 1] ?? null, at: point(threshold), bestF1 };
  };
  return {
    all: between(0, Number.POSITIVE_INFINITY).at,
    sizes: SHARES.map((from, i) => between(from, SHARES[i + 1] ?? Number.POSITIVE_INFINITY)),
  };
}
