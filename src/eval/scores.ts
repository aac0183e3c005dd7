// How good a model is, a task at a time, over the pictures where that task is labelled.
//   label         AP50, AP75, AP, the curve   presence AP
//   list of boxes yes                       present (unknown where the list is empty but a region is ignored)
//   []            yes                       absent
//   true          left out                  present
//   null          left out                  left out
// Matching and average precision stand in averagePrecision.ts, presence in presence.ts.

import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import { averagePrecision, checkFound, type Found, IGNORED, type Matches, matchTask, OVERLAPS, RIGHT } from "./averagePrecision.js";
import { type PointScores, scorePoints } from "./points.js";
import { presenceAp, presenceTruth } from "./presence.js";

/** What a task's detections with `score >= threshold` are worth at IoU .5. */
export interface CurvePoint {
  threshold: number;
  /** Share of the detections that are right, 0..1. */
  precision: number;
  /** Share of the labelled boxes that are found, 0..1. */
  recall: number;
}

/** A curve point and its F1, the harmonic mean of precision and recall. */
export interface F1Point extends CurvePoint {
  f1: number;
}

/** What there was to score of a task. */
export interface TaskCounts {
  /** Pictures where the task is labelled at all. */
  pictures: number;
  /** Of these, pictures where every instance is boxed, or none is there: AP is measured on them. */
  boxedPictures: number;
  /** Labelled boxes and ignored regions in them. */
  boxes: number;
  ignored: number;
  /** Pictures known to have the task, and known not to: presence AP is measured on both together. */
  positives: number;
  negatives: number;
}

/** The figures of one task, 0..1; null where there is nothing to score. */
export interface TaskScores {
  task: Task;
  /** COCO's average precision at IoU .5; null without a labelled box. */
  ap50: number | null;
  /** The same at IoU .75, which loose boxes miss. */
  ap75: number | null;
  /** COCO's AP: the mean over IoU .50, .55 .. .95; null without a labelled box. */
  ap: number | null;
  /** Average precision of the presence probability over pictures; null without a positive picture. */
  presenceAp: number | null;
  counts: TaskCounts;
  /** The threshold with the highest F1; null if no detection is right at any. */
  bestF1: F1Point | null;
  /** The lowest threshold that keeps the precision asked for; null if none does. */
  atPrecision: F1Point | null;
  /** How well points are found; null where none are labelled. */
  points: PointScores | null;
}

/** The figures of a model. */
export interface Scores {
  tasks: TaskScores[];
  /** The mean of each figure over the tasks that have it: for AP those with a labelled box, for presence with a positive picture. */
  mean: { ap50: number | null; ap75: number | null; ap: number | null; presenceAp: number | null };
  /** The precision that `atPrecision` was to keep. */
  precision: number;
}

/** Curve points of matches at their first overlap, by falling threshold; equal scores make one point. */
function curve(matches: Matches): CurvePoint[] {
  const points: CurvePoint[] = [];
  const verdicts = matches.verdicts[0]!;
  let right = 0;
  let counted = 0;
  if (matches.boxes === 0) return points;
  for (let start = 0; start < verdicts.length; ) {
    const threshold = matches.scores[start]!;
    const before = counted;
    let end = start;
    for (; end < verdicts.length && matches.scores[end] === threshold; end++) {
      if (verdicts[end] === IGNORED) continue;
      counted++;
      if (verdicts[end] === RIGHT) right++;
    }
    if (counted > before) points.push({ threshold, precision: right / counted, recall: right / matches.boxes });
    start = end;
  }
  return points;
}

/** Adds F1, 2pr / (p + r); 0 where both are 0. */
export function withF1({ threshold, precision, recall }: CurvePoint): F1Point {
  return { threshold, precision, recall, f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}

/** The point with the highest F1 (ties: the higher threshold), or null if every F1 is 0. */
export function highestF1(points: readonly CurvePoint[]): F1Point | null {
  let best: F1Point | null = null;
  for (const point of points.map(withF1)) if (point.f1 > (best?.f1 ?? 0)) best = point;
  return best;
}

/** The point of lowest threshold whose precision is at least the one asked for, or null. */
export function lowestThreshold(points: readonly CurvePoint[], precision: number): F1Point | null {
  const point = points.findLast((candidate) => candidate.precision >= precision);
  return point === undefined ? null : withF1(point);
}

/** Mean of the figures that are there; null if none is. */
function mean(values: readonly (number | null)[]): number | null {
  const there = values.filter((value) => value !== null);
  return there.length === 0 ? null : there.reduce((sum, value) => sum + value, 0) / there.length;
}

/** Probabilities and truths of presence over the pictures where it is known. Throws E_ARGUMENT where a probability is missing. */
function presencePairs(task: Task, samples: readonly Sample[], found: readonly Found[]): { probabilities: number[]; truths: boolean[] } {
  const probabilities: number[] = [];
  const truths: boolean[] = [];
  samples.forEach((sample, i) => {
    const truth = presenceTruth(sample, task);
    if (truth === null) return;
    const probability = found[i]!.presence[task];
    if (probability === undefined || !Number.isFinite(probability))
      throw new FourwayError(
        "E_ARGUMENT",
        `evaluate: expected a presence probability for ${task} in ${sample.image}, got ${probability}; the model must answer every task that is scored`,
      );
    probabilities.push(probability);
    truths.push(truth);
  });
  return { probabilities, truths };
}

function evaluateTask(task: Task, samples: readonly Sample[], found: readonly Found[], precision: number): TaskScores {
  const matches = matchTask(task, samples, found);
  const aps = matches.verdicts.map((verdicts) => averagePrecision(verdicts, matches.boxes));
  const { probabilities, truths } = presencePairs(task, samples, found);
  const positives = truths.filter((truth) => truth).length;
  const labelled = samples.filter((sample) => (sample.labels[task] ?? null) !== null);
  const boxed = labelled.filter((sample) => sample.labels[task] !== true);
  const points = curve(matches);
  return {
    task,
    ap50: aps[0] ?? null,
    ap75: aps[OVERLAPS.indexOf(0.75)] ?? null,
    ap: mean(aps),
    presenceAp: presenceAp(probabilities, truths),
    counts: {
      pictures: labelled.length,
      boxedPictures: boxed.length,
      boxes: matches.boxes,
      ignored: boxed.reduce((sum, sample) => sum + (sample.ignore[task] ?? []).length, 0),
      positives,
      negatives: truths.length - positives,
    },
    bestF1: highestF1(points),
    atPrecision: lowestThreshold(points, precision),
    points: scorePoints(task, samples, found),
  };
}

/**
 * Scores a model's answers, found[i] for samples[i], a task at a time where the task is labelled.
 * @param options.precision the precision that `atPrecision` is to keep, in (0, 1] (default .9).
 * Throws E_ARGUMENT where `found` does not fit `samples`, a score, box or probability is not finite, or the presence of a
 * labelled task is missing.
 */
export function evaluate(
  tasks: readonly Task[],
  samples: readonly Sample[],
  found: readonly Found[],
  options: { precision?: number } = {},
): Scores {
  const { precision = 0.9 } = options;
  if (!(precision > 0 && precision <= 1))
    throw new FourwayError("E_ARGUMENT", `evaluate: expected a precision in (0, 1], got ${precision}; 0.9 is the default`);
  checkFound("evaluate", samples, found);
  const scores = tasks.map((task) => evaluateTask(task, samples, found, precision));
  return {
    tasks: scores,
    mean: {
      ap50: mean(scores.map((score) => score.ap50)),
      ap75: mean(scores.map((score) => score.ap75)),
      ap: mean(scores.map((score) => score.ap)),
      presenceAp: mean(scores.map((score) => score.presenceAp)),
    },
    precision,
  };
}

/**
 * The precision-recall curve of a task at IoU .5, by falling threshold, one point for each score that occurs; empty where
 * there is no labelled box. The points are as measured, without the envelope that AP reads.
 * Throws what `evaluate` throws for scores and boxes.
 */
export function precisionRecall(task: Task, samples: readonly Sample[], found: readonly Found[]): CurvePoint[] {
  return curve(matchTask(task, samples, found, [0.5]));
}
