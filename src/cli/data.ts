import { FourwayError } from "../core/errors.js";
import { TASKS, type Task } from "../core/task.js";
import { isLabelled } from "../data/batch.js";
import { humanLabels, type Sample } from "../data/dataset.js";
import { describeFaults, describeSkipped } from "../data/read.js";
import { readDatasets } from "../node/files.js";

/** What commands that read labels have in common. */
export interface DataOptions {
  data: string[];
  labelled?: string[];
  strict?: boolean;
  /** Of the network; those of the shipped models without it. */
  tasks?: readonly Task[];
  /** A teacher's labels count in the val split too. */
  teacherLabels?: boolean;
}

/** Options of commander for `DataOptions`: flags, description and, for lists, the parser. */
export const DATA_FLAGS = {
  data: ["--data <dir...>", "sets, or folders of sets (labels.jsonl or COCO JSON)"],
  labelled: ["--labelled <tasks>", "COCO files are exhaustive for these tasks only, comma separated"],
  strict: ["--strict", "stop at the first bad label or picture"],
} as const;

/** The samples that say something of a task. In every split but train only what people said counts. Faults are told through `say`. @throws E_DATA with `strict` and a fault */
export async function readSamples(
  { data, labelled, strict, tasks = TASKS, teacherLabels }: DataOptions,
  say: (text: string) => void,
): Promise<Sample[]> {
  const { samples, faults, skipped = [] } = await readDatasets(data, [...new Set([...TASKS, ...tasks])], { labelled });
  if (skipped.length > 0) say(describeSkipped(skipped));
  if (faults.length > 0) {
    if (strict)
      throw new FourwayError(
        "E_DATA",
        `--strict: expected labels without faults, got ${faults.length}; fix them:\n${describeFaults(faults)}`,
      );
    say(`${faults.length} faults in the labels, skipped:\n${describeFaults(faults)}`);
  }
  const kept = teacherLabels ? samples : samples.map((sample) => (sample.split !== "train" ? humanLabels(sample) : sample));
  return kept.filter((sample) => isLabelled(sample, tasks));
}
