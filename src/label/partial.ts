import type { Box } from "../core/box.js";
import type { Task } from "../core/task.js";
import type { DataFault, Sample } from "../data/dataset.js";
import { checkBox, joinPath, shown } from "../data/read.js";

// Boxes by a person that do not cover all instances of a task, next to a labels.jsonl. One JSON object per line:
//   {"image":"images/1.jpg","trafficLight_partial":[[196,132.4,12,37]]}

/** The ending of a task's name in a file of partial boxes. */
const SUFFIX = "_partial";

/** Boxes per picture (by its path in the samples) and task. */
export type PartialBoxes = Map<string, Record<Task, Box[]>>;

/**
 * Reads a file of partial boxes into `into`. A line or box that cannot be used is left out and reported; never throws.
 * @param folder what image paths are relative to
 * @param samples by image path: the sizes that bound the boxes; lines of other pictures are skipped
 */
export function parsePartial(
  text: string,
  file: string,
  folder: string,
  tasks: readonly Task[],
  samples: ReadonlyMap<string, Sample>,
  into: PartialBoxes,
): DataFault[] {
  const faults: DataFault[] = [];
  for (const [index, source] of text.split("\n").entries()) {
    if (source.trim() === "") continue;
    const fault = (message: string) => faults.push({ file, line: index + 1, message });
    let value: Record<string, unknown>;
    try {
      value = JSON.parse(source);
    } catch (error) {
      fault(`expected a JSON object, got ${(error as Error).message}`);
      continue;
    }
    if (typeof value?.image !== "string") {
      fault(`expected an object with an "image", got ${shown(value)}`);
      continue;
    }
    const sample = samples.get(joinPath(folder, value.image));
    if (sample === undefined) continue;
    const boxes = into.get(sample.image) ?? {};
    for (const task of tasks) {
      const list = value[task + SUFFIX];
      if (list === undefined) continue;
      if (!Array.isArray(list)) fault(`${task}${SUFFIX}: expected a list of boxes, got ${shown(list)}`);
      else
        for (const [n, entry] of list.entries()) {
          const checked = checkBox(entry, sample.width, sample.height);
          if ("box" in checked) boxes[task] = [...(boxes[task] ?? []), checked.box];
          else fault(`${task}${SUFFIX} box ${n + 1}: ${checked.fault}`);
        }
    }
    into.set(sample.image, boxes);
  }
  return faults;
}
