import type { Random } from "../../core/random.js";
import type { Task } from "../../core/task.js";
import type { Label, Sample } from "../../data/dataset.js";
import { numberIn, several } from "../values.js";
import type { Experiment, ExperimentOptions, Run } from "./frame.js";

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

/** Options of `missingLabels`. */
interface MissingOptions extends ExperimentOptions {
  dropped: number[];
}

/** Labels are thrown away at random, and what is missing is left out of the loss, or taken for absence. */
export const missingLabels: Experiment<MissingOptions> = {
  name: "missing-labels",
  title: "What is left without labels",
  description: "throw labels away at random: one network with ? left out of the loss, one per task, and one that takes ? for no",
  xLabel: "share of labels thrown away",
  reference: "joint",
  addOptions: (command) =>
    command.option("--dropped <shares...>", "shares of the labels to throw away", several(numberIn({ least: 0, most: 0.99 })), DROPPED),
  runs: ({ tasks, quick, dropped }) =>
    (quick ? QUICK : dropped).flatMap((share): Run[] => {
      const condition = `${100 * share} % dropped`;
      const suffix = `-${100 * share}`;
      const take: Run["take"] = (samples, random) => dropLabels(samples, tasks, share, random);
      const own = { condition, x: share, take, share: 1 }; // as many steps for each: only the labels differ
      return [
        { ...own, arm: "joint", name: `joint${suffix}`, tasks },
        ...tasks.map((task): Run => ({ ...own, arm: "separate", name: `${task}${suffix}`, tasks: [task] })),
        { ...own, arm: "? as no", name: `as-no${suffix}`, tasks, take: (...given) => unknownAsAbsent(take(...given), tasks) },
      ];
    }),
};
