import { type Box, iou } from "../core/box.js";
import type { Task } from "../core/task.js";
import { clip } from "../data/read.js";
import type { FrameAnswer } from "../detect/mapReader.js";
import type { LearnSample } from "./sample.js";

/** A sure detection that labels contradict: asked about before it is learned. */
export interface Question {
  task: Task;
  /** In frame pixels. */
  box: Box;
  score: number;
  /** What was said: nothing of the task is there, or it is another task's. */
  said: "nothing" | Task;
}

/** A box with at least this overlap (IoU) is the detection's object. */
const SAME = 0.3;
/** A label of another task with at least this overlap takes the detection for its own. */
const TAKEN = 0.6;
/** A region that covers this share of a detection leaves it open. */
const COVERED = 0.5;

/**
 * Detections that are sure and that labels contradict.
 * @param sample labels, boxes in the same pixels as the answer's
 * @param least score from which a detection of a task is sure
 */
export function contradictions(
  { labels, ignore }: Pick<LearnSample, "labels" | "ignore">,
  { objects }: FrameAnswer,
  least: (task: Task) => number,
): Question[] {
  return objects.flatMap(({ task, score, box }) => {
    if (score < least(task)) return [];
    const other = Object.entries(labels).find(
      ([name, boxes]) => name !== task && Array.isArray(boxes) && boxes.some((each) => iou(each, box) >= TAKEN),
    )?.[0];
    const own = labels[task] ?? null;
    if (!Array.isArray(own)) return other === undefined ? [] : [{ task, box, score, said: other }];
    if (own.some((each) => iou(each, box) >= SAME)) return [];
    const open = (ignore[task] ?? []).reduce((sum, region) => sum + shared(region, box), 0);
    return open > COVERED * box.width * box.height ? [] : [{ task, box, score, said: other ?? ("nothing" as const) }];
  });
}

/** The area that two boxes share. */
function shared(region: Box, box: Box): number {
  const part = clip({ ...region, x: region.x - box.x, y: region.y - box.y }, box.width, box.height);
  return part ? part.width * part.height : 0;
}
