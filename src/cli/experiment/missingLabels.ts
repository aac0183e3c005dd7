import type { Random } from "../../core/random.js";
import type { Task } from "../../core/task.js";
import type { Label, Sample } from "../../data/dataset.js";
import type { Experiment, Run } from "./frame.js";
import { jointAndSeparate } from "./jointVsSeparate.js";

/** Shares of the labels that are thrown away. */
const DROPPED = [0, 0.25, 0.5, 0.75, 0.9];
const QUICK = [0, 0.5];

/** The samples with other labels for some tasks. */
function relabelled(samples: readonly Sample[], tasks: readonly Task[], label: (known: Label, task: Task) => Label): Sample[] {
  return samples.map((sample) => ({
    ...sample,
    labels: { ...sample.labels, ...Object.fromEntries(tasks.map((task) => [task, label(sample.labels[task] ?? null, task)])) },
  }));
}

/** Each known label of the tasks becomes "?" with this probability. */
export function dropLabels(samples: readonly Sample[], tasks: readonly Task[], share: number, random: Random): Sample[] {
  return relabelled(samples, tasks, (label) => (label !== null && random.chance(share) ? null : label));
}

/** Every "?" of the tasks is said to be absent. */
function unknownAsAbsent(samples: readonly Sample[], tasks: readonly Task[]): Sample[] {
  return relabelled(samples, tasks, (label) => label ?? []);
}

/** Labels are thrown away at random, and what is missing is left out of the loss, or taken for absence. */
export const missingLabels: Experiment = {
  name: "missing-labels",
  title: "What is left without labels",
  description: "throw labels away at random: one network with ? left out of the loss, one per task, and one that takes ? for no",
  xLabel: "share of labels thrown away",
  reference: "separate",
  runs: ({ tasks, quick }) =>
    (quick ? QUICK : DROPPED).flatMap((share): Run[] => {
      const condition = `${100 * share} % dropped`;
      const suffix = `-${100 * share}`;
      return [
        ...jointAndSeparate(tasks, { condition, x: share, take: (samples, random) => dropLabels(samples, tasks, share, random) }, suffix),
        {
          arm: "? as no",
          condition,
          x: share,
          name: `as-no${suffix}`,
          tasks,
          take: (samples, random) => unknownAsAbsent(dropLabels(samples, tasks, share, random), tasks),
        },
      ];
    }),
};
