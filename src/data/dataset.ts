import type { Box } from "../core/box.js";
import type { Task } from "../core/task.js";

/**
 * What is known of a task in a picture: a list = every instance is boxed; [] = checked, absent;
 * true = present, not boxed; null = "?", not annotated: masked out of every loss and every metric.
 */
export type Label = Box[] | true | null;

/** One labelled picture. Boxes are in pixels of a picture of `width` x `height`, after EXIF orientation. */
export interface Sample {
  /** Location of the picture: a path that the runtime's image reader understands. */
  image: string;
  /** Where its label is, `file:line` (COCO: image id), for messages. */
  source?: string;
  width: number;
  height: number;
  /** "train", "val" or another name, such as "test": training reads "train", thresholds and progress "val". */
  split: string;
  /** Pictures of one scene share it and stay in one split. */
  group: string;
  /** Name of the set (its folder's name). */
  set: string;
  /** A task that is missing is null. */
  labels: Record<Task, Label>;
  /**
   * Points (landmarks) of a task's objects, x and y of each in turn: of a list of boxes one entry a box; of `true` one an object whose box is not given. null:
   * not marked.
   */
  points?: Record<Task, (number[] | null)[]>;
  /** Regions of a task that teach nothing and are not scored (COCO's iscrowd). */
  ignore: Record<Task, Box[]>;
  /** Whose label it is, where it is not a person's: the name of the teacher that gave it, for each task with such a label. */
  from?: Record<Task, string>;
}

/** How much a teacher's label counts in training, against 1 for a person's. */
export const TEACHER_WEIGHT = 0.7;

/** The sample with what people said of it: a task with a teacher's label is "?", without ignored regions. */
export function humanLabels(sample: Sample): Sample {
  if (sample.from === undefined) return sample;
  const { from, ...rest } = sample;
  const human: Sample = { ...rest, labels: { ...sample.labels }, ignore: { ...sample.ignore } };
  for (const task of Object.keys(from)) {
    human.labels[task] = null;
    human.ignore[task] = [];
  }
  return human;
}

/** A fault in a data set: what, and where to look. */
export interface DataFault {
  file: string;
  /** Line of the file, counted from 1, or the annotation's id in a COCO file. */
  line: number;
  message: string;
}

/** Samples that were read, and the faults found; a sample with a fault is left out, or only its faulty box is. */
export interface Dataset {
  samples: Sample[];
  faults: DataFault[];
  /** Categories of a file that are no task, which were skipped. */
  skipped?: SkippedCategories[];
}

/** The names of categories that a file has and that no task answers to. */
export interface SkippedCategories {
  file: string;
  categories: string[];
}

/** How many pictures of a split each set has. */
export function picturesBySet(samples: readonly Sample[], split: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const sample of samples) if (sample.split === split) counts[sample.set] = (counts[sample.set] ?? 0) + 1;
  return counts;
}
