import type { Box } from "../core/box.js";
import { FourwayError } from "../core/errors.js";
import { MAX_FRAME_PIXELS } from "../core/frame.js";
import { printable } from "../core/printable.js";
import type { Task } from "../core/task.js";
import { entryOfTask } from "../core/vocabulary.js";
import type { DataFault, Dataset, Label, SkippedCategories } from "./dataset.js";

// What all readers of label files share: the tolerance of boxes, paths, and the text of faults.

/** How far a box may extend outside its picture, in pixels, before it counts as a fault. It is clipped either way. */
const BOX_TOLERANCE = 1;

/** What a reader of one file returns: `lines[i]` is where `samples[i]` stands (a line, or the image's id in a COCO file). */
export interface ParsedFile extends Dataset {
  lines: number[];
}

/**
 * A box from a file: the box clipped to the picture, or what is wrong with it.
 * `rest` is the part of a faulty box that lies in the picture, if any: something is there, but its extent is not known.
 */
export type CheckedBox = { box: Box } | { fault: string; rest: Box | null };

/**
 * Checks a value that should be `[x, y, width, height]`, in pixels of a picture of `width` x `height`. A box of less than a pixel, with no side
 * longer than one, is a fault: it is in fractions of the picture.
 */
export function checkBox(value: unknown, width: number, height: number): CheckedBox {
  if (!Array.isArray(value) || value.length !== 4 || !value.every(Number.isFinite))
    return { fault: `expected a box [x, y, width, height] of four numbers, got ${shown(value)}`, rest: null };
  const [x, y, w, h] = value as [number, number, number, number];
  if (w <= 0 || h <= 0) return { fault: `expected a box with a size, got ${shown(value)}`, rest: null };
  if (w <= 1 && h <= 1 && w * h < 1)
    return {
      fault: `expected a box in pixels, at least 1 x 1 or with a longer side, got ${shown(value)}; multiply fractions by the picture's size`,
      rest: null,
    };
  const box = clip({ x, y, width: w, height: h }, width, height);
  const outside = Math.max(-x, -y, x + w - width, y + h - height);
  if (outside > BOX_TOLERANCE || box === null)
    return { fault: `expected a box within the ${width} x ${height} picture, got ${shown(value)}`, rest: box };
  return { box };
}

/** The part of a box that lies in a picture of `width` x `height`; null where there is none. A box within stays as it is, to the bit. */
export function clip(box: Box, width: number, height: number): Box | null {
  if (box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height) return box;
  const x = Math.max(0, box.x);
  const y = Math.max(0, box.y);
  const w = Math.min(width, box.x + box.width) - x;
  const h = Math.min(height, box.y + box.height) - y;
  return w > 0 && h > 0 ? { x, y, width: w, height: h } : null;
}

/**
 * The label that is left of a list of which some boxes were faulty: the good boxes; null where none is good, since
 * `[]` would mean that nothing is there. The parts of faulty boxes that lie in the picture go to `ignore`.
 */
export function labelFromBoxes(checked: CheckedBox[], ignore: Box[]): Label {
  const boxes: Box[] = [];
  for (const entry of checked) {
    if ("box" in entry) boxes.push(entry.box);
    else if (entry.rest) ignore.push(entry.rest);
  }
  return boxes.length === 0 && checked.length > 0 ? null : boxes;
}

/** Says what is wrong with a picture's size, or null where it is whole, positive and not absurd. */
export function sizeFault(width: unknown, height: unknown): string | null {
  const whole = Number.isInteger(width) && Number.isInteger(height) && (width as number) > 0 && (height as number) > 0;
  if (!whole) return `expected "width" and "height" to be whole, positive numbers, got ${shown(width)} and ${shown(height)}`;
  if ((width as number) * (height as number) > MAX_FRAME_PIXELS)
    return `expected a picture of at most ${MAX_FRAME_PIXELS} pixels, got ${width} x ${height}`;
  return null;
}

/** What a split may be called; a name that began with "-" would be an option on the command line. */
const SPLIT = /^[a-z0-9][\w-]{0,63}$/i;

/** Says what is wrong with the name of a split, or null where it is one: at most 64 letters, digits, _ and -, the first a letter or digit. */
export function splitFault(value: unknown): string | null {
  if (typeof value === "string" && SPLIT.test(value)) return null;
  return (
    'expected "split" to be a name such as "train", "val" or "test", of at most 64 letters, digits, _ and -, beginning with a letter or digit, ' +
    `got ${shown(value)}`
  );
}

const SPLIT_NAMES: Record<string, string> = { train: "train", val: "val", valid: "val", validation: "val", test: "test" };

/** The split named in a file's name (instances_val2017.json), else its folder's whole name, else "train". */
export function splitOfName(file: string, folder: string): string {
  const [, , inFile] = /(^|[^a-z])(train|val|valid|validation|test)([^a-z]|$)/i.exec(file) ?? [];
  const [, ofFolder] = /^(train|val|valid|validation|test)\d*$/i.exec(folder) ?? [];
  return SPLIT_NAMES[(inFile ?? ofFolder ?? "train").toLowerCase()]!;
}

/** How much a picture's aspect may differ from its label's: thumbnails round their sides. */
const ASPECT_TOLERANCE = 0.03;

/** Says how a decoded picture's shape differs from its label's, or null where boxes can be scaled from one to the other. */
export function aspectFault(label: { width: number; height: number }, picture: { width: number; height: number }): string | null {
  const [a, b] = [label.width * picture.height, label.height * picture.width];
  if (Math.abs(a - b) <= ASPECT_TOLERANCE * Math.max(a, b)) return null;
  const swapped = Math.abs(label.width * picture.width - label.height * picture.height) <= ASPECT_TOLERANCE * Math.max(a, b);
  return (
    `expected a picture shaped like its label's ${label.width} x ${label.height}, got ${picture.width} x ${picture.height}; ` +
    (swapped ? "the label has the size before EXIF orientation: swap width and height" : "give the size of the picture that was labelled")
  );
}

/** `{ task: empty }` for every task. */
export function perTask<T>(tasks: readonly Task[], empty: () => T): Record<Task, T> {
  return Object.fromEntries(tasks.map((task) => [task, empty()]));
}

/** Whether a name is a requested task, or one of the vocabulary that was not requested. */
export function isKnownTask(name: string, tasks: readonly Task[]): boolean {
  return tasks.includes(name) || entryOfTask(name) !== undefined;
}

/** A value for a message: JSON, cut to a readable length. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** `folder` and `name` as one path with forward slashes; an absolute name stays as it is. */
export function joinPath(folder: string, name: string): string {
  if (folder === "" || name.startsWith("/") || /^[a-zA-Z]:[\\/]/.test(name)) return name;
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** The path relative to the folder if it is inside it, else unchanged. */
export function withinFolder(path: string, folder: string): string {
  const prefix = folder === "" || folder.endsWith("/") ? folder : `${folder}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : path;
}

/** Samples and faults of several files as one set. */
export function joinDatasets(sets: readonly Dataset[]): Dataset {
  return {
    samples: sets.flatMap((set) => set.samples),
    faults: sets.flatMap((set) => set.faults),
    skipped: sets.flatMap((set) => set.skipped ?? []),
  };
}

/**
 * Faults as lines of text, `file:line: message`, the first `most` of them, and a last line with the count.
 * Empty where there is no fault.
 */
export function describeFaults(faults: readonly DataFault[], most = 20): string {
  if (faults.length === 0) return "";
  const lines = faults.slice(0, most).map((fault) => printable(`${fault.file}:${fault.line}: ${fault.message}`));
  const hidden = faults.length - lines.length;
  lines.push(`${faults.length} ${faults.length === 1 ? "fault" : "faults"}${hidden > 0 ? `, ${hidden} of them not shown` : ""}`);
  return lines.join("\n");
}

/** The categories that were skipped, as lines of text: one per file, with its first names. */
export function describeSkipped(skipped: readonly SkippedCategories[], most = 8): string {
  return skipped
    .map(({ file, categories }) => {
      const more = categories.length > most ? ` and ${categories.length - most} more` : "";
      return printable(`${file}: categories that are no task, skipped: ${categories.slice(0, most).join(", ")}${more}`);
    })
    .join("\n");
}

/** Throws E_ARGUMENT unless every name is one of the tasks. */
export function checkTaskNames(names: readonly string[], tasks: readonly Task[], where: string): void {
  for (const name of names)
    if (!tasks.includes(name))
      throw new FourwayError("E_ARGUMENT", `${where}: expected tasks out of ${tasks.join(", ")}, got "${name}"; fix the name`);
}
