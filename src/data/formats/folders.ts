import type { Box } from "../../core/box.js";
import type { Task } from "../../core/task.js";
import { taskOfCategory } from "../../core/vocabulary.js";
import type { Label } from "../dataset.js";
import { type ParsedFile, perTask, splitOfName } from "../read.js";
import { type LabelFormat, withPaths } from "./format.js";

// Yes or no by the folder that a picture lies in:
//   street/car/yes/1.jpg   street/car/no/2.jpg   street/trafficLight/yes/3.jpg
// Every other task of the picture is "?". All pictures of a set are of the split that its folder is named for (train, val, test), else of train.

/** A picture's path in its set. */
const PICTURE = /^([^/]+)\/(yes|no)\/[^/]+$/i;

/**
 * Reads the list of a set's pictures, a path from its folder on a line. Folders of what is no task are told in `skipped`, lines of any other form are left out. A
 * sample is 0 x 0: the list has no sizes. Never throws.
 * @param file the set's folder, in `skipped`
 * @param set its name
 * @param tasks the tasks that are wanted
 */
export function parseFolders(text: string, file: string, set: string, tasks: readonly Task[]): ParsedFile {
  const parsed: ParsedFile = { samples: [], faults: [], lines: [] };
  const unknown = new Set<string>();
  for (const [index, image] of text.split("\n").entries()) {
    const [, folder, answer] = PICTURE.exec(image) ?? [];
    if (folder === undefined) continue;
    const task = taskOfCategory(folder, tasks);
    if (task === null) {
      unknown.add(folder);
      continue;
    }
    const labels = perTask<Label>(tasks, () => null);
    labels[task] = answer!.toLowerCase() === "yes" ? true : [];
    const ignore = perTask<Box[]>(tasks, () => []);
    parsed.samples.push({ image, width: 0, height: 0, split: splitOfName("", set), group: image, set, labels, ignore });
    parsed.lines.push(index + 1);
  }
  if (unknown.size > 0) parsed.skipped = [{ file, categories: [...unknown] }];
  return parsed;
}

/** Folders of answers, TASK/yes and TASK/no. */
export const folders: LabelFormat = {
  name: "folders",
  fileName: /\.(jpe?g|png|webp)$/i,
  fileNames: "pictures in TASK/yes and TASK/no",
  answerFolder: /^(yes|no)$/i,
  pictureFolders: () => [""],
  parse: (text, source) => withPaths(parseFolders(text, source.file, source.set, source.tasks), source),
};
