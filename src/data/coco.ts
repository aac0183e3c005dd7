import type { Box } from "../core/box.js";
import type { Task } from "../core/task.js";
import { taskOfCategory } from "../core/vocabulary.js";
import type { Label, Sample } from "./dataset.js";
import {
  type CheckedBox,
  checkBox,
  checkTaskNames,
  joinPath,
  labelFromBoxes,
  type ParsedFile,
  perTask,
  shown,
  sizeFault,
  withinFolder,
} from "./read.js";

// COCO JSON, with LVIS's two lists a picture for what is not known of it:
//   neg_category_ids             looked for and absent                         -> []
//   not_exhaustive_category_ids  some are boxed, not all                       -> true, or null where none is boxed
//   neither of them              every instance is boxed, or nobody looked     -> a list, or null
// https://cocodataset.org/#format-data, https://www.lvisdataset.org/dataset
// A picture may further carry what Fourway writes: "split", "group" and "present_category_ids" (present, not boxed).

/** How to read a COCO file. */
export interface CocoOptions {
  /** The tasks that the file labels exhaustively, where that is not so for all of its categories; the others are null. */
  labelled?: readonly Task[];
  /** The split of all pictures; without it what the picture says, else "val" where the file's name says val or test, else "train". */
  split?: "train" | "val";
}

type Fields = Record<string, unknown>;

/**
 * Reads the text of a COCO file. Categories are mapped to tasks by name (`taskOfCategory`); others are passed over.
 * `iscrowd` annotations become ignored regions. A picture without LVIS's lists is exhaustively labelled for every task that
 * the file has a category of (and that is in `labelled`, where given); a task without a category is null.
 * A picture whose only instances are crowd regions reads as [] with ignored regions, as pycocotools counts it.
 * In faults `line` is the id of the annotation or image that the message names, for broken JSON the line.
 * @param imageFolder what file names are relative to; it is put before them.
 * @throws E_ARGUMENT if `labelled` names something that is not a task.
 */
export function parseCoco(
  text: string,
  file: string,
  imageFolder: string,
  set: string,
  tasks: readonly Task[],
  options: CocoOptions = {},
): ParsedFile {
  const labelled = options.labelled ?? tasks;
  checkTaskNames(labelled, tasks, "labelled");
  const parsed: ParsedFile = { samples: [], faults: [], lines: [] };
  const fault = (line: number, message: string) => parsed.faults.push({ file, line, message });
  const root = parseRoot(text, fault);
  if (root === null) return parsed;

  const taskOf = new Map<unknown, Task | null>();
  for (const category of root.categories) {
    if (isObject(category) && typeof category.name === "string") taskOf.set(category.id, taskOfCategory(category.name, tasks));
    else fault(1, `categories: expected an "id" and a "name", got ${shown(category)}`);
  }
  const known = new Set([...taskOf.values()].filter((task): task is Task => task !== null && labelled.includes(task)));

  const names = `${file.split(/[\\/]/).at(-1)} ${set}`;
  const defaultSplit = /(^|[^a-z])(val|valid|validation|test)([^a-z]|$)/i.test(names) ? "val" : "train";
  const faulty = new Set<unknown>();
  const images = new Map<unknown, { sample: Sample; source: Fields; boxes: Record<Task, CheckedBox[]> }>();
  for (const image of root.images) {
    const id = isObject(image) ? image.id : undefined;
    const wrong = imageFault(image) ?? (images.has(id) ? "expected each image id once, got it again" : null);
    if (wrong !== null) {
      fault(asLine(id), `image ${shown(id)}: ${wrong}`);
      faulty.add(id);
      continue;
    }
    const source = image as Fields;
    const name = source.file_name as string;
    images.set(id, {
      sample: {
        image: joinPath(imageFolder, name),
        width: source.width as number,
        height: source.height as number,
        split: options.split ?? (source.split === "train" || source.split === "val" ? source.split : defaultSplit),
        group: typeof source.group === "string" && source.group !== "" ? source.group : groupOfName(set, name),
        set,
        labels: perTask<Label>(tasks, () => null),
        ignore: perTask<Box[]>(tasks, () => []),
      },
      source,
      boxes: perTask<CheckedBox[]>(tasks, () => []),
    });
  }

  for (const [index, annotation] of root.annotations.entries()) {
    if (!isObject(annotation)) {
      fault(index + 1, `annotations[${index}]: expected an object, got ${shown(annotation)}`);
      continue;
    }
    const line = asLine(annotation.id);
    const where = `annotation ${shown(annotation.id)}`;
    const task = taskOf.get(annotation.category_id);
    const image = images.get(annotation.image_id);
    if (task === undefined) fault(line, `${where}: expected the id of a category, got category_id ${shown(annotation.category_id)}`);
    else if (image === undefined) {
      if (!faulty.has(annotation.image_id))
        fault(line, `${where}: expected the id of an image, got image_id ${shown(annotation.image_id)}`);
    } else if (task !== null) {
      const checked = checkBox(annotation.bbox, image.sample.width, image.sample.height);
      if ("fault" in checked) fault(line, `${where}: ${checked.fault}`);
      if (annotation.iscrowd !== 1 && annotation.ignore !== 1) image.boxes[task]!.push(checked);
      else if ("box" in checked) image.sample.ignore[task]!.push(checked.box);
      else if (checked.rest) image.sample.ignore[task]!.push(checked.rest);
    }
  }

  for (const [id, { sample, source, boxes }] of images) {
    const listed = (name: string) => new Set(list(source[name]).map((category) => taskOf.get(category)));
    const partial = source.neg_category_ids !== undefined || source.not_exhaustive_category_ids !== undefined;
    const [absent, some, present] = [listed("neg_category_ids"), listed("not_exhaustive_category_ids"), listed("present_category_ids")];
    for (const task of known) {
      const found = boxes[task]!;
      if (present.has(task) || (partial && some.has(task) && found.length > 0)) sample.labels[task] = true;
      else if (!partial || found.length > 0 || absent.has(task)) sample.labels[task] = labelFromBoxes(found, sample.ignore[task]!);
    }
    parsed.samples.push(sample);
    parsed.lines.push(asLine(id));
  }
  return parsed;
}

/**
 * Samples as a COCO file that `parseCoco` reads back the same (given the same set, and samples of one set),
 * with LVIS's lists for labels that are not lists of boxes. Categories are the tasks, numbered from 1.
 * @param folder image paths are written relative to it.
 */
export function formatCoco(samples: readonly Sample[], tasks: readonly Task[], folder = ""): string {
  const annotations: Fields[] = [];
  const annotate = (image: number, category: number, box: Box, iscrowd: 0 | 1) =>
    annotations.push({
      id: annotations.length + 1,
      image_id: image,
      category_id: category,
      bbox: [box.x, box.y, box.width, box.height],
      area: box.width * box.height,
      iscrowd,
    });
  const images = samples.map((sample, index) => {
    const id = index + 1;
    const [absent, some, present]: number[][] = [[], [], []];
    for (const [position, task] of tasks.entries()) {
      const category = position + 1;
      const label = sample.labels[task] ?? null;
      if (Array.isArray(label)) {
        for (const box of label) annotate(id, category, box, 0);
        if (label.length === 0) absent!.push(category);
      } else if (label === true) {
        some!.push(category);
        present!.push(category);
      }
      for (const box of sample.ignore[task] ?? []) annotate(id, category, box, 1);
    }
    return {
      id,
      file_name: withinFolder(sample.image, folder),
      width: sample.width,
      height: sample.height,
      split: sample.split,
      group: sample.group,
      neg_category_ids: absent,
      not_exhaustive_category_ids: some,
      present_category_ids: present,
    };
  });
  const categories = tasks.map((task, index) => ({ id: index + 1, name: task }));
  return `${JSON.stringify({ images, annotations, categories })}\n`;
}

function parseRoot(
  text: string,
  fault: (line: number, message: string) => void,
): Record<"images" | "annotations" | "categories", unknown[]> | null {
  let root: unknown;
  try {
    root = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const position = Number(/position (\d+)/.exec((error as Error).message)?.[1] ?? 0);
    fault(text.slice(0, position).split("\n").length, `expected JSON, got ${(error as Error).message}`);
    return null;
  }
  const missing = ["images", "annotations", "categories"].filter((name) => !isObject(root) || !Array.isArray(root[name]));
  if (missing.length > 0) {
    fault(1, `expected the lists "${missing.join('", "')}" of a COCO file, got none`);
    return null;
  }
  return root as Record<"images" | "annotations" | "categories", unknown[]>;
}

function imageFault(image: unknown): string | null {
  if (!isObject(image)) return `expected an object, got ${shown(image)}`;
  if (image.id === undefined) return 'expected an "id", got none';
  if (typeof image.file_name !== "string" || image.file_name === "") return `expected a "file_name", got ${shown(image.file_name)}`;
  return sizeFault(image.width, image.height);
}

/** Copies that Roboflow augmented ("street_jpg.rf.0a1b.jpg") share the name before ".rf.", and so a group. */
function groupOfName(set: string, name: string): string {
  return `${set}/${name.replace(/\.rf\.[^/]*$/, "")}`;
}

function asLine(id: unknown): number {
  return typeof id === "number" && Number.isFinite(id) ? id : 0;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
