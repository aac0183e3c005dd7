import assert from "node:assert/strict";
import { test } from "node:test";
import { interval } from "../../src/eval/interval.js";

test("the interval of three runs is that of Student's t with two degrees of freedom", () => {
  // deviation 1, standard error 1 / sqrt(3), t 4.303
  const { mean, half } = interval([1, 2, 3]);
  assert.equal(mean, 2);
  assert.ok(Math.abs(half - 4.303 / Math.sqrt(3)) < 1e-12);
  assert.deepEqual(interval([0.5, 0.5]), { mean: 0.5, half: 0 });
  assert.ok(interval(Array.from({ length: 40 }, (_, i) => i % 2)).half > (1.96 * 0.5) / Math.sqrt(40));
});

test("one run has no interval", () => {
  assert.throws(() => interval([1]), { code: "E_ARGUMENT", message: /expected two values or more, got 1; run more seeds/ });
});
