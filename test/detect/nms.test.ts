import assert from "node:assert/strict";
import { test } from "node:test";
import { createCandidates } from "../../src/detect/decode.js";
import { suppress } from "../../src/detect/nms.js";

function kept(boxes: number[][], { overlap, most = 100 }: { overlap?: number; most?: number } = {}): number[] {
  const candidates = createCandidates(Math.max(1, boxes.length));
  candidates.count = boxes.length;
  candidates.boxes.set(boxes.flat());
  const numbers = new Int32Array(most);
  return [...numbers.subarray(0, suppress(numbers, candidates, overlap))];
}

test("of two boxes that overlap by more than 0.6 the better one stays, by 0.6 both", () => {
  assert.deepEqual(
    kept([
      [0, 0, 10, 10],
      [0, 0, 10, 6.01],
    ]),
    [0],
  );
  assert.deepEqual(
    kept([
      [0, 0, 10, 10],
      [0, 0, 10, 6],
    ]),
    [0, 1],
  );
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
