import assert from "node:assert/strict";
import { test } from "node:test";
import { emaWeight, learningRate } from "../../src/train/schedule.js";

const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-12 * Math.abs(expected), `${actual} against ${expected}`);

test("the rate grows linearly over 300 steps, or a tenth of a short run, and its first step is not 0", () => {
  const cosine = (step: number, steps: number): number => 0.02 + 0.98 * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps));
  near(learningRate(0.004, 1, 10_000), (0.004 / 300) * cosine(1, 10_000));
  near(learningRate(0.004, 150, 10_000), (0.004 / 2) * cosine(150, 10_000));
  near(learningRate(0.004, 300, 10_000), 0.004 * cosine(300, 10_000));
  near(learningRate(1, 5, 100), 0.5 * cosine(5, 100));
  near(learningRate(1, 10, 100), cosine(10, 100));
  near(learningRate(1, 1, 4), cosine(1, 4));
});

test("after the warm-up the rate falls monotonically, through half of it in the middle, to 2 % at the last step", () => {
  for (let step = 300; step < 2000; step++) assert.ok(learningRate(1, step + 1, 2000) < learningRate(1, step, 2000));
  near(learningRate(0.01, 1000, 2000), 0.01 * 0.51);
  near(learningRate(0.01, 2000, 2000), 0.01 * 0.02);
});

test("the average takes most of the first steps' weights and 0.15 % of the late ones'", () => {
  near(emaWeight(1), 9 / 11);
  near(emaWeight(90), 9 / 100);
  near(emaWeight(100_000), 0.0015);
  for (let step = 1; step < 7000; step++) assert.ok(emaWeight(step + 1) <= emaWeight(step));
});
