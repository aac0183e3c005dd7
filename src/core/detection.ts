import type { Box } from "./box.js";
import type { Task } from "./task.js";

/** One thing found: which task, how sure (0..1: in calibrated models the probability that it is right), where (frame pixels). */
export interface DetectedObject {
  task: Task;
  score: number;
  box: Box;
}
