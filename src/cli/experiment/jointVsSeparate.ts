import type { Task } from "../../core/task.js";
import { DEFAULT_PIXELS } from "../../model/model.js";
import type { Experiment, Run } from "./frame.js";

/** One network for all tasks, and one a task, under one condition. @param suffix of the runs' names, where conditions differ in more than the start */
export function jointAndSeparate(
  tasks: readonly Task[],
  { condition, x, take, start }: Pick<Run, "condition" | "x" | "take" | "start">,
  suffix = "",
): Run[] {
  const rest = { condition, x, take, start };
  return [
    { ...rest, arm: "joint", name: `joint${suffix}`, tasks },
    ...tasks.map((task): Run => ({ ...rest, arm: "separate", name: `${task}${suffix}`, tasks: [task] })),
  ];
}

/** Joint against separate training. */
export const jointVsSeparate: Experiment = {
  name: "joint-vs-separate",
  title: "One network for all tasks against one per task",
  description:
    "one network for all tasks against one network per task, each trained on the pictures that are labelled for it, equally often",
  xLabel: "task",
  reference: "separate",
  defaults: { epochs: 6, heads: "boxes", pixels: DEFAULT_PIXELS },
  runs: ({ tasks }) => jointAndSeparate(tasks, { condition: "all labels", x: 0 }),
};
