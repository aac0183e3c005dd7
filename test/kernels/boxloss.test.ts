import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { boxLoss, boxLossBackward } from "../oracle/boxloss.js";
import { Arena } from "../support/arena.js";
import { onCells } from "../support/cells.js";
import { close, closeTo, slopesAgree } from "../support/compare.js";
import { uniforms } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

/** exp is good to 2e-7, areas are products of two such, and quotients of areas are subtracted. */
const LOSS = 5e-6;
const SCALE = Math.fround(0.61);

/** n entries on as many different cells, in an order of their own; distances near the targets and far, some targets beside their cell. */
function data(n: number, random: Random) {
  const targets = Float64Array.from({ length: 4 * n }, () => Math.fround(Math.exp(random.uniform(-1, 2.5))));
  for (let i = 0; i < n; i++) if (i % 4 === 3) targets[4 * i] = Math.fround(-0.4 * targets[4 * i + 2]!); // still wider than 0
  const distances = targets.map((t) => Math.fround(Math.log(Math.abs(t)) + random.normal() * 0.7));
  return { targets, distances, weight: uniforms(random, n, 0.2, 2) };
}

const run = ({ targets, distances, weight }: ReturnType<typeof data>) =>
  onCells(arena, distances, weight.length, ({ dout, out, cell, step }) => {
    const [target, weights] = [targets, weight].map((each) => arena.input("f32", each).at) as [number, number];
    return kernels.boxLoss(dout, out, cell, target, weights, weight.length, step, SCALE);
  });

for (const n of [1, 2, 3, 5, 33])
  test(`value and gradient agree with the oracle and with slopes: ${n} boxes`, () => {
    const values = data(n, new Random(1, n));
    const { targets, distances, weight } = values;
    const found = run(values);
    closeTo(found.value, boxLoss(distances, targets, weight, SCALE), LOSS);
    const oracle = boxLossBackward(distances, targets, weight, SCALE);
    close(found.gradient, oracle, LOSS, "gradient");
    slopesAgree(() => boxLoss(distances, targets, weight, SCALE), distances, { oracle, kernel: found.gradient });
  });

test("boxes that lie apart or contain each other: value and gradient agree with the oracle", () => {
  const cases = [
    { target: [-3, 1.25, 6, 0.75], distance: [1, 1, 1, 1] }, // to the right of the prediction
    { target: [-3, -4, 6, 7], distance: [1, 1.5, 1, 1.5] }, // apart both ways
    { target: [9, 8, 7, 10], distance: [1, 2, 3, 1.5] }, // around it
    { target: [0.5, 0.25, 0.75, 0.3], distance: [4, 5, 3, 6] }, // within it
    { target: [0.2, 0.3, 0.25, 0.2], distance: [9, 8, 7, 6] }, // tiny within huge
  ];
  for (const { target, distance } of cases) {
    const values = {
      targets: Float64Array.from(target, Math.fround),
      distances: Float64Array.from(distance, (d) => Math.fround(Math.log(d))),
      weight: Float64Array.of(1),
    };
    const { targets, distances, weight } = values;
    const found = run(values);
    closeTo(found.value, boxLoss(distances, targets, weight, SCALE), LOSS);
    const oracle = boxLossBackward(distances, targets, weight, SCALE);
    close(found.gradient, oracle, LOSS, "gradient");
    slopesAgree(() => boxLoss(distances, targets, weight, SCALE), distances, { oracle, kernel: found.gradient });
  }
});

test("a perfect box costs nothing; distances beyond their bounds have no gradient, the others do", () => {
  const log = Math.fround(Math.log(2));
  const two = Math.fround(Math.exp(log));
  const perfect = run({ targets: new Float64Array(4).fill(two), distances: new Float64Array(4).fill(log), weight: Float64Array.of(1) });
  assert.ok(Math.abs(perfect.value) < LOSS);
  const held = {
    targets: Float64Array.of(10, 10, 10, 10),
    distances: Float64Array.of(7, -6, 1, Math.fround(2.5)),
    weight: Float64Array.of(1),
  };
  const found = run(held);
  closeTo(found.value, boxLoss(held.distances, held.targets, held.weight, SCALE), LOSS);
  assert.ok(found.gradient[0] === 0 && found.gradient[1] === 0 && found.gradient[2] !== 0 && found.gradient[3] !== 0);
  close(found.gradient, boxLossBackward(held.distances, held.targets, held.weight, SCALE), LOSS);
});

test("a box of weight 0 adds nothing and its gradient is exactly 0", () => {
  const values = data(5, new Random(3));
  values.weight[1] = 0;
  values.weight[4] = 0;
  const found = run(values);
  found.gradient.forEach((v, i) => {
    const masked = i >> 2 === 1 || i >> 2 === 4;
    assert.equal(v === 0, masked, `gradient ${i}`);
  });
  closeTo(found.value, boxLoss(values.distances, values.targets, values.weight, SCALE), LOSS);
});
