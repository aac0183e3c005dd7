import type { Box } from "./box.js";
import type { Task } from "./task.js";

/** A point of an object, such as an eye of a face. */
export interface Point {
  x: number;
  y: number;
}

/** One thing found: which task, how sure (0..1: in calibrated models the probability that it is right), where (frame pixels). */
export interface DetectedObject {
  task: Task;
  score: number;
  box: Box;
  /** Its points (landmarks), of a model that gives some; frame pixels, also outside the frame. */
  points?: readonly Point[];
}
