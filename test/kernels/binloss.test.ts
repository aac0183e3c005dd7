import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { binLoss, binLossBackward } from "../oracle/binloss.js";
import { Arena } from "../support/arena.js";
import { onCells } from "../support/cells.js";
import { close, closeTo, slopesAgree } from "../support/compare.js";
import { normals, uniforms } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

/** exp is good to 2e-7, areas are products of two such, and quotients of areas are subtracted. */
const LOSS = 5e-6;
const [SHARE, SCALE] = [0.125, 0.61].map(Math.fround) as [number, number];

interface Case {
  bins: number;
  targets: Float64Array;
  logits: Float64Array;
  weight: Float64Array;
}

/** n entries; targets within the bins, beyond both of their ends, and on a bin. */
function data(n: number, bins: number, random: Random): Case {
  const targets = Float64Array.from({ length: 4 * n }, () => Math.fround(random.uniform(0, bins - 1)));
  for (let i = 0; i < n; i++) if (i % 4 === 3) targets[4 * i] = Math.fround(-0.4 * targets[4 * i + 2]!); // still wider than 0
  for (let i = 0; i < n; i++) if (i % 5 === 2) targets[4 * i + 1] = bins + 1;
  for (let i = 0; i < n; i++) if (i % 5 === 4) targets[4 * i + 3] = 2;
  return { bins, targets, logits: normals(random, 4 * bins * n, 3), weight: uniforms(random, n, 0.2, 2) };
}

const run = ({ bins, targets, logits, weight }: Case) =>
  onCells(arena, logits, weight.length, ({ dout, out, cell, step }) => {
    const [target, weights] = [targets, weight].map((each) => arena.input("f32", each).at) as [number, number];
    return kernels.binLoss(dout, out, cell, target, weights, weight.length, step, bins, SHARE, SCALE);
  });

function agrees(values: Case): void {
  const { bins, targets, logits, weight } = values;
  const found = run(values);
  closeTo(found.value, binLoss(logits, targets, weight, bins, SHARE, SCALE), LOSS);
  const oracle = binLossBackward(logits, targets, weight, bins, SHARE, SCALE);
  close(found.gradient, oracle, LOSS, "gradient");
  slopesAgree(() => binLoss(logits, targets, weight, bins, SHARE, SCALE), logits, { oracle, kernel: found.gradient });
}

for (const bins of [4, 8, 16])
  for (const n of [1, 2, 5, 13])
    test(`value and gradient agree with the oracle and with slopes: ${n} boxes of ${bins} bins`, () =>
      agrees(data(n, bins, new Random(n, bins))));

test("sides that are certain: a right one costs nothing, a wrong one a finite loss", () => {
  const certain = (bin: number): number[] => Array.from({ length: 8 }, (_, j) => (j === bin ? 40 : 0));
  const right: Case = {
    bins: 8,
    targets: Float64Array.of(1, 2, 3, 4),
    logits: Float64Array.from([1, 2, 3, 4].flatMap(certain)),
    weight: Float64Array.of(1),
  };
  assert.ok(Math.abs(run(right).value) < LOSS);
  const wrong = { ...right, targets: Float64Array.of(7, 0, 0, 7) };
  closeTo(run(wrong).value, binLoss(wrong.logits, wrong.targets, wrong.weight, 8, SHARE, SCALE), LOSS);
  close(run(wrong).gradient, binLossBackward(wrong.logits, wrong.targets, wrong.weight, 8, SHARE, SCALE), LOSS);
});

test("a box of weight 0 adds nothing and its gradient is exactly 0", () => {
  const values = data(5, 8, new Random(3));
  values.weight[1] = 0;
  const found = run(values);
  found.gradient.forEach((v, i) => {
    if (Math.floor(i / 32) === 1) assert.ok(v === 0, `gradient ${i}`);
  });
  closeTo(found.value, binLoss(values.logits, values.targets, values.weight, 8, SHARE, SCALE), LOSS);
});
