import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { mapLoss, mapLossBackward, presenceLoss, presenceLossBackward } from "../oracle/bce.js";
import { Arena } from "../support/arena.js";
import { close, closeTo, slopesAgree } from "../support/compare.js";
import { normals, uniforms } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

/** Sigmoid and logarithm are good to some 2e-7 of their size, sums of some hundred cells to as much again. */
const LOSS = 2e-6;
/** Floats a cell: the logit, four distances and padding. */
const CELL = 8;
const COUNTS = [1, 2, 3, 4, 5, 33, 255];
const SCALE = Math.fround(0.37);

/** Logits into channel 0 of a map whose other channels hold what must not matter. */
function mapOf(logits: Float64Array): Float64Array {
  const map = new Float64Array(logits.length * CELL).fill(1e30);
  logits.forEach((v, i) => {
    map[i * CELL] = v;
  });
  return map;
}

const channel = (map: number[], index: number): number[] => map.filter((_, i) => i % CELL === index);

/** A third of the cells with something in them, some masked. */
function data(cells: number, random: Random, deviation = 2) {
  const quality = uniforms(random, cells, 0, 1).map((q) => (random.chance(0.5) ? q : 0));
  const weight = uniforms(random, cells, 0.2, 2).map((w) => (random.chance(0.2) ? 0 : w));
  if (cells < 4) weight.fill(1);
  return { logits: normals(random, cells, deviation), quality, weight };
}

function runMapLoss({ logits, quality, weight }: ReturnType<typeof data>) {
  arena.reset();
  const cells = logits.length;
  const dout = arena.output("f32", cells * CELL);
  const value = kernels.mapLoss(
    dout.at,
    arena.input("f32", mapOf(logits)).at,
    arena.input("f32", quality).at,
    arena.input("f32", weight).at,
    cells,
    4 * CELL,
    SCALE,
  );
  arena.check();
  return { value, dout: arena.read(dout) };
}

for (const cells of COUNTS) {
  test(`map loss: value and gradient agree with the oracle and with slopes at a held factor, ${cells} cells`, () => {
    const values = data(cells, new Random(1, cells));
    const { logits, quality, weight } = values;
    const found = runMapLoss(values);
    closeTo(found.value, mapLoss(logits, quality, weight, SCALE), LOSS);
    const oracle = mapLossBackward(logits, quality, weight, SCALE);
    const kernel = channel(found.dout, 0);
    close(kernel, oracle, LOSS, "gradient");
    const held = logits.slice();
    slopesAgree(() => mapLoss(logits, quality, weight, SCALE, held), logits, { oracle, kernel });
    for (let other = 1; other < CELL; other++) assert.ok(channel(found.dout, other).every((v) => v === 0));
  });

  test(`map loss: a cell of weight 0 adds nothing, its gradient is exactly 0, ${cells} cells`, () => {
    const values = data(cells, new Random(2, cells));
    values.weight = values.weight.map((_, i) => (i % 3 === 0 ? 0 : 1));
    const before = runMapLoss(values);
    values.weight.forEach((weight, i) => {
      if (weight === 0) assert.ok(before.dout[i * CELL] === 0);
      else assert.notEqual(before.dout[i * CELL], 0);
    });
    values.logits = values.logits.map((v, i) => (i % 3 === 0 ? -5 * v : v));
    const after = runMapLoss(values);
    assert.equal(after.value, before.value);
    assert.ok(after.dout.every((v, i) => v === before.dout[i])); // 0 may be -0
  });

  test(`presence loss: value and gradient agree with the oracle and with slopes and are added, ${cells} entries`, () => {
    arena.reset();
    const random = new Random(3, cells);
    const { logits, weight } = data(cells, random);
    // entries walk over the map with gaps and repeats
    const cell = Array.from({ length: cells }, () => random.below(cells));
    const target = uniforms(random, cells, 0, 1).map((t, i) => (i % 2 ? t : Math.round(t)));
    const was = normals(random, cells * CELL);
    const dout = arena.state("f32", was);
    const value = kernels.presenceLoss(
      dout.at,
      arena.input("f32", mapOf(logits)).at,
      arena.input("i32", cell).at,
      arena.input("f32", target).at,
      arena.input("f32", weight).at,
      cells,
      4 * CELL,
      SCALE,
    );
    arena.check();
    closeTo(value, presenceLoss(logits, cell, target, weight, SCALE), LOSS);
    const oracle = presenceLossBackward(logits, cell, target, weight, SCALE);
    close(
      arena.read(dout),
      was.map((v, i) => v + (i % CELL === 0 ? oracle[i / CELL]! : 0)),
      LOSS,
    );
    slopesAgree(() => presenceLoss(logits, cell, target, weight, SCALE), logits, { oracle });
  });
}

test("map loss: each cell is as good as its size allows, from -15 to 15", () => {
  for (const [q, allowed] of [
    [0, LOSS],
    [0.01, LOSS],
    [0.5, LOSS],
    [1, 2e-5], // p - 1 for large p: the f32 next to 1 is 6e-8 away; below 1e-2 that is all that is left of it
  ] as const)
    for (let x = -15; x <= (q === 1 ? 4 : 15); x += 0.75) {
      const values = { logits: Float64Array.of(x), quality: Float64Array.of(Math.fround(q)), weight: Float64Array.of(1) };
      const found = runMapLoss(values);
      const oracle = mapLossBackward(values.logits, values.quality, values.weight, SCALE);
      // where q is near p the factor's root and the difference both vanish: 1e-9 is what rounding of p leaves
      if (Math.abs(oracle[0]!) > 1e-3 || q === 0) closeTo(found.dout[0]!, oracle[0]!, allowed, `gradient at ${x}, quality ${q}`);
      closeTo(found.value, mapLoss(values.logits, values.quality, values.weight, SCALE), 2e-5, `value at ${x}, quality ${q}`);
    }
});

test("far out logits give finite losses, linear in the logit, and gradients of the right sign", () => {
  for (const x of [40, 90, 500, 1e6])
    for (const sign of [1, -1]) {
      const logits = Float64Array.of(x * sign, x * sign);
      const { value, dout } = runMapLoss({ logits, quality: Float64Array.of(1, 0), weight: Float64Array.of(1, 1) });
      // wrong: |q - p|^1.5 + 0.1 = 1.1 times x for a missed object, 0.8 times x for an imagined one; right: nothing
      closeTo(value, SCALE * x * (sign > 0 ? 0.8 : 1.1), LOSS);
      const expected = sign > 0 ? [0, 0.8 * SCALE] : [-1.1 * SCALE, 0];
      close(channel(dout, 0), expected, LOSS);
    }
});

test("no entries: the presence loss is 0 and touches nothing", () => {
  arena.reset();
  const dout = arena.input("f32", normals(new Random(4), CELL));
  const nothing = arena.input("f32", []).at;
  assert.equal(kernels.presenceLoss(dout.at, nothing, nothing, nothing, nothing, 0, 4 * CELL, 1), 0);
  arena.check();
});
