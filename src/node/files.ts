import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import { type CocoOptions, parseCoco } from "../data/coco.js";
import type { Dataset } from "../data/dataset.js";
import { parseNative } from "../data/native.js";
import { checkTaskNames, joinDatasets, joinPath, type ParsedFile } from "../data/read.js";

/** The names under which a COCO file is found in a folder. */
const COCO_NAME = /^(instances|annotations).*\.json$|^_annotations\.coco\.json$/i;

/**
 * Reads labelled pictures from disk. A path may be
 * - a set: a folder with `labels.jsonl` (native), else with COCO files (`instances*.json`, `annotations*.json`,
 *   `_annotations.coco.json`, in it or in its `annotations/`), their pictures beside them or in `images/`;
 * - such a file itself (`.jsonl` or `.json`, any name);
 * - a folder of sets (what else lies in it is passed over).
 * A label file that is reached twice is read once. A picture that is missing is left out and told in `faults`, like every other
 * bad annotation; whether a fault stops the work is the caller's choice.
 * @param options for COCO files, see `CocoOptions`; native files say all of it themselves.
 * @throws E_DATA where a path does not exist, holds no labels, or cannot be read. E_ARGUMENT for a `labelled` name that is no task.
 */
export async function readDatasets(paths: readonly string[], tasks: readonly Task[], options: CocoOptions = {}): Promise<Dataset> {
  checkTaskNames(options.labelled ?? [], tasks, "labelled");
  if (paths.length === 0) throw new FourwayError("E_DATA", "data: expected at least one folder or label file, got none; name one");
  const seen = new Set<string>();
  const sets: Dataset[] = [];
  for (const path of paths)
    for (const file of await labelFiles(path)) {
      const real = await realpath(file);
      if (seen.has(real)) continue;
      seen.add(real);
      sets.push(await readLabelFile(file, tasks, options));
    }
  return withoutLeaks(joinDatasets(sets));
}

/** Leaves a picture out of the train split that another split has too: measured on it, training would look better than it is. */
function withoutLeaks({ samples, faults, skipped }: Dataset): Dataset {
  const heldOut = new Map(samples.filter(({ split }) => split !== "train").map((sample) => [resolve(sample.image), sample]));
  const leaks = samples.filter(({ split, image }) => split === "train" && heldOut.has(resolve(image)));
  if (leaks.length === 0) return { samples, faults, skipped };
  const found = leaks.map(({ image, source = image }) => {
    const [, file = source, line = "0"] = /^(.*):(\d+)$/.exec(source) ?? [];
    const other = heldOut.get(resolve(image))!;
    return {
      file,
      line: Number(line),
      message: `expected the picture "${image}" in one split, got it in train and ${other.split} (${other.source}); it is left out of train`,
    };
  });
  const left = new Set(leaks);
  return { samples: samples.filter((sample) => !left.has(sample)), faults: [...faults, ...found], skipped };
}

/** The label files that a path stands for, in the order of their names. */
async function labelFiles(path: string): Promise<string[]> {
  const info = await stat(path).catch(() => null);
  if (info === null)
    throw new FourwayError("E_DATA", `data: expected a folder or a label file, got "${path}", which does not exist; fix the path`);
  if (info.isFile()) {
    if ([".json", ".jsonl"].includes(extname(path).toLowerCase())) return [path];
    throw new FourwayError(
      "E_DATA",
      `data: expected a .jsonl (native) or .json (COCO) file, got "${path}"; name the label file or its folder`,
    );
  }
  const own = await labelFilesOfSet(path);
  if (own.length > 0) return own;
  const folders = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
  const files = (await Promise.all(folders.map((entry) => labelFilesOfSet(join(path, entry.name)).then((found) => found.sort())))).flat();
  if (files.length > 0) return files.sort();
  throw new FourwayError(
    "E_DATA",
    `data: expected labels.jsonl, or COCO's instances*.json, annotations*.json or _annotations.coco.json, in "${path}", its annotations/ or ` +
      `one of its ${folders.length} folders, got none; give a set, a folder of sets, or a label file`,
  );
}

async function labelFilesOfSet(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  if (names.includes("labels.jsonl")) return [join(folder, "labels.jsonl")];
  const coco = names.filter((name) => COCO_NAME.test(name)).map((name) => join(folder, name));
  if (coco.length > 0 || !names.includes("annotations")) return coco.sort();
  const deeper = await readdir(join(folder, "annotations")).catch(() => [] as string[]);
  return deeper
    .filter((name) => COCO_NAME.test(name))
    .map((name) => join(folder, "annotations", name))
    .sort();
}

async function readLabelFile(file: string, tasks: readonly Task[], options: CocoOptions): Promise<Dataset> {
  if (!(await stat(file)).isFile())
    throw new FourwayError("E_DATA", `data: expected a regular file, got "${file}", which is something else; copy the labels to a file`);
  const text = await readFile(file, "utf8").catch((error: Error) => {
    throw new FourwayError(
      "E_DATA",
      `data: expected a readable label file, got "${file}": ${error.message}; fix the file or leave it out`,
      { cause: error },
    );
  });
  const folder = dirname(file);
  const native = extname(file).toLowerCase() === ".jsonl";
  const setFolder = native || basename(folder) !== "annotations" ? folder : dirname(folder);
  const set = basename(await realpath(setFolder));
  const exists = existenceByListing();
  const parsed = native
    ? parseNative(text, file, folder, set, tasks)
    : await withImageFolder(parseCoco(text, file, "", set, tasks, options), file, setFolder, exists);
  return withoutMissing(parsed, file, exists);
}

/** Puts the folder that holds the pictures before the names of a COCO file: the one in which most of them lie, the first of equals. */
async function withImageFolder(
  parsed: ParsedFile,
  file: string,
  setFolder: string,
  exists: (path: string) => Promise<boolean>,
): Promise<ParsedFile> {
  // instances_val2017.json: val2017, beside the annotations folder.
  const split = basename(file, extname(file)).replace(/^[a-z]+_/i, "");
  const folders = [join(setFolder, "images"), dirname(file), setFolder, join(setFolder, "images", split), join(setFolder, split)];
  let chosen = folders[0]!;
  let most = 0;
  for (const folder of folders) {
    const found = await Promise.all(parsed.samples.map(({ image }) => exists(joinPath(folder, image))));
    const count = found.filter(Boolean).length;
    if (count > most) [chosen, most] = [folder, count];
  }
  for (const sample of parsed.samples) sample.image = joinPath(chosen, sample.image);
  return parsed;
}

async function withoutMissing(parsed: ParsedFile, file: string, exists: (path: string) => Promise<boolean>): Promise<Dataset> {
  const dataset: Dataset = { samples: [], faults: [...parsed.faults], skipped: parsed.skipped };
  for (const [index, sample] of parsed.samples.entries()) {
    const line = parsed.lines[index]!;
    if (await exists(sample.image)) dataset.samples.push({ ...sample, source: `${file}:${line}` });
    else dataset.faults.push({ file, line, message: `expected the picture "${sample.image}", got no such file` });
  }
  dataset.faults.sort((a, b) => a.line - b.line);
  return dataset;
}

/** Whether a file exists, by listing each folder once: a set has thousands of pictures in one folder. */
function existenceByListing(): (path: string) => Promise<boolean> {
  const listings = new Map<string, Promise<Set<string>>>();
  return async (path) => {
    const folder = dirname(path);
    if (!listings.has(folder))
      listings.set(
        folder,
        readdir(folder).then(
          (names) => new Set(names),
          () => new Set<string>(),
        ),
      );
    return (await listings.get(folder)!).has(basename(path));
  };
}
