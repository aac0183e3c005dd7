import { FourwayError } from "../../core/errors.js";
import type { Task } from "../../core/task.js";
import { numberIn, parseTasks, several } from "../values.js";
import type { Experiment, ExperimentOptions, Run } from "./frame.js";
import { dropLabels } from "./missingLabels.js";

/** Shares of the new task's labels. */
const SIZES = [0.05, 0.25, 1];
const QUICK = [0.5, 1];

/** Options of `transfer`. */
interface TransferOptions extends ExperimentOptions {
  new: Task[];
  kept: number[];
}

/** Transfer learning beside multi-task learning, with the same pictures and the same number of steps in all. */
export const transfer: Experiment<TransferOptions> = {
  name: "transfer",
  title: "First the others, then the new task; or all together; or the new one alone",
  description:
    "train on the old tasks and go on with the new one, against all together and the new one alone, in as many steps, over the new one's size",
  xLabel: "share of the new task's labels",
  reference: "alone",
  addOptions: (command) =>
    command
      .requiredOption("--new <task>", "the task that the others are to help; one of --tasks", parseTasks)
      .option("--kept <shares...>", "shares of the new task's labels to keep", several(numberIn({ least: 0.01, most: 1 })), SIZES),
  runs({ tasks, new: fresh, quick, kept }) {
    const others = tasks.filter((task) => !fresh.includes(task));
    if (others.length === 0 || fresh.some((task) => !tasks.includes(task)))
      throw new FourwayError(
        "E_ARGUMENT",
        `--new: expected some, not all, of the tasks ${tasks.join(", ")}, got ${fresh.join(", ")}; choose one`,
      );
    const runs = (quick ? QUICK : kept).flatMap((size): Run[] => {
      const own = { condition: `${100 * size} %`, x: size, scored: fresh };
      const take: Run["take"] = (samples, random) => dropLabels(samples, fresh, 1 - size, random);
      const suffix = `-${100 * size}`;
      return [
        { ...own, arm: "alone", name: `alone${suffix}`, tasks: fresh, take, share: 1 },
        { ...own, arm: "together", name: `together${suffix}`, tasks, take, share: 1 },
        { ...own, arm: "one after the other", name: `after${suffix}`, tasks: fresh, take, share: 0.5, after: "others" },
      ];
    });
    return [{ arm: "others", condition: "", x: 0, name: "others", tasks: others, scored: [], share: 0.5 }, ...runs];
  },
};
