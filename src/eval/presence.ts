import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import type { Found } from "./averagePrecision.js";

/**
 * Whether the task is in the picture; null where that is not known: the label is null, or there is only an ignored
 * region, which may contain the task (a crowd).
 */
export function presenceTruth(sample: Sample, task: Task): boolean | null {
  const label = sample.labels[task] ?? null;
  if (label === null || label === true) return label;
  if (label.length > 0) return true;
  return (sample.ignore[task] ?? []).length > 0 ? null : false;
}

/**
 * Share (0..1) of the pictures known to be without the task in which the detector finds it all the same, with a score of at least
 * `threshold`; null where there is no such picture.
 */
export function falseAlarms(task: Task, samples: readonly Sample[], found: readonly Found[], threshold: number): number | null {
  const without = found.filter((_, i) => presenceTruth(samples[i]!, task) === false);
  const alarmed = without.filter(({ objects }) => objects.some((object) => object.task === task && object.score >= threshold));
  return without.length === 0 ? null : alarmed.length / without.length;
}

/**
 * Average precision of presence, 0..1: the mean, over the pictures that have the task, of the precision among all pictures
 * that score at least as high; so equal scores count together, whatever the order of the pictures. null without a positive.
 * Throws E_ARGUMENT where the lists differ in length or a probability is not a number.
 */
export function presenceAp(probabilities: readonly number[], truths: readonly boolean[]): number | null {
  if (probabilities.length !== truths.length)
    throw new FourwayError(
      "E_ARGUMENT",
      `presenceAp: expected one truth a probability, got ${truths.length} for ${probabilities.length}; pass lists of one length`,
    );
  if (probabilities.some((p) => !Number.isFinite(p)))
    throw new FourwayError("E_ARGUMENT", "presenceAp: expected finite probabilities, got one that is not; every scored picture needs one");
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]!);
  let positives = 0;
  let sum = 0;
  for (let start = 0; start < order.length; ) {
    let end = start;
    let here = 0;
    while (end < order.length && probabilities[order[end]!] === probabilities[order[start]!]) if (truths[order[end++]!]) here++;
    positives += here;
    sum += here * (positives / end);
    start = end;
  }
  return positives === 0 ? null : sum / positives;
}
