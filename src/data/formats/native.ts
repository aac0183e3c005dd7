import type { Box } from "../../core/box.js";
import type { Task } from "../../core/task.js";
import type { Label, Sample } from "../dataset.js";
import {
  checkBox,
  isKnownTask,
  joinPath,
  labelFromBoxes,
  type ParsedFile,
  perTask,
  shown,
  sizeFault,
  splitFault,
  withinFolder,
} from "../read.js";
import { type LabelFormat, withPaths } from "./format.js";

// The native format: one JSON object a line.
//   {"image":"images/1.jpg","width":448,"height":299,"split":"train","group":"g17",
//    "labels":{"pedestrian":[[10,20,30,60]],"car":[],"stopSign":true,"trafficLight":null},
//    "ignore":{"car":[[1,2,3,4]]},"from":{"pedestrian":"nanodet-plus"}}
//    "points":{"pedestrian":[[12,22,30,22]]}
// "points" are landmarks of each box in turn, x and y of each point, or null; where the label is true, of objects that are not boxed.
// "from" names the teacher that gave a task's label; where it is left out, a person did. Paths are relative to the file's folder, or absolute.

/** Characters of the longest line that is read: more boxes than any picture holds. */
const MAX_LINE = 2 ** 20;

/**
 * Reads the text of a `labels.jsonl`. A line that cannot be used is left out and reported in `faults`, as is each bad box:
 * a box that extends more than a pixel outside is left out (its part inside the picture becomes an ignored region),
 * a box that extends less is clipped. Never throws.
 * @param file its name in faults.
 * @param folder what image paths are relative to; it is put before them.
 * @param set the name of the set.
 * @param tasks the tasks that are wanted; other tasks of `VOCABULARY` are skipped, any other name is a fault.
 */
export function parseNative(text: string, file: string, folder: string, set: string, tasks: readonly Task[]): ParsedFile {
  const parsed: ParsedFile = { samples: [], faults: [], lines: [] };
  const lineOfImage = new Map<string, number>();
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  for (const [index, source] of lines.entries()) {
    if (source.trim() === "") continue;
    const line = index + 1;
    const fault = (message: string) => parsed.faults.push({ file, line, message });
    if (source.length > MAX_LINE) {
      fault(`expected a line of at most ${MAX_LINE} characters, got ${source.length}`);
      continue;
    }
    const sample = parseLine(source, set, tasks, fault);
    if (sample === null) continue;
    const earlier = lineOfImage.get(sample.image);
    if (earlier !== undefined) {
      fault(`expected each image once, got "${sample.image}" again (first on line ${earlier})`);
      continue;
    }
    lineOfImage.set(sample.image, line);
    sample.image = joinPath(folder, sample.image);
    parsed.samples.push(sample);
    parsed.lines.push(line);
  }
  return parsed;
}

/** The native format. Pictures are named from the file's folder. */
export const native: LabelFormat = {
  name: "native",
  extension: ".jsonl",
  fileName: /^labels\.jsonl$/,
  fileNames: "labels.jsonl",
  pictureFolders: () => [""],
  parse: (text, source) => withPaths(parseNative(text, source.file, "", source.set, source.tasks), source),
};

function parseLine(source: string, set: string, tasks: readonly Task[], fault: (message: string) => void): Sample | null {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    fault(`expected a JSON object, got ${(error as Error).message}`);
    return null;
  }
  if (!isObject(value)) {
    fault(`expected a JSON object, got ${shown(value)}`);
    return null;
  }
  const { image, width, height, split, group, labels, points, ignore, from } = value;
  const missing = ["image", "width", "height", "split", "group", "labels"].filter((name) => value[name] === undefined);
  if (missing.length > 0) {
    fault(`expected "${missing.join('", "')}", got an object without`);
    return null;
  }
  const wrong =
    (typeof image !== "string" || image === "" ? `expected "image" to be a path, got ${shown(image)}` : null) ??
    sizeFault(width, height) ??
    splitFault(split) ??
    (typeof group !== "string" || group === "" ? `expected "group" to be a name, got ${shown(group)}` : null) ??
    (!isObject(labels) ? `expected "labels" to be an object with a label per task, got ${shown(labels)}` : null) ??
    (points !== undefined && !isObject(points)
      ? `expected "points" to be an object with a list of points per task, got ${shown(points)}`
      : null) ??
    (ignore !== undefined && !isObject(ignore)
      ? `expected "ignore" to be an object with a list of boxes per task, got ${shown(ignore)}`
      : null) ??
    (from !== undefined && !(isObject(from) && Object.values(from).every((name) => typeof name === "string" && name !== ""))
      ? `expected "from" to be an object with a teacher's name per task, got ${shown(from)}`
      : null);
  if (wrong !== null) {
    fault(wrong);
    return null;
  }
  const sample: Sample = {
    image: image as string,
    width: width as number,
    height: height as number,
    split: split as string,
    group: group as string,
    set,
    labels: perTask<Label>(tasks, () => null),
    ignore: perTask<Box[]>(tasks, () => []),
  };
  readIgnore((ignore ?? {}) as Record<string, unknown>, sample, tasks, fault);
  readLabels(labels as Record<string, unknown>, sample, tasks, fault);
  readPoints((points ?? {}) as Record<string, unknown>, sample, labels as Record<string, unknown>, tasks, fault);
  readFrom((from ?? {}) as Record<string, string>, sample, tasks, fault);
  return sample;
}

function readLabels(labels: Record<string, unknown>, sample: Sample, tasks: readonly Task[], fault: (message: string) => void): void {
  for (const [task, value] of Object.entries(labels)) {
    if (!isKnownTask(task, tasks)) {
      fault(`labels: expected tasks out of ${tasks.join(", ")}, got "${task}"`);
      continue;
    }
    if (!tasks.includes(task) || value === null) continue;
    if (value === true) {
      sample.labels[task] = true;
    } else if (Array.isArray(value)) {
      const checked = value.map((entry) => checkBox(entry, sample.width, sample.height));
      for (const [index, entry] of checked.entries()) if ("fault" in entry) fault(`${task} box ${index + 1}: ${entry.fault}`);
      sample.labels[task] = labelFromBoxes(checked, sample.ignore[task]!);
    } else {
      fault(`${task}: expected a list of boxes, true or null, got ${shown(value)}`);
    }
  }
}

function readIgnore(ignore: Record<string, unknown>, sample: Sample, tasks: readonly Task[], fault: (message: string) => void): void {
  for (const [task, value] of Object.entries(ignore)) {
    if (!isKnownTask(task, tasks)) fault(`ignore: expected tasks out of ${tasks.join(", ")}, got "${task}"`);
    else if (!Array.isArray(value)) fault(`ignore ${task}: expected a list of boxes, got ${shown(value)}`);
    else if (tasks.includes(task))
      for (const [index, entry] of value.entries()) {
        const checked = checkBox(entry, sample.width, sample.height);
        if ("box" in checked) sample.ignore[task]!.push(checked.box);
        else {
          fault(`ignore ${task} box ${index + 1}: ${checked.fault}`);
          if (checked.rest) sample.ignore[task]!.push(checked.rest);
        }
      }
  }
}

/** Points of a task are taken as a whole: where an entry, or a box of the task, cannot be used, none is. */
function readPoints(
  points: Record<string, unknown>,
  sample: Sample,
  labels: Record<string, unknown>,
  tasks: readonly Task[],
  fault: (message: string) => void,
): void {
  for (const [task, value] of Object.entries(points)) {
    if (!isKnownTask(task, tasks)) fault(`points: expected tasks out of ${tasks.join(", ")}, got "${task}"`);
    if (!tasks.includes(task)) continue;
    const label = sample.labels[task] ?? null;
    const isPoints = (entry: unknown): boolean =>
      entry === null || (Array.isArray(entry) && entry.length > 0 && entry.length % 2 === 0 && entry.every(Number.isFinite));
    const given = labels[task];
    if (!Array.isArray(value) || !value.every(isPoints))
      fault(`points ${task}: expected lists of x, y, x, y, .. or null, got ${shown(value)}`);
    else if (label === null || (Array.isArray(given) && given.length !== value.length))
      fault(`points ${task}: expected a list for each box, got ${value.length} for ${shown(given ?? null)}`);
    else if (label === true || label.length === value.length) sample.points = { ...sample.points, [task]: value as (number[] | null)[] };
  }
}

function readFrom(from: Record<string, string>, sample: Sample, tasks: readonly Task[], fault: (message: string) => void): void {
  for (const [task, teacher] of Object.entries(from)) {
    if (!isKnownTask(task, tasks)) fault(`from: expected tasks out of ${tasks.join(", ")}, got "${task}"`);
    else if (tasks.includes(task)) sample.from = { ...sample.from, [task]: teacher };
  }
}

/**
 * The text of a `labels.jsonl` that `parseNative` reads back the same, one line per sample.
 * @param folder the set's folder: image paths are written relative to it.
 */
export function formatNative(samples: readonly Sample[], folder = ""): string {
  const boxes = (list: readonly Box[]) => list.map((box) => [box.x, box.y, box.width, box.height]);
  return samples
    .map((sample) => {
      const labels = Object.fromEntries(
        Object.entries(sample.labels).map(([task, label]) => [task, Array.isArray(label) ? boxes(label) : label]),
      );
      const ignored = Object.entries(sample.ignore).filter(([, list]) => list.length > 0);
      const ignore = ignored.length > 0 ? { ignore: Object.fromEntries(ignored.map(([task, list]) => [task, boxes(list)])) } : {};
      const { width, height, split, group, points } = sample;
      const from = Object.keys(sample.from ?? {}).length > 0 ? { from: sample.from } : {};
      return `${JSON.stringify({ image: withinFolder(sample.image, folder), width, height, split, group, labels, ...(points ? { points } : {}), ...ignore, ...from })}\n`;
    })
    .join("");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
