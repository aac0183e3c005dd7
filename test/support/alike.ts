import assert from "node:assert/strict";
import { iou } from "../../src/core/box.js";
import type { DetectedObject } from "../../src/core/detection.js";
import type { FrameAnswer } from "../../src/detect/mapReader.js";

/** How far answers to one frame may lie apart. */
export interface Tolerance {
  /** Of scores and presence. */
  score: number;
  /** Least overlap of the boxes of one object. */
  iou: number;
}

/** Fourway and onnxruntime on an int8 model: float32 in another order may round a product on a half to the other side. */
export const INT8_TOLERANCE: Tolerance = { score: 0.02, iou: 0.97 };
/** Both in f32. */
export const SAME_TOLERANCE: Tolerance = { score: 0.001, iou: 0.99 };
/** Of an int8 model whose activations onnxruntime does not round. */
export const F32_TOLERANCE: Tolerance = { score: 0.25, iou: 0.65 };

/**
 * Asserts that two answers are one but for the tolerance: presence, and for each object that lies so far above the threshold that the other
 * answer must have it, an object in its place. @returns how many objects were compared
 */
export function assertAlike(
  a: FrameAnswer,
  b: FrameAnswer,
  thresholds: Readonly<Record<string, number>>,
  tolerance: Tolerance,
  what: string,
): number {
  for (const [task, presence] of Object.entries(a.presence))
    assert.ok(Math.abs(presence - b.presence[task]!) <= tolerance.score, `${what}: presence of ${task} ${presence}, ${b.presence[task]}`);
  const sure = ({ task, score }: DetectedObject): boolean => score > thresholds[task]! + tolerance.score;
  let count = 0;
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const)
    for (const object of from.objects.filter(sure)) {
      const near = to.objects.filter(({ task, box }) => task === object.task && iou(box, object.box) >= tolerance.iou);
      assert.ok(
        near.some(({ score }) => Math.abs(score - object.score) <= tolerance.score),
        `${what}: ${JSON.stringify(object)} is not among ${JSON.stringify(to.objects)}`,
      );
      count++;
    }
  return count;
}
