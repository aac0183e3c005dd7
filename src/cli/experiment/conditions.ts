import type { Task } from "../../core/task.js";
import { TRUNK_WIDTHS } from "../../model/trunk.js";
import { numberIn, parseTasks, several } from "../values.js";
import type { Experiment, ExperimentOptions, Run } from "./frame.js";
import { jointAndSeparate } from "./jointVsSeparate.js";
import { dropLabels } from "./missingLabels.js";

// When several tasks in one network are worth it: three conditions that lectures name.

/** Options of `foreignTask`. */
interface ForeignOptions extends ExperimentOptions {
  foreign: Task[];
}

/** Shared low-level features: the tasks of one world together, and with a task of another world. */
export const foreignTask: Experiment<ForeignOptions> = {
  name: "foreign-task",
  title: "Tasks of one world, and one of another added",
  description: "one network for the tasks, against the same with a task of other pictures beside them",
  xLabel: "",
  reference: "one world",
  defaults: { heads: "boxes" },
  addOptions: (command) => command.requiredOption("--foreign <tasks>", "the tasks of other pictures, which --data holds too", parseTasks),
  runs({ tasks, foreign }) {
    const own = { condition: "all labels", x: 0 };
    return [
      { ...own, arm: "one world", name: "joint", tasks },
      { ...own, arm: "with a foreign task", name: "foreign", tasks: [...tasks, ...foreign], scored: tasks },
    ];
  },
};

/** Shares of one task's labels that are kept. */
const KEPT = [0.05, 0.25, 1];
const QUICK = [0.5, 1];

/** Options of `dataBalance`. */
interface BalanceOptions extends ExperimentOptions {
  kept: number[];
  scarce?: Task[];
}

/** Balance of data: one task has few labels, the others keep theirs. */
export const dataBalance: Experiment<BalanceOptions> = {
  name: "data-balance",
  title: "One task with few labels beside tasks with many",
  description: "keep a share of one task's labels, and all of the others': who helps whom",
  xLabel: "share of the task's labels",
  reference: "separate",
  addOptions: (command) =>
    command
      .option("--kept <shares...>", "shares of the task's labels to keep", several(numberIn({ least: 0.01, most: 1 })), KEPT)
      .option("--scarce <tasks>", "the tasks that have few labels, one at a time (default: each)", parseTasks),
  runs: ({ tasks, quick, kept, scarce = tasks.slice(0, quick ? 1 : undefined) }) =>
    (quick ? QUICK : kept).flatMap((share) =>
      scarce.flatMap((task): Run[] => {
        const own = { condition: `${100 * share} % of ${task}`, x: share, scored: [task], share: 1 }; // as many steps for each
        const take: Run["take"] = (samples, random) => dropLabels(samples, [task], 1 - share, random);
        return [
          { ...own, arm: "joint", name: share === 1 ? "joint" : `joint-${task}-${100 * share}`, tasks, take },
          { ...own, arm: "separate", name: `${task}-${100 * share}`, tasks: [task], take },
        ];
      }),
    ),
};

/** Size of the network: where one for all tasks stops costing them anything. */
export const networkWidth: Experiment = {
  name: "network-width",
  title: "One network for all tasks, from narrow to wide",
  description: "joint against separate training for trunks of every width, from random weights",
  xLabel: "width of the trunk",
  reference: "separate",
  ownStarts: true,
  runs: ({ tasks, quick }) =>
    (quick ? TRUNK_WIDTHS.slice(0, 2) : TRUNK_WIDTHS).flatMap((width) =>
      jointAndSeparate(tasks, { condition: `width ${width}`, x: Number(width), start: { name: `random ${width}`, width } }, `-${width}`),
    ),
};
