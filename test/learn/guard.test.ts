import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "../../src/learn/guard.js";

test("a task keeps what it learned where its loss fell on nearly all frames held back, and surely", () => {
  assert.equal(judge([2, 3, 2.5, 2], [1, 1.8, 1.7, 1.1]).kept, true);
  assert.equal(judge([2, 3, 2.5, 2], [1, 1.8, 1.7, 2.1]).kept, true, "one of four may rise");
});

test("it does not where the loss rose, or fell by chance, or rose on more than a quarter", () => {
  assert.equal(judge([1, 1, 1, 1], [1.1, 1.2, 1, 1.1]).kept, false);
  assert.equal(judge([2, 2, 2, 2], [2.1, 0.2, 2.1, 1.9]).kept, false);
  assert.equal(judge([2, 2, 2, 2], [2.3, 1.6, 2.2, 1.6]).kept, false);
  const { t, worse, frames, before, after } = judge([1, 2, 3], [1.5, 2.5, 4]);
  assert.ok(t! > 3 && worse === 3 && frames === 3 && before === 2 && Math.abs(after - 8 / 3) < 1e-12);
});

test("one frame decides alone, without one nothing is guarded", () => {
  assert.deepEqual([judge([1], [0.5]).kept, judge([1], [1.5]).kept, judge([1], [0.5]).t], [true, false, null]);
  assert.deepEqual([judge([], []).kept, judge([], []).frames], [true, 0]);
});

test("a task that no frame held back has keeps what it learned unless it raises false alarms", () => {
  const [before, after] = [
    [0.003, 0.002, 0.003],
    [0.009, 0.01, 0.008],
  ];
  assert.equal(judge(before, after).kept, false);
  assert.equal(judge(before, after, true).kept, true);
  assert.equal(judge(before, [0.3, 0.002, 0.003], true).kept, false);
});
