import type { Box } from "../core/box.js";
import type { Task } from "../core/task.js";

/**
 * What is known of a task in a picture: a list = every instance is boxed; [] = looked, absent;
 * true = present somewhere, not boxed; null = "?", nobody looked: masked out of every loss and every metric.
 */
export type Label = Box[] | true | null;

/** One labelled picture. Boxes are in pixels of a picture of `width` x `height`, after EXIF orientation. */
export interface Sample {
  /** Where the picture lies: a path that the runtime's image reader understands. */
  image: string;
  /** Where its label stands, `file:line` (COCO: image id), for messages. */
  source?: string;
  width: number;
  height: number;
  split: "train" | "val";
  /** Pictures of one scene share it and stay in one split. */
  group: string;
  /** Name of the set (its folder's name). */
  set: string;
  /** A task that is missing is null. */
  labels: Record<Task, Label>;
  /** Regions of a task that teach nothing and are not scored (COCO's iscrowd). */
  ignore: Record<Task, Box[]>;
}

/** A fault in a data set: what, and where to look. */
export interface DataFault {
  file: string;
  /** Line of the file, counted from 1, or the annotation's id in a COCO file. */
  line: number;
  message: string;
}

/** Samples that were read, and the faults met on the way; a sample with a fault is left out, or only its faulty box is. */
export interface Dataset {
  samples: Sample[];
  faults: DataFault[];
}
