import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { average, sgd, sumSquares } from "../oracle/sgd.js";
import { Arena } from "../support/arena.js";
import { close, closeTo, F32_FEW, F32_SUM } from "../support/compare.js";
import { normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;
const STEPS = 10;
const LENGTHS = [4, 8, 33 * 4];

for (const n of LENGTHS) {
  for (const constants of [
    { clip: 1, rate: 0.125, decay: 0, momentum: 0 },
    { clip: 0.25, rate: 0.0625, decay: 0.03125, momentum: 0.875 },
  ])
    test(`${STEPS} steps agree with the oracle: ${n} weights, ${JSON.stringify(constants)}`, () => {
      arena.reset();
      const random = new Random(1, n);
      const w = normals(random, n);
      const v = new Float64Array(n);
      const [wAt, vAt] = [arena.state("f32", w), arena.state("f32", v)];
      for (let step = 0; step < STEPS; step++) {
        const dw = normals(random, n);
        const { clip, rate, decay, momentum } = constants;
        kernels.sgd(wAt.at, arena.input("f32", dw).at, vAt.at, n, clip, rate, decay, momentum);
        sgd(w, dw, v, constants);
        arena.check();
      }
      close(arena.read(wAt), w, 5 * F32_FEW, "weights");
      close(arena.read(vAt), v, 5 * F32_FEW, "velocity");
    });

  test(`the moving average agrees with the oracle, its bounds are exact: ${n} weights`, () => {
    for (const share of [0, 0.0078125, 1]) {
      arena.reset();
      const random = new Random(2, n);
      const [kept, w] = [normals(random, n), normals(random, n)];
      const block = arena.state("f32", kept);
      kernels.average(block.at, arena.input("f32", w).at, n, share);
      arena.check();
      close(arena.read(block), average(kept, w, share), share === 0 ? 0 : F32_FEW);
    }
  });

  test(`the sum of squares agrees with the oracle: ${n} values`, () => {
    arena.reset();
    const x = normals(new Random(3, n), n);
    const sum = kernels.sumSquares(arena.input("f32", x).at, n);
    arena.check();
    closeTo(sum, sumSquares(x), F32_SUM);
  });
}

test("the sum of squares is not finite where a value is not, wherever it stands", () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    for (let at = 0; at < 12; at++) {
      arena.reset();
      const x = new Float64Array(12).fill(1);
      x[at] = bad;
      assert.ok(!Number.isFinite(kernels.sumSquares(arena.input("f32", x).at, 12)));
    }
});
