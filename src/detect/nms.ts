import type { Candidates } from "./decode.js";

/** Boxes of one task that overlap by more than this (IoU) are taken for one object. */
export const MOST_OVERLAP = 0.6;
/** The most objects a task and frame. */
export const MOST_OBJECTS = 100;

/**
 * Greedy non-maximum suppression: from the best candidate on, each is kept unless it overlaps one that is kept by more than `overlap`.
 * Boxes without area (they lay in the letterbox's bars) are left out.
 * @param kept receives the candidates' numbers, best first; its length is the most that are kept
 * @returns how many are kept
 */
export function suppress(kept: Int32Array, { count, boxes }: Candidates, overlap = MOST_OVERLAP): number {
  let found = 0;
  for (let i = 0; i < count && found < kept.length; i++) {
    const a = 4 * i;
    const area = (boxes[a + 2]! - boxes[a]!) * (boxes[a + 3]! - boxes[a + 1]!);
    let wanted = area > 0;
    for (let k = 0; wanted && k < found; k++) {
      const b = 4 * kept[k]!;
      const width = Math.min(boxes[a + 2]!, boxes[b + 2]!) - Math.max(boxes[a]!, boxes[b]!);
      const height = Math.min(boxes[a + 3]!, boxes[b + 3]!) - Math.max(boxes[a + 1]!, boxes[b + 1]!);
      if (width <= 0 || height <= 0) continue;
      const both = width * height;
      const other = (boxes[b + 2]! - boxes[b]!) * (boxes[b + 3]! - boxes[b + 1]!);
      wanted = both <= overlap * (area + other - both);
    }
    if (wanted) kept[found++] = i;
  }
  return found;
}
