import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Dataset, Sample } from "../data/dataset.js";
import type { CocoOptions } from "../data/formats/coco.js";
import type { LabelFormat } from "../data/formats/format.js";
import { LABEL_FORMATS } from "../data/formats/table.js";
import { checkTaskNames, joinDatasets, joinPath } from "../data/read.js";
import { readSize } from "./image.js";

/** The real path of a picture; null where there is none. */
type RealPath = (picture: string) => Promise<string | null>;

/** A label file that was found; of a format without files the set's folder. */
interface FoundFile {
  path: string;
  format: LabelFormat;
}

/**
 * Reads labelled pictures from disk. A path may be
 * - a set: a folder with `labels.jsonl` (native), else with COCO files (`instances*.json`, `annotations*.json`,
 *   `_annotations.coco.json`, in it or in its `annotations/`), else with `labels.csv`, their pictures next to them or in `images/`; else with
 *   pictures in `TASK/yes/` and `TASK/no/`;
 * - such a file itself (`.jsonl`, `.json` or `.csv`, any name);
 * - a folder of sets (anything else in it is skipped).
 * A label file that is reached twice is read once. A picture that is missing is left out and reported in `faults`, like every other
 * bad annotation; whether a fault stops the work is the caller's choice.
 * @param options for COCO files, see `CocoOptions`; native files state all of this themselves.
 * @throws E_DATA where a path does not exist, holds no labels, or cannot be read. E_ARGUMENT for a `labelled` name that is no task.
 */
export async function readDatasets(paths: readonly string[], tasks: readonly Task[], options: CocoOptions = {}): Promise<Dataset> {
  checkTaskNames(options.labelled ?? [], tasks, "labelled");
  if (paths.length === 0) throw new FourwayError("E_DATA", "data: expected at least one folder or label file, got none; name one");
  const seen = new Set<string>();
  const sets: Dataset[] = [];
  const realPath = realPathsByListing();
  for (const path of paths)
    for (const file of await labelFiles(path)) {
      const real = await realpath(file.path);
      if (seen.has(real)) continue;
      seen.add(real);
      sets.push(await readLabelFile(file, tasks, options, realPath));
    }
  return withoutLeaks(joinDatasets(sets), realPath);
}

/** Which of two splits keeps a picture of both: that which is measured last. */
function rankOf(split: string): number {
  return split === "train" ? 0 : split === "val" ? 1 : 2;
}

/**
 * Leaves each picture in one split: measured on what was learnt from, or what thresholds were chosen on, a model would look better than it is.
 * Val counts more than train, any other split more than val. Pictures are compared by their real paths.
 */
async function withoutLeaks({ samples, faults, skipped }: Dataset, realPath: RealPath): Promise<Dataset> {
  const kept = new Map<string, Sample>();
  const leaks = new Map<Sample, Sample>();
  for (const sample of samples.toSorted((a, b) => rankOf(b.split) - rankOf(a.split))) {
    const real = (await realPath(sample.image)) ?? sample.image;
    const other = kept.get(real);
    if (other === undefined) kept.set(real, sample);
    else if (other.split !== sample.split) leaks.set(sample, other);
  }
  if (leaks.size === 0) return { samples, faults, skipped };
  const found = [...leaks].map(([{ image, source = image, split }, other]) => {
    const [, file = source, line = "0"] = /^(.*):(\d+)$/.exec(source) ?? [];
    const message = `expected the picture "${image}" in one split, got it in ${split} and ${other.split} (${other.source}); it is left out of ${split}`;
    return { file, line: Number(line), message };
  });
  return { samples: samples.filter((sample) => !leaks.has(sample)), faults: [...faults, ...found], skipped };
}

/** The label files of a path, in the order of their names. */
async function labelFiles(path: string): Promise<FoundFile[]> {
  const info = await stat(path).catch(() => null);
  if (info === null)
    throw new FourwayError("E_DATA", `data: expected a folder or a label file, got "${path}", which does not exist; fix the path`);
  if (info.isFile()) {
    const format = LABEL_FORMATS.find(({ extension }) => extension === extname(path).toLowerCase());
    if (format) return [{ path, format }];
    const known = LABEL_FORMATS.flatMap(({ name, extension }) => (extension ? [`${extension} (${name})`] : [])).join(" or ");
    throw new FourwayError("E_DATA", `data: expected a ${known} file, got "${path}"; name the label file or its folder`);
  }
  if (!info.isDirectory())
    throw new FourwayError(
      "E_DATA",
      `data: expected a folder or a label file, got "${path}", which is a pipe, socket or device; copy the labels to a file`,
    );
  const own = await labelFilesOfSet(path);
  if (own.length > 0) return own;
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: Error) => {
    throw new FourwayError("E_DATA", `data: expected a readable folder, got "${path}": ${cause.message}; fix its permissions`, { cause });
  });
  const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
  const files = (await Promise.all(folders.map((entry) => labelFilesOfSet(join(path, entry.name))))).flat();
  if (files.length > 0) return files.sort(byPath);
  throw new FourwayError(
    "E_DATA",
    `data: expected ${LABEL_FORMATS.map(({ fileNames }) => fileNames).join(", or ")}, in "${path}" or one of its ${folders.length} folders, ` +
      "got none; give a set, a folder of sets, or a label file",
  );
}

/** The files of the first format that has any in a folder, or in the folder of it that the format names. */
async function labelFilesOfSet(folder: string): Promise<FoundFile[]> {
  for (const format of LABEL_FORMATS) {
    if (format.answerFolder) return (await picturesByAnswer(folder, format)).length > 0 ? [{ path: folder, format }] : [];
    for (const place of format.folder === undefined ? [folder] : [folder, join(folder, format.folder)]) {
      const names = await readdir(place).catch(() => [] as string[]);
      const files = names.filter((name) => format.fileName.test(name)).map((name) => ({ path: join(place, name), format }));
      if (files.length > 0) return files.sort(byPath);
    }
  }
  return [];
}

/** The pictures in the folders of answers, as paths from the set's folder on, in their order. */
async function picturesByAnswer(folder: string, { answerFolder, fileName }: LabelFormat): Promise<string[]> {
  const list = async (path: string, filter: RegExp): Promise<string[]> =>
    (await readdir(path).catch(() => [] as string[])).filter((name) => filter.test(name)).sort();
  const tasks = (await readdir(folder, { withFileTypes: true }).catch(() => [])).filter((entry) => !entry.isFile()).map(({ name }) => name);
  const pictures: string[] = [];
  for (const task of tasks.sort())
    for (const answer of await list(join(folder, task), answerFolder!))
      for (const name of await list(join(folder, task, answer), fileName)) pictures.push(`${task}/${answer}/${name}`);
  return pictures;
}

/** The text of a label file. @throws E_DATA for one that cannot be read */
async function labelText({ path: file, format }: FoundFile): Promise<string> {
  if (format.answerFolder) return (await picturesByAnswer(file, format)).join("\n");
  if (!(await stat(file)).isFile())
    throw new FourwayError("E_DATA", `data: expected a regular file, got "${file}", which is something else; copy the labels to a file`);
  return readFile(file, "utf8").catch((error: Error) => {
    throw new FourwayError(
      "E_DATA",
      `data: expected a readable label file, got "${file}": ${error.message}; fix the file or leave it out`,
      { cause: error },
    );
  });
}

async function readLabelFile(found: FoundFile, tasks: readonly Task[], options: CocoOptions, realPath: RealPath): Promise<Dataset> {
  const { path: file, format } = found;
  const text = await labelText(found);
  const folder = format.answerFolder ? file : dirname(file);
  const setFolder = basename(folder) === format.folder ? dirname(folder) : folder;
  const set = basename(await realpath(setFolder));
  const stem = basename(file, extname(file));
  const folders = format.pictureFolders(stem).map((name) => (name === "" ? setFolder : join(setFolder, name)));
  const resolve = (names: readonly string[]): Promise<string[]> => resolvePictures(names, folders, realPath);
  const { samples, lines, faults, skipped } = await format.parse(text, { file, set, tasks, options, resolve });
  const dataset: Dataset = { samples: [], faults: [...faults], skipped };
  for (const [index, sample] of samples.entries()) {
    const line = lines[index]!;
    if ((await realPath(sample.image)) !== null) {
      const size = sample.width > 0 ? sample : await pictureSize(sample.image);
      if (size instanceof FourwayError) dataset.faults.push({ file, line, message: size.message });
      else dataset.samples.push({ ...sample, width: size.width, height: size.height, source: `${file}:${line}` });
    } else dataset.faults.push({ file, line, message: `expected the picture "${sample.image}", got no such file` });
  }
  dataset.faults.sort((a, b) => a.line - b.line);
  return dataset;
}

/** The size of a picture by its header, or why it has none. */
async function pictureSize(path: string): Promise<{ width: number; height: number } | FourwayError> {
  try {
    return await readSize(path);
  } catch (error) {
    if (error instanceof FourwayError && error.code === "E_IMAGE") return error;
    throw error;
  }
}

/** The paths of pictures, in the folder that holds most of them, the first of equals. */
async function resolvePictures(names: readonly string[], folders: readonly string[], realPath: RealPath): Promise<string[]> {
  let chosen = folders[0]!;
  let most = 0;
  for (const folder of folders) {
    const found = await Promise.all(names.map((name) => realPath(joinPath(folder, name))));
    const count = found.filter((path) => path !== null).length;
    if (count > most) [chosen, most] = [folder, count];
  }
  return names.map((name) => joinPath(chosen, name));
}

/** Real paths by listing each folder once: a set has thousands of pictures in one folder, and only links have to be resolved one by one. */
function realPathsByListing(): RealPath {
  const list = async (folder: string): Promise<{ folder: string; isLink: ReadonlyMap<string, boolean> }> => {
    const entries = await readdir(folder, { withFileTypes: true });
    return { folder: await realpath(folder), isLink: new Map(entries.map((entry) => [entry.name, entry.isSymbolicLink()])) };
  };
  const listings = new Map<string, Promise<Awaited<ReturnType<typeof list>> | null>>();
  return async (path) => {
    const folder = dirname(path);
    if (!listings.has(folder))
      listings.set(
        folder,
        list(folder).catch(() => null),
      );
    const listing = await listings.get(folder)!;
    const isLink = listing?.isLink.get(basename(path));
    if (!listing || isLink === undefined) return null;
    return isLink ? realpath(path).catch(() => null) : join(listing.folder, basename(path));
  };
}

const byPath = (a: FoundFile, b: FoundFile): number => (a.path < b.path ? -1 : 1);
