import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { adamw } from "../oracle/adamw.js";
import { Arena } from "../support/arena.js";
import { close, F32_FEW } from "../support/compare.js";
import { normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;
/** Ten steps of some ten roundings each. */
const STEPS = 10;
const AFTER_STEPS = 5 * F32_FEW;

for (const n of [4, 8, 33 * 4])
  for (const { clip, decay } of [
    { clip: 1, decay: 0 },
    { clip: 0.25, decay: 0.05 },
  ])
    test(`${STEPS} steps agree with the oracle: ${n} weights, clip ${clip}, decay ${decay}`, () => {
      arena.reset();
      const random = new Random(1, n);
      const [b1, b2] = [Math.fround(0.9), Math.fround(0.999)];
      const w = normals(random, n);
      const [m, v] = [new Float64Array(n), new Float64Array(n)];
      const [wAt, mAt, vAt] = [arena.state("f32", w), arena.state("f32", m), arena.state("f32", v)];
      for (let step = 1; step <= STEPS; step++) {
        // gradients over nine orders of magnitude: AdamW's step must not care
        const dw = normals(random, n).map((g, i) => Math.fround(g * 10 ** ((i % 9) - 6)));
        const constants = { clip, rate: Math.fround(0.01), decay: Math.fround(decay), b1, b2, c1: 1 - b1 ** step, c2: 1 - b2 ** step };
        const dwAt = arena.input("f32", dw).at;
        const { rate, c1, c2 } = constants;
        kernels.adamw(wAt.at, dwAt, mAt.at, vAt.at, n, clip, rate, decay, b1, b2, c1, c2, 1e-8);
        adamw(w, dw, m, v, { ...constants, epsilon: Math.fround(1e-8) });
        arena.check();
      }
      close(arena.read(wAt), w, AFTER_STEPS, "weights");
      for (const [block, expected] of [
        [mAt, m],
        [vAt, v],
      ] as const)
        arena.read(block).forEach((value, i) => {
          // relative to itself: moments lie orders of magnitude apart
          assert.ok(
            Math.abs(value - expected[i]!) <= AFTER_STEPS * (Math.abs(expected[i]!) + 1e-12) * 10,
            `moment ${i}: ${value}, ${expected[i]}`,
          );
        });
    });

test("weights without a gradient only decay", () => {
  arena.reset();
  const w = arena.state("f32", [1, -2, 4, -8]);
  const [m, v] = [arena.state("f32", [0, 0, 0, 0]), arena.state("f32", [0, 0, 0, 0])];
  kernels.adamw(w.at, arena.input("f32", [0, 0, 0, 0]).at, m.at, v.at, 4, 1, 0.5, 0.5, 0.9, 0.999, 0.1, 0.001, 1e-8);
  arena.check();
  assert.deepEqual(arena.read(w), [0.75, -1.5, 3, -6]);
});
