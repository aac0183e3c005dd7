import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { pointLoss } from "../oracle/pointloss.js";
import { Arena } from "../support/arena.js";
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
    arena.reset();
    const random = new Random(n);
    const count = 2 * points;
    const [cells, step, first] = [n + 4, 8 + count, 3];
    const cell = Array.from({ length: n }, (_, i) => cells - 1 - i);
    const targets = normals(random, n * count);
    const gain = uniforms(random, n, 0.5, 3);
    const weight = uniforms(random, n, 0.2, 2);
    const values = targets.map((t, i) => Math.fround((t + random.normal() * (i % 2 ? 0.03 : 1)) / gain[Math.floor(i / count)]!));
    const out = normals(random, cells * step);
    cell.forEach((at, i) => {
      out.set(values.subarray(i * count, (i + 1) * count), at * step + first);
    });
    const was = normals(random, cells * step);
    const dout = arena.state("f32", was);
    const value = kernels.pointLoss(
      dout.at + 4 * first,
      arena.input("f32", out).at + 4 * first,
      arena.input("i32", cell).at,
      arena.input("f32", targets).at,
      arena.input("f32", gain).at,
      arena.input("f32", weight).at,
      n,
      4 * step,
      count,
      SCALE,
    );
    arena.check();
    closeTo(value, pointLoss(values, targets, gain, weight, count, SCALE), F32_SUM);
    const after = arena.read(dout);
    for (const [i, v] of after.entries()) {
      const entry = cell.indexOf(Math.floor(i / step));
      const j = (i % step) - first;
      if (entry < 0 || j < 0 || j >= count) {
        assert.equal(v, was[i]);
        continue;
      }
      const moved = (by: number): number => {
        const other = values.slice();
        other[entry * count + j]! += by;
        return pointLoss(other, targets, gain, weight, count, SCALE);
      };
      assert.ok(Math.abs(v - (moved(STEP) - moved(-STEP)) / (2 * STEP)) < SLOPE, `${v}`);
    }
  });
