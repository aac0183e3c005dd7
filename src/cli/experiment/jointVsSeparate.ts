import type { Task } from "../../core/task.js";
import { DEFAULT_PIXELS } from "../../model/model.js";
import { parseTasks } from "../values.js";
import type { Experiment, ExperimentOptions, Run } from "./frame.js";

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

/** Options of `jointVsSeparate`. */
interface JointOptions extends ExperimentOptions {
  compared?: Task[];
}

/** Joint against separate training. */
export const jointVsSeparate: Experiment<JointOptions> = {
  name: "joint-vs-separate",
  title: "One network for all tasks against one per task",
  description:
    "one network for all tasks against one network per task, each trained on the pictures that are labelled for it, equally often",
  xLabel: "task",
  reference: "separate",
  defaults: { epochs: 6, heads: "boxes", pixels: DEFAULT_PIXELS },
  addOptions: (command) =>
    command.option(
      "--compared <tasks>",
      "tasks that are trained separately too; the others are in the joint network only (default: all)",
      parseTasks,
    ),
  runs({ tasks, compared = tasks }) {
    const isCompared = ({ arm, tasks: own }: Run): boolean => arm === "joint" || compared.includes(own[0]!);
    const runs = jointAndSeparate(tasks, { condition: "all labels", x: 0 }).filter(isCompared);
    return runs.map((run) => ({ ...run, scored: run.tasks.filter((task) => compared.includes(task)) }));
  },
};
