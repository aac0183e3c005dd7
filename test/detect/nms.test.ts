import assert from "node:assert/strict";
import { test } from "node:test";
import { createCandidates, logitOf } from "../../src/detect/decode.js";
import { suppress } from "../../src/detect/nms.js";
import { close } from "../support/compare.js";

function kept(boxes: number[][], { overlap, most = 100 }: { overlap?: number; most?: number } = {}): number[] {
  const candidates = createCandidates(Math.max(1, boxes.length));
  candidates.count = boxes.length;
  candidates.boxes.set(boxes.flat());
  const numbers = new Int32Array(most);
  return [...numbers.subarray(0, suppress(numbers, candidates, Number.NEGATIVE_INFINITY, overlap))];
}

test("of two boxes that overlap by more than half the better one stays, by half both", () => {
  assert.deepEqual(
    kept([
      [0, 0, 10, 10],
      [0, 0, 10, 5.01],
    ]),
    [0],
  );
  assert.deepEqual(
    kept([
      [0, 0, 10, 10],
      [0, 0, 10, 5],
    ]),
    [0, 1],
  );
});

test("a kept box is the mean of its own and of those it stands for, by score squared, but for those below a quarter of its score", () => {
  const candidates = createCandidates(5);
  candidates.count = 5;
  const scores = [0.8, 0.7, 0.4, 0.19, 0.1];
  candidates.logits.set(scores.map(logitOf));
  candidates.boxes.set([0, 0, 10, 10, 100, 0, 110, 10, 0, 2, 10, 12, 0, 3, 10, 13, 100, 3, 110, 13]);
  const numbers = new Int32Array(100);
  assert.equal(suppress(numbers, candidates), 2);
  assert.deepEqual([...numbers.subarray(0, 2)], [0, 1]);
  const moved = (2 * 0.4 ** 2) / (0.8 ** 2 + 0.4 ** 2);
  close(candidates.boxes.subarray(0, 4), [0, moved, 10, 10 + moved], 1e-6);
  assert.deepEqual([...candidates.boxes.subarray(4, 8)], [100, 0, 110, 10]);
  assert.equal(suppress(numbers, candidates, logitOf(0.75)), 1, "one below the least score is not kept");
});

test("a box that only overlaps a suppressed one is kept", () => {
  assert.deepEqual(
    kept([
      [0, 0, 10, 10],
      [2, 0, 12, 10],
      [4, 0, 14, 10],
    ]),
    [0, 2],
  );
});

test("boxes that touch or lie apart do not suppress each other, and empty ones are left out", () => {
  assert.deepEqual(
    kept(
      [
        [0, 0, 10, 10],
        [10, 0, 20, 10],
        [5, 5, 5, 9],
        [0, 30, 10, 40],
        [7, 7, 3, 9],
      ],
      { overlap: 0 },
    ),
    [0, 1, 3],
  );
});

test("no more are kept than there is room, and none of none", () => {
  const row = Array.from({ length: 30 }, (_, i) => [20 * i, 0, 20 * i + 10, 10]);
  assert.deepEqual(kept(row, { most: 7 }), [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(kept([]), []);
});
