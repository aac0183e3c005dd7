import { type Candidates, sigmoid } from "./decode.js";

/** Boxes of one task that overlap by more than this (IoU) are taken for one object. */
const NMS_IOU = 0.5;
/** The most objects a task and frame. */
export const MAX_OBJECTS = 100;
/** Of the kept one's score: a candidate below has no vote, so that an object's box is the same whatever the least score that is asked for. */
export const VOTING_SHARE = 0.25;

/**
 * Greedy non-maximum suppression with box voting: from the best candidate on, each is kept unless it overlaps one that is kept by more than
 * `overlap`; a kept one's box becomes the mean of its own and those that it suppressed, weighted by the score squared,
 * as far as they have `VOTING_SHARE` of its score.
 * Boxes without area (they lay in the letterbox's bars) are left out.
 * source: box voting, arXiv 1505.01749
 * @param kept receives the candidates' numbers, best first; its length is the most that are kept
 * @param least of the logits that are kept; candidates below only vote
 * @returns how many are kept
 */
export function suppress(
  kept: Int32Array,
  { count, boxes, logits, votes }: Candidates,
  least = Number.NEGATIVE_INFINITY,
  overlap = NMS_IOU,
): number {
  let found = 0;
  for (let i = 0; i < count; i++) {
    const a = 4 * i;
    const area = (boxes[a + 2]! - boxes[a]!) * (boxes[a + 3]! - boxes[a + 1]!);
    if (!(area > 0)) continue;
    let of = -1;
    for (let k = 0; of < 0 && k < found; k++) {
      const b = 4 * kept[k]!;
      const width = Math.min(boxes[a + 2]!, boxes[b + 2]!) - Math.max(boxes[a]!, boxes[b]!);
      const height = Math.min(boxes[a + 3]!, boxes[b + 3]!) - Math.max(boxes[a + 1]!, boxes[b + 1]!);
      if (width <= 0 || height <= 0) continue;
      const both = width * height;
      const other = (boxes[b + 2]! - boxes[b]!) * (boxes[b + 3]! - boxes[b + 1]!);
      if (both > overlap * (area + other - both)) of = kept[k]!;
    }
    if (of < 0) {
      if (found === kept.length || logits[i]! < least) continue;
      of = kept[found++] = i;
      votes.fill(0, 5 * i, 5 * i + 5);
    }
    const share = of === i ? 1 : sigmoid(logits[i]!) / sigmoid(logits[of]!);
    if (!(share >= VOTING_SHARE)) continue; // nor where both are 0
    const weight = share ** 2;
    for (let edge = 0; edge < 4; edge++) votes[5 * of + edge]! += weight * boxes[a + edge]!;
    votes[5 * of + 4]! += weight;
  }
  for (let k = 0; k < found; k++) {
    const i = kept[k]!;
    for (let edge = 0; edge < 4; edge++) boxes[4 * i + edge] = votes[5 * i + edge]! / votes[5 * i + 4]!;
  }
  return found;
}
