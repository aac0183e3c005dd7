import assert from "node:assert/strict";
import { test } from "node:test";
import { interleave, ratioOf, spreadOf } from "../../src/engines/timing.js";

test("a spread is the median and the percentiles between ranks", () => {
  assert.deepEqual(spreadOf([5]), { median: 5, p10: 5, p90: 5 });
  assert.deepEqual(spreadOf([11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), { median: 6, p10: 2, p90: 10 });
  assert.equal(spreadOf([4, 1]).median, 2.5);
  assert.throws(() => spreadOf([]), RangeError);
});

test("a ratio is taken round by round: what slows a whole round does not move it", () => {
  assert.deepEqual(ratioOf([2, 20, 200], [1, 10, 100]), { median: 2, p10: 2, p90: 2 });
});

test("contenders take turns, in another order each round, one untimed run first", async () => {
  const runs: string[] = [];
  const times = await interleave(
    [
      { name: "a", run: () => void runs.push("a"), repeats: 1 },
      { name: "b", run: async () => void runs.push("b"), repeats: 2 },
    ],
    2,
    0,
  );
  assert.equal(runs.join(""), "aabbb" + "bbbaa");
  assert.deepEqual(
    [...times].map(([name, values]) => [name, values.length]),
    [
      ["a", 2],
      ["b", 2],
    ],
  );
});
