import { OPERATING_POINTS, type OperatingPoint } from "../core/operatingPoint.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import { logitOf, sigmoid } from "../detect/decode.js";
import type { Found } from "../eval/averagePrecision.js";
import { chooseThresholds } from "../eval/operatingPoints.js";
import { fitPlattScaling } from "../eval/plattScaling.js";
import { presenceTruth } from "../eval/presence.js";
import type { ModelInfo } from "../model/model.js";

/** From so many labelled frames on thresholds and presence are fitted wholly; with fewer they move that part of the way. */
const ENOUGH = 8;
/** Thresholds and calibrations are rounded to such parts, thresholds down, so that a detection's own score passes. */
const STEPS = 1e6;
/** Of a probability from 0 and 1. */
const MARGIN = 1e-6;

const clamp = (score: number): number => Math.min(1 - MARGIN, Math.max(MARGIN, score));
const logit = (score: number): number => logitOf(clamp(score));

/**
 * Thresholds and presence calibration of some tasks, fitted to answers on labelled frames.
 * @param found what the model answers, calibrated as `info` says
 */
export function recalibrated(info: ModelInfo, tasks: readonly Task[], samples: readonly Sample[], found: readonly Found[]): ModelInfo {
  const thresholds = Object.fromEntries(OPERATING_POINTS.map((point) => [point, { ...info.thresholds[point] }])) as ModelInfo["thresholds"];
  const presence = { ...info.presence };
  for (const task of tasks) {
    const labelled = samples.filter((sample) => Array.isArray(sample.labels[task])).length;
    const share = Math.min(1, labelled / ENOUGH);
    const chosen = chooseThresholds(task, samples, found);
    if (chosen)
      for (const point of OPERATING_POINTS) {
        const old = info.thresholds[point][task]!;
        thresholds[point][task] = Math.floor(STEPS * between(old, chosen[point], share)) / STEPS;
      }
    orderPoints(thresholds, task);
    const known = samples.flatMap((sample, i) => {
      const truth = presenceTruth(sample, task);
      return truth === null ? [] : [{ truth, logit: logit(found[i]!.presence[task]!) }];
    });
    if (known.length === 0) continue;
    const { scales, offsets } = fitPlattScaling(
      known.map((each) => each.logit),
      known.map((each) => each.truth),
    );
    const part = Math.min(1, known.length / ENOUGH);
    const [scale, offset] = [1 + part * (scales[0]! - 1), part * offsets[0]!];
    const { sizes, ...old } = presence[task]!;
    const round = (value: number): number => Math.round(value * STEPS) / STEPS;
    presence[task] = { sizes, scales: old.scales.map((v) => round(scale * v)), offsets: old.offsets.map((v) => round(scale * v + offset)) };
  }
  return { ...info, thresholds, presence };
}

/** A score between two, by their logits. */
function between(from: number, to: number, share: number): number {
  return share === 1 ? to : sigmoid((1 - share) * logit(from) + share * logit(to));
}

/** Neither of the outer points may pass the middle one. */
function orderPoints(thresholds: Record<OperatingPoint, Record<Task, number>>, task: Task): void {
  const middle = thresholds.balanced[task]!;
  thresholds.precise[task] = Math.max(middle, thresholds.precise[task]!);
  thresholds.sensitive[task] = Math.min(middle, thresholds.sensitive[task]!);
}
