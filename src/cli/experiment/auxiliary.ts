import type { Task } from "../../core/task.js";
import { AUXILIARY_WEIGHT, questionsAbout } from "../../train/auxiliary.js";
import { parseTasks } from "../values.js";
import type { Experiment, ExperimentOptions } from "./frame.js";

/** Options of `auxiliary`. */
interface AuxiliaryOptions extends ExperimentOptions {
  main: Task[];
}

/** A main task with, without, and with auxiliary heads that never stop. */
export const auxiliary: Experiment<AuxiliaryOptions> = {
  name: "auxiliary-heads",
  title: "A task with auxiliary heads",
  description:
    "a main task alone, and beside questions about the boxes of --tasks (many? large?) that are thrown away afterwards, with and without stopping each in time",
  xLabel: "",
  reference: "without",
  addOptions: (command) => command.requiredOption("--main <task>", "the task that the auxiliary heads are to help", parseTasks),
  runs({ tasks, main }) {
    const weights = Object.fromEntries(questionsAbout(tasks).map((name) => [name, AUXILIARY_WEIGHT]));
    const own = { condition: "all labels", x: 0, tasks: main, share: 1 };
    return [
      { ...own, arm: "without", name: "without" },
      { ...own, arm: "never stopped", name: "never", auxiliary: { weights, stop: false } },
      { ...own, arm: "stopped in time", name: "stopped", auxiliary: { weights } },
    ];
  },
};
