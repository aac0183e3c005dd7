import assert from "node:assert/strict";
import { test } from "node:test";
import { calibratedLogit, IDENTITY, leastLogit, type PlattScaling } from "../../src/model/calibration.js";

const SCALING: PlattScaling = { sizes: [8, 16, 64], scales: [1, 3, 0.5], offsets: [0, -2, 4] };

test("scale and offset are those of a size, halfway between two their means, and beyond the ends those of the ends", () => {
  const at = (size: number): number[] => [0, 1, -2].map((logit) => calibratedLogit(SCALING, logit, size));
  assert.deepEqual(at(8), [0, 1, -2]);
  assert.deepEqual(at(12), [-1, 1, -5]); // 2 x - 1
  assert.deepEqual(at(16), [-2, 1, -8]);
  assert.deepEqual(at(40), [1, 2.75, -2.5]); // 1.75 x + 1
  assert.deepEqual(at(64), [4, 4.5, 3]);
  assert.deepEqual(at(1), at(8));
  assert.deepEqual(at(1e6), at(64));
  assert.deepEqual(at(0), at(8));
});

test("the identity changes no logit at any size", () => {
  for (const size of [0, 1, 300]) for (const logit of [-7.25, 0, 3]) assert.equal(calibratedLogit(IDENTITY, logit, size), logit);
});

test("a bend adds its part of ln(1 + e^logit), and changes with the size as scale and offset do", () => {
  const bent = { ...SCALING, bends: [2, -1, 0] };
  for (const [size, bend] of [
    [8, 2],
    [12, 0.5],
    [16, -1],
    [40, -0.5],
    [64, 0],
  ] as const)
    for (const logit of [-30, -2, 0, 1.5, 30]) {
      const more = calibratedLogit(bent, logit, size) - calibratedLogit(SCALING, logit, size);
      assert.ok(Math.abs(more - bend * Math.log1p(Math.exp(logit))) < 1e-12, `${logit} at ${size}: ${more}`);
    }
});

test("no logit below the least one reaches what is asked for at any size, and it does at one", () => {
  for (const wanted of [-3, -0.5, 0, 2]) {
    const least = leastLogit(SCALING, wanted);
    const sizes = Array.from({ length: 200 }, (_, i) => 1 + i / 2);
    assert.ok(sizes.every((size) => calibratedLogit(SCALING, least - 1e-9, size) < wanted));
    assert.ok(sizes.some((size) => calibratedLogit(SCALING, least + 1e-9, size) >= wanted));
  }
  assert.equal(leastLogit(SCALING, Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY);
});
