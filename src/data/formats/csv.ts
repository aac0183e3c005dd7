import type { Box } from "../../core/box.js";
import type { Task } from "../../core/task.js";
import { taskOfCategory } from "../../core/vocabulary.js";
import type { Label, Sample } from "../dataset.js";
import { type ParsedFile, perTask, shown, sizeFault, splitFault } from "../read.js";
import { type LabelFormat, withPaths } from "./format.js";

// Yes, no or ? a task and picture, as comma-separated values (RFC 4180):
//   image,split,pedestrian,car,stopSign,trafficLight
//   1.jpg,train,yes,no,?,
// The first line names the columns: image, a column a task, and where wanted split, group, width and height. yes, y, true and 1 are yes, no, n,
// false and 0 are no, ? and nothing are unknown. Without split a picture is of the one that the file is named for (val.csv), else of train; without
// a group it is its own; without a size it has that of its file.

/** Columns that are no task. */
const OWN = ["image", "split", "group", "width", "height"];

/** What a cell may say. */
const WORDS = { yes: ["yes", "y", "true", "1"], no: ["no", "n", "false", "0"], unknown: ["?", ""] };

/** A cell's label; undefined where it is none. */
function labelOf(cell: string): Label | undefined {
  const word = cell.trim().toLowerCase();
  if (WORDS.yes.includes(word)) return true;
  if (WORDS.no.includes(word)) return [];
  return WORDS.unknown.includes(word) ? null : undefined;
}

/**
 * Reads the text of such a file. A line that cannot be used is reported in `faults` and left out, a column that is no task in `skipped`. A sample
 * whose line has no size is 0 x 0. Never throws.
 * @param file its name, in faults, and for the split
 * @param set the name of the set
 * @param tasks the tasks that are wanted
 */
export function parseCsv(text: string, file: string, set: string, tasks: readonly Task[]): ParsedFile {
  const parsed: ParsedFile = { samples: [], faults: [], lines: [] };
  const [head, ...rows] = rowsOf(text.replace(/^\uFEFF/, ""));
  const names = head?.cells.map((name) => name.trim()) ?? [];
  if (!names.includes("image")) {
    parsed.faults.push({ file, line: 1, message: `expected a first line with the column "image", got ${shown(names.join(","))}` });
    return parsed;
  }
  const columns = names.map((name) => (OWN.includes(name) ? null : taskOfCategory(name, tasks)));
  const unknown = names.filter((name, i) => columns[i] === null && !OWN.includes(name));
  if (unknown.length > 0) parsed.skipped = [{ file, categories: unknown }];
  const [, ownSplit = "train"] = /(?:^|[\\/])(train|val|test)\.csv$/i.exec(file) ?? [];
  const lineOfImage = new Map<string, number>();
  for (const { line, cells } of rows) {
    const fault = (message: string): void => void parsed.faults.push({ file, line, message });
    const cell = (name: string): string => cells[names.indexOf(name)]?.trim() ?? "";
    if (cells.length !== names.length) {
      fault(`expected ${names.length} values, got ${cells.length}`);
      continue;
    }
    const image = cell("image");
    const split = cell("split") || ownSplit.toLowerCase();
    const [width, height] = [cell("width"), cell("height")].map(Number) as [number, number];
    const wrong =
      (image === "" ? "expected the name of a picture, got none" : null) ??
      splitFault(split) ??
      (width === 0 && height === 0 ? null : sizeFault(width, height)) ??
      (lineOfImage.has(image) ? `expected each image once, got "${image}" again (first on line ${lineOfImage.get(image)})` : null);
    if (wrong !== null) {
      fault(wrong);
      continue;
    }
    lineOfImage.set(image, line);
    const sample: Sample = {
      image,
      width,
      height,
      split,
      group: cell("group") || image,
      set,
      labels: perTask<Label>(tasks, () => null),
      ignore: perTask<Box[]>(tasks, () => []),
    };
    columns.forEach((task, i) => {
      if (task === null) return;
      const label = labelOf(cells[i]!);
      if (label === undefined) fault(`${names[i]}: expected yes, no or ?, got ${shown(cells[i])}`);
      else sample.labels[task] = label;
    });
    parsed.samples.push(sample);
    parsed.lines.push(line);
  }
  return parsed;
}

/** Rows with their lines, counted from 1; empty ones are left out. In quotes a cell may hold commas and line ends, and quotes twice. */
function rowsOf(text: string): { line: number; cells: string[] }[] {
  const rows: { line: number; cells: string[] }[] = [];
  let [line, start] = [1, 1];
  let cells: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$|(?="))/g)) {
    const value = quoted === undefined ? plain! : quoted.replaceAll('""', '"');
    line += (value.match(/\n/g) ?? []).length;
    cells.push(value);
    if (end === ",") continue;
    if (cells.some((each) => each.trim() !== "")) rows.push({ line: start, cells });
    cells = [];
    start = ++line;
  }
  return rows;
}

/** Comma-separated values. Pictures lie beside the file or in images/. */
export const csv: LabelFormat = {
  name: "CSV",
  extension: ".csv",
  fileName: /^(labels|train|val|test)\.csv$/i,
  fileNames: "labels.csv (or train.csv, val.csv, test.csv)",
  pictureFolders: () => ["", "images"],
  parse: (text, source) => withPaths(parseCsv(text, source.file, source.set, source.tasks), source),
};
