import type { Box } from "../../core/box.js";
import { FourwayError } from "../../core/errors.js";
import type { Task } from "../../core/task.js";
import { taskOfCategory } from "../../core/vocabulary.js";
import type { Label, Sample } from "../dataset.js";
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
  splitFault,
  splitOfName,
  withinFolder,
} from "../read.js";
import { type LabelFormat, withPaths } from "./format.js";

// COCO JSON, with LVIS's two lists a picture for what is not known of it:
//   neg_category_ids             checked and absent                            -> []
//   not_exhaustive_category_ids  some are boxed, not all                       -> true, or null where none is boxed
//   neither of them              every instance is boxed, or not annotated     -> a list, or null
// https://cocodataset.org/#format-data, https://www.lvisdataset.org/dataset
// A picture may further carry what Fourway writes: "split", "group" and "present_category_ids" (present, not boxed).

/** How to read a COCO file. */
export interface CocoOptions {
  /** The tasks that the file labels exhaustively, where that is not so for all of its categories; the others are null. */
  labelled?: readonly Task[];
  /** The split of all pictures; without it what the picture says, else what the file's name says, else its folder's name, else "train". */
  split?: string;
}

type Fields = Record<string, unknown>;

/**
 * Reads the text of a COCO file. Categories are mapped to tasks by name (`taskOfCategory`); others are named in `skipped`. A category
 * that others name as their supercategory and that no annotation uses is only a heading.
 * Ids that differ in type alone (1 and "1") are the same id.
 * `iscrowd` annotations become ignored regions. A picture without LVIS's lists is exhaustively labelled for every task that
 * the file has a category of (and that is in `labelled`, where given); a task without a category is null.
 * A picture whose only instances are crowd regions reads as [] with ignored regions, as pycocotools counts it.
 * Where an annotation cannot be placed, its object may be in any picture, or of any task: no such task is treated as absent.
 * In faults `line` is the id of the annotation or image that the message names, for broken JSON the line.
 * @param imageFolder what file names are relative to; it is put before them.
 * @throws E_ARGUMENT if `labelled` names something that is not a task, or `split` cannot be a split's name.
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
  const wrongSplit = options.split === undefined ? null : splitFault(options.split);
  if (wrongSplit !== null) throw new FourwayError("E_ARGUMENT", `options: ${wrongSplit}; give another name`);
  const parsed: ParsedFile = { samples: [], faults: [], lines: [] };
  const fault = (line: number, message: string) => parsed.faults.push({ file, line, message });
  const root = parseRoot(text, fault);
  if (root === null) return parsed;

  const taskOf = new Map<string, Task | null>();
  const skipped: string[] = [];
  const headings = headingsOf(root.categories, root.annotations);
  for (const category of root.categories) {
    if (isObject(category) && typeof category.name === "string") {
      const task = headings.has(idOf(category.id)) ? null : taskOfCategory(category.name, tasks);
      taskOf.set(idOf(category.id), task);
      if (task === null && !headings.has(idOf(category.id))) skipped.push(category.name);
    } else fault(1, `categories: expected an "id" and a "name", got ${shown(category)}`);
  }
  if (skipped.length > 0) parsed.skipped = [{ file, categories: skipped }];
  const known = new Set([...taskOf.values()].filter((task): task is Task => task !== null && labelled.includes(task)));

  const defaultSplit = splitOfName(file.split(/[\\/]/).at(-1)!, set);
  const faulty = new Set<string>();
  const images = new Map<string, { sample: Sample; source: Fields; boxes: Record<Task, CheckedBox[]> }>();
  for (const image of root.images) {
    const written = isObject(image) ? image.id : undefined;
    const id = idOf(written);
    const wrong = imageFault(image, options.split === undefined) ?? (images.has(id) ? "expected each image id once, got it again" : null);
    if (wrong !== null) {
      fault(asLine(id), `image ${shown(written)}: ${wrong}`);
      faulty.add(id);
      continue;
    }
    const source = image as Fields;
    const name = fileNameOf(source)!;
    images.set(id, {
      sample: {
        image: joinPath(imageFolder, name),
        width: source.width as number,
        height: source.height as number,
        split: options.split ?? (source.split as string | null | undefined) ?? defaultSplit,
        group: typeof source.group === "string" && source.group !== "" ? source.group : groupOfName(set, name),
        set,
        labels: perTask<Label>(tasks, () => null),
        ignore: perTask<Box[]>(tasks, () => []),
      },
      source,
      boxes: perTask<CheckedBox[]>(tasks, () => []),
    });
  }

  /** Tasks of annotations whose picture is unknown. */
  const adrift = new Set<Task>();
  let placed = 0;
  for (const [index, annotation] of root.annotations.entries()) {
    if (!isObject(annotation)) {
      fault(index + 1, `annotations[${index}]: expected an object, got ${shown(annotation)}`);
      continue;
    }
    const line = asLine(annotation.id);
    const where = `annotation ${shown(annotation.id)}`;
    const task = taskOf.get(idOf(annotation.category_id));
    const image = images.get(idOf(annotation.image_id));
    if (task === undefined) fault(line, `${where}: expected the id of a category, got category_id ${shown(annotation.category_id)}`);
    if (image === undefined) {
      if (!faulty.has(idOf(annotation.image_id)))
        fault(line, `${where}: expected the id of an image, got image_id ${shown(annotation.image_id)}`);
      if (annotation.image_id === undefined || annotation.image_id === null)
        for (const each of task === undefined ? known : [task]) if (each !== null) adrift.add(each);
      continue;
    }
    placed++;
    if (task === null) continue;
    const checked = checkBox(annotation.bbox, image.sample.width, image.sample.height);
    if (task === undefined) {
      const rest = "box" in checked ? checked.box : checked.rest;
      for (const each of known) image.boxes[each]!.push({ fault: "of no known category", rest });
      continue;
    }
    const [crowd, ignored] = [flagOf(annotation.iscrowd), flagOf(annotation.ignore)];
    if ("fault" in checked) fault(line, `${where}: ${checked.fault}`);
    if (crowd === null || ignored === null) {
      fault(
        line,
        `${where}: expected "iscrowd" and "ignore" to be 0 or 1, got ${shown(annotation.iscrowd)} and ${shown(annotation.ignore)}`,
      );
      image.boxes[task]!.push({ fault: "of no known kind", rest: "box" in checked ? checked.box : checked.rest });
    } else if (!crowd && !ignored) image.boxes[task]!.push(checked);
    else if ("box" in checked) image.sample.ignore[task]!.push(checked.box);
    else if (checked.rest) image.sample.ignore[task]!.push(checked.rest);
  }
  if (placed === 0 && root.annotations.length > 0) for (const task of known) adrift.add(task);

  for (const [id, { sample, source, boxes }] of images) {
    const listed = (name: string) => new Set(list(source[name]).map((category) => taskOf.get(idOf(category))));
    const partial = source.neg_category_ids !== undefined || source.not_exhaustive_category_ids !== undefined;
    const [absent, some, present] = [listed("neg_category_ids"), listed("not_exhaustive_category_ids"), listed("present_category_ids")];
    for (const task of known) {
      const found = boxes[task]!;
      if (present.has(task) || (partial && some.has(task) && found.length > 0)) sample.labels[task] = true;
      else if (!partial || found.length > 0 || absent.has(task)) sample.labels[task] = labelFromBoxes(found, sample.ignore[task]!);
      const label = sample.labels[task];
      if (adrift.has(task) && Array.isArray(label)) sample.labels[task] = label.length > 0 ? true : null;
    }
    parsed.samples.push(sample);
    parsed.lines.push(asLine(id));
  }
  return parsed;
}

/** COCO files, as COCO, LVIS and Roboflow name them, with pictures in images/, next to the file, or in a folder named after the split (val2017/). */
export const coco: LabelFormat = {
  name: "COCO",
  extension: ".json",
  fileName: /^(instances|annotations).*\.json$|^_annotations\.coco\.json$/i,
  fileNames: "COCO's instances*.json, annotations*.json or _annotations.coco.json (also in annotations/)",
  folder: "annotations",
  pictureFolders(file) {
    const split = file.replace(/^[a-z]+_/i, ""); // instances_val2017
    return ["images", "annotations", "", `images/${split}`, split];
  },
  parse: (text, source) => withPaths(parseCoco(text, source.file, "", source.set, source.tasks, source.options), source),
};

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

/** An id as a key: 1 and "1" are one id, which exporters mix. */
function idOf(id: unknown): string {
  return String(id);
}

/** A flag that is written as 0 or 1, or as a boolean; false where it is left out, null where it is something else. */
function flagOf(value: unknown): boolean | null {
  if (value === undefined || value === null || value === 0 || value === false) return false;
  return value === 1 || value === true ? true : null;
}

/** Ids of categories that only head others: a supercategory that no annotation uses. */
function headingsOf(categories: readonly unknown[], annotations: readonly unknown[]): Set<string> {
  const used = new Set(annotations.map((annotation) => (isObject(annotation) ? idOf(annotation.category_id) : "")));
  const above = new Set(
    categories.flatMap((category) => (isObject(category) && category.supercategory !== category.name ? [category.supercategory] : [])),
  );
  return new Set(
    categories.flatMap((category) =>
      isObject(category) && above.has(category.name) && !used.has(idOf(category.id)) ? [idOf(category.id)] : [],
    ),
  );
}

/** The picture's name; LVIS v1 gives its address alone, of which folder and file count (val2017/000000397133.jpg). */
function fileNameOf({ file_name: name, coco_url: address }: Fields): string | null {
  if (typeof name === "string" && name !== "") return name;
  return typeof address === "string" ? (/[^/]+\/[^/?#]+(?=$|[?#])/.exec(address)?.[0] ?? null) : null;
}

function imageFault(image: unknown, ownSplit: boolean): string | null {
  if (!isObject(image)) return `expected an object, got ${shown(image)}`;
  if (image.id === undefined) return 'expected an "id", got none';
  if (fileNameOf(image) === null) return `expected a "file_name" or "coco_url", got ${shown(image.file_name)}`;
  return sizeFault(image.width, image.height) ?? (ownSplit && image.split != null ? splitFault(image.split) : null);
}

/** Copies that Roboflow augmented ("street_jpg.rf.0a1b.jpg") share the name before ".rf.", and so a group. */
function groupOfName(set: string, name: string): string {
  return `${set}/${name.replace(/\.rf\.[^/]*$/, "")}`;
}

function asLine(id: unknown): number {
  const line = Number(id);
  return typeof id !== "boolean" && Number.isFinite(line) ? line : 0;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
