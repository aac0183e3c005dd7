import { type Box, iou } from "../core/box.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import { type Found, matchTask, WRONG } from "./averagePrecision.js";

/** A detection with nothing under it. */
export interface FalsePositive {
  /** Index of the sample. */
  picture: number;
  box: Box;
  score: number;
  /** Largest IoU with a labelled box of the task, 0..1: over .5 means found twice, a little under it badly placed, 0 background. */
  overlap: number;
}

/** A labelled box that nothing found. */
export interface Miss {
  /** Index of the sample. */
  picture: number;
  box: Box;
  /** Share of the picture's area, 0..1. */
  share: number;
  /** Highest score of a detection that lay right but under the threshold; null if there was none at any score. */
  score: number | null;
}

/** The worst of one task: false positives by falling score, misses by falling share of the picture. */
export interface Mistakes {
  falsePositives: FalsePositive[];
  misses: Miss[];
}

/**
 * The worst mistakes a task at IoU .5, matched as COCO does; where a task is labelled null or `true` nothing is a mistake.
 * @param options.count at most this many of each kind (default 12).
 * @param options.thresholds score under which a detection of the task does not count as found (default 0: any score finds).
 * Throws what `evaluate` throws.
 */
export function mistakes(
  tasks: readonly Task[],
  samples: readonly Sample[],
  found: readonly Found[],
  options: { count?: number; thresholds?: Record<Task, number> } = {},
): Record<Task, Mistakes> {
  const { count = 12, thresholds = {} } = options;
  const result: Record<Task, Mistakes> = {};
  for (const task of tasks) {
    const matches = matchTask(task, samples, found, [0.5]);
    const falsePositives: FalsePositive[] = [];
    for (let i = 0; i < matches.scores.length && falsePositives.length < count; i++) {
      if (matches.verdicts[0]![i] !== WRONG) continue;
      const picture = matches.pictures[i]!;
      const box = matches.found[i]!;
      const boxes = samples[picture]!.labels[task] as Box[];
      const overlap = boxes.reduce((most, truth) => Math.max(most, iou(box, truth)), 0);
      falsePositives.push({ picture, box, score: matches.scores[i]!, overlap });
    }
    const misses = matches.truths
      .filter(({ score }) => score === null || score < (thresholds[task] ?? 0))
      .map(({ picture, box, score }) => {
        const { width, height } = samples[picture]!;
        return { picture, box, score, share: (box.width * box.height) / (width * height) };
      })
      .sort((a, b) => b.share - a.share)
      .slice(0, count);
    result[task] = { falsePositives, misses };
  }
  return result;
}
