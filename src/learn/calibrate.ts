import { OPERATING_POINTS, type OperatingPoint } from "../core/operatingPoint.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import { logitOf, sigmoid } from "../detect/decode.js";
import { type Found, IGNORED, matchTask, RIGHT } from "../eval/averagePrecision.js";
import { fitPlattScaling } from "../eval/fitCalibration.js";
import { thresholdsOn } from "../eval/operatingPoints.js";
import { presenceTruth } from "../eval/presence.js";
import type { CurvePoint } from "../eval/scores.js";
import type { ModelInfo } from "../model/model.js";

// Thresholds and presence of one task, fitted to answers on a camera's few labelled frames. docs/learning.md has figures of other ways.

/** The old thresholds weigh as much as so many labelled boxes. */
const OLD_BOXES = 20;
/**
 * The width, in logits, within which a detection passes a threshold in part. A camera's frames have few boxes, and the best F1 on them is
 * often that of a chance gap between two scores.
 */
const WIDTH = 1.5;
/** Thresholds that are tried, by their logits. */
const GRID = { from: 6, to: -6, step: 0.1 };
/** From so many labelled frames on presence is fitted wholly; with fewer it moves that part of the way. */
const ENOUGH = 8;
/** Thresholds and calibrations are rounded to such parts, thresholds down, so that a detection's own score passes. */
const STEPS = 1e6;
/** Of a probability from 0 and 1. */
const MARGIN = 1e-6;

const clamp = (score: number): number => Math.min(1 - MARGIN, Math.max(MARGIN, score));
const logit = (score: number): number => logitOf(clamp(score));

/**
 * The precision-recall curve of a task at IoU .5, smoothed: near a threshold a detection counts in part. By falling threshold.
 * @returns empty where there is no labelled box
 */
function smoothCurve(task: Task, samples: readonly Sample[], found: readonly Found[]): { curve: CurvePoint[]; boxes: number } {
  const { boxes, scores, verdicts } = matchTask(task, samples, found, [0.5]);
  const counted = [...scores]
    .map((score, i) => ({ at: logit(score), verdict: verdicts[0]![i]! }))
    .filter(({ verdict }) => verdict !== IGNORED);
  const curve: CurvePoint[] = [];
  const count = Math.round((GRID.from - GRID.to) / GRID.step);
  for (let i = 0; i <= count && boxes > 0; i++) {
    const threshold = GRID.from - i * GRID.step;
    let [passing, right] = [0, 0];
    for (const { at, verdict } of counted) {
      const part = Math.min(1, Math.max(0, (at - threshold) / WIDTH + 0.5));
      passing += part;
      if (verdict === RIGHT) right += part;
    }
    if (passing > 0) curve.push({ threshold: sigmoid(threshold), precision: right / passing, recall: right / boxes });
  }
  return { curve, boxes };
}

/**
 * A model's info with thresholds of a task that fit labelled frames; the fewer boxes these have, the nearer they stay to the old ones.
 * @param found what the model answers, calibrated as `info` says
 */
export function withThresholds(info: ModelInfo, task: Task, samples: readonly Sample[], found: readonly Found[]): ModelInfo {
  const { curve, boxes } = smoothCurve(task, samples, found);
  const chosen = thresholdsOn(curve);
  if (!chosen) return info;
  const share = boxes / (boxes + OLD_BOXES);
  const moved = (point: OperatingPoint): number => {
    const [from, to] = [logit(info.thresholds[point][task]!), logit(chosen[point])];
    return Math.floor(STEPS * sigmoid(from + share * (to - from))) / STEPS;
  };
  const balanced = moved("balanced");
  const own = { precise: Math.max(balanced, moved("precise")), balanced, sensitive: Math.min(balanced, moved("sensitive")) };
  const thresholds = Object.fromEntries(OPERATING_POINTS.map((point) => [point, { ...info.thresholds[point], [task]: own[point] }]));
  return { ...info, thresholds: thresholds as ModelInfo["thresholds"] };
}

/**
 * A model's info with the presence of a task calibrated on labelled frames.
 * @param found what the model answers, calibrated as `info` says
 */
export function withPresence(info: ModelInfo, task: Task, samples: readonly Sample[], found: readonly Found[]): ModelInfo {
  const known = samples.flatMap((sample, i) => {
    const truth = presenceTruth(sample, task);
    return truth === null ? [] : [{ truth, logit: logit(found[i]!.presence[task]!) }];
  });
  if (known.length === 0) return info;
  const { scales, offsets } = fitPlattScaling(
    known.map((each) => each.logit),
    known.map((each) => each.truth),
  );
  const part = Math.min(1, known.length / ENOUGH);
  const [scale, offset] = [1 + part * (scales[0]! - 1), part * offsets[0]!];
  const { sizes, ...old } = info.presence[task]!;
  const round = (value: number): number => Math.round(value * STEPS) / STEPS;
  const fitted = {
    sizes,
    scales: old.scales.map((v) => round(scale * v)),
    ...(old.bends ? { bends: old.bends.map((v) => round(scale * v)) } : {}),
    offsets: old.offsets.map((v) => round(scale * v + offset)),
  };
  return { ...info, presence: { ...info.presence, [task]: fitted } };
}
