import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { pointLoss } from "../oracle/pointloss.js";
import { Arena } from "../support/arena.js";
import { onCells } from "../support/cells.js";
import { closeTo, F32_SUM } from "../support/compare.js";
import { normals, uniforms } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

const SCALE = Math.fround(0.7);
/** Central differences of the oracle in doubles. */
const STEP = 1e-6;
/** f32 against those. */
const SLOPE = 1e-4;

for (const { n, points } of [
  { n: 1, points: 1 },
  { n: 3, points: 5 },
  { n: 17, points: 2 },
])
  test(`value and gradient agree with the oracle and its slopes, near and far, and nothing else is written: ${n} of ${points} points`, () => {
    const random = new Random(n);
    const count = 2 * points;
    const targets = normals(random, n * count);
    const gain = uniforms(random, n, 0.5, 3);
    const weight = uniforms(random, n, 0.2, 2);
    const values = targets.map((t, i) => Math.fround((t + random.normal() * (i % 2 ? 0.03 : 1)) / gain[Math.floor(i / count)]!));
    const { value, gradient } = onCells(arena, values, n, ({ dout, out, cell, step }) => {
      const [target, gains, weights] = [targets, gain, weight].map((each) => arena.input("f32", each).at) as [number, number, number];
      return kernels.pointLoss(dout, out, cell, target, gains, weights, n, step, count, SCALE);
    });
    closeTo(value, pointLoss(values, targets, gain, weight, count, SCALE), F32_SUM);
    for (const [i, v] of gradient.entries()) {
      const moved = (by: number): number => {
        const other = values.slice();
        other[i]! += by;
        return pointLoss(other, targets, gain, weight, count, SCALE);
      };
      assert.ok(Math.abs(v - (moved(STEP) - moved(-STEP)) / (2 * STEP)) < SLOPE, `${v}`);
    }
  });
