import { Option } from "commander";
import { FourwayError } from "../core/errors.js";
import { TASKS, type Task } from "../core/task.js";
import { isLabelled } from "../data/batch.js";
import { humanLabels, type Sample } from "../data/dataset.js";
import { describeFaults, describeSkipped } from "../data/read.js";
import { readDatasets } from "../node/files.js";
import { parseSplit } from "./values.js";

/** Options of all commands that read labels. */
export interface DataOptions {
  data: string[];
  labelled?: string[];
  strict?: boolean;
  /** Of the network; those of the shipped models without it. */
  tasks?: readonly Task[];
  /** A teacher's labels count in the val split too. */
  teacherLabels?: boolean;
}

/** The two splits that a command reads. */
export interface SplitOptions {
  /** To learn from. */
  split: string;
  /** To measure on. */
  valSplit: string;
}

/** Options of commander for `DataOptions`: flags, description and, for lists, the parser. */
export const DATA_FLAGS = {
  data: ["--data <dir...>", "sets, or folders of sets (labels.jsonl or COCO JSON)"],
  labelled: ["--labelled <tasks>", "COCO files are exhaustive for these tasks only, comma separated"],
  strict: ["--strict", "stop at the first bad label or picture"],
} as const;

/** The option `--split`, or `--val-split`: the name of a split, as the labels have it. @param use what its pictures are for */
export function splitOption(use: string, split: string, flag: "--split" | "--val-split" | "--data-split" = "--split"): Option {
  return new Option(`${flag} <split>`, `of the pictures ${use}: any that the labels name`).argParser(parseSplit).default(split);
}

/**
 * The samples with a label of any of the tasks. In every split but train only people's labels count. Faults are reported through `say`.
 * @param take maps a sample to what is read of it: none to leave it out
 * @throws E_DATA with `strict` and a fault
 */
export async function readSamples(
  { data, labelled, strict, tasks = TASKS, teacherLabels }: DataOptions,
  say: (text: string) => void,
  take: (sample: Sample) => Sample[] = (sample) => [sample],
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
  const taken = samples.flatMap(take);
  const kept = teacherLabels ? taken : taken.map((sample) => (sample.split !== "train" ? humanLabels(sample) : sample));
  return kept.filter((sample) => isLabelled(sample, tasks));
}

/**
 * As `readSamples`, of two splits alone, which become "train" and "val".
 * @throws E_ARGUMENT where both are one split
 */
export async function readTwoSplits(
  { split, valSplit, ...options }: DataOptions & SplitOptions,
  say: (text: string) => void,
): Promise<Sample[]> {
  if (split === valSplit)
    throw new FourwayError("E_ARGUMENT", `--val-split: expected another split than --split, got "${split}" for both; change one`);
  const asTwo = (sample: Sample): Sample[] => {
    if (sample.split === split) return [{ ...sample, split: "train" }];
    return sample.split === valSplit ? [{ ...sample, split: "val" }] : [];
  };
  return readSamples(options, say, asTwo);
}
