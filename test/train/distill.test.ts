import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { foldNorms } from "../../src/quant/fold.js";
import { soften } from "../../src/train/distill.js";
import { Replica, type ReplicaOptions } from "../../src/train/replica.js";
import { assign, type Level, type Target } from "../../src/train/targets.js";
import { createEngine } from "../../src/wasm/load.js";
import { close } from "../support/compare.js";
import { exampleOf, shakeNorms, smallNetwork } from "../support/network.js";

const SIDE = 64;
const logit = (p: number): number => Math.log(p / (1 - p));

/** Maps of one level (stride 16, 4 x 4 cells) that score as told and predict boxes of two strides around each cell. */
function mapsOf(scores: (cell: number) => number): Level[] {
  const values = new Float32Array(8 * 16);
  for (let cell = 0; cell < 16; cell++) values[8 * cell] = logit(scores(cell));
  return [{ values, at: 0, height: SIDE / 16, width: SIDE / 16, stride: 16 }];
}

/** What a picture with one object over the middle four cells teaches task 0, with a teacher that scores as told. */
function softened(
  mapWeight: number,
  ignored: number[],
  share: number,
  scores: (cell: number) => number,
): { before: Target; after: Target } {
  const boxes = mapWeight > 0 ? [0, 16, 16, 48, 48] : [];
  const example = exampleOf(new Random(1), SIDE, SIDE, 1, { boxes, ignored, mapWeight: [mapWeight] });
  const own = mapsOf(() => 0.2);
  const [before, after] = [assign(own, example, 0), assign(own, example, 0)];
  soften(after, mapsOf(scores), example, 0, share);
  return { before, after };
}

const INSIDE = [5, 6, 9, 10];

test("on a labelled object the teacher's score is mixed in by its share; beside it people's 'nothing here' stands", () => {
  const { before, after } = softened(1, [], 0.25, () => 0.9);
  for (let cell = 0; cell < 16; cell++) {
    const mixed = INSIDE.includes(cell) || before.quality[cell]! > 0;
    close([after.quality[cell]!], [mixed ? 0.75 * before.quality[cell]! + 0.25 * 0.9 : 0], 1e-6);
  }
  assert.ok(INSIDE.some((cell) => before.quality[cell]! > 0));
  assert.deepEqual([after.weight, after.cells, after.boxes], [before.weight, before.cells, before.boxes]);
});

test("where nobody labelled the teacher's scores are learned with its share for a weight, and its boxes where it is sure", () => {
  const { before, after } = softened(0, [], 0.5, (cell) => [0.01, 0.1, 0.8][cell % 3]!);
  for (let cell = 0; cell < 16; cell++) {
    const score = [0, 0.1, 0.8][cell % 3]!;
    close([after.quality[cell]!, after.weight[cell]!], [score, score > 0 ? 0.5 : 0], 1e-6);
  }
  assert.ok(before.weight.every((weight) => weight === 0));
  assert.deepEqual(after.cells, [2, 5, 8, 11, 14]);
  // cell 5 is in row 1, column 1: its centre at (24, 24), its box one stride to each side
  assert.deepEqual(after.boxes.slice(4, 8), [8, 8, 40, 40]);
});

test("an ignored region of a labelled picture is nobody's: the teacher fills it alone", () => {
  const { before, after } = softened(1, [0, 0, 0, 64, 16], 0.5, () => 0.7);
  assert.ok([0, 1, 2, 3].every((cell) => before.skip[cell] === 1 && before.weight[cell] === 0));
  close(
    [0, 3, 12, 15].map((cell) => after.quality[cell]!),
    [0.7, 0.7, 0, 0],
    1e-6,
  );
  assert.deepEqual([after.weight[0], after.weight[12]], [0.5, 1]);
});

const OPTIONS: ReplicaOptions = { batch: 2, sizes: [{ width: 64, height: 64 }], tasks: 3, pretrained: false, optimizer: "adamw" };

test("a network learns from a teacher what no label says", async () => {
  const wiser = smallNetwork(2);
  shakeNorms(wiser, 2);
  // a bias on the logit makes it sure of something
  for (const [name, { data }] of wiser.params) if (name.endsWith("out.bias")) data[0] = 1;
  const distillation = { graph: foldNorms(wiser), share: 1 };
  const random = new Random(3);
  const examples = [0, 1].map(() => exampleOf(random, 64, 64, 3, {}));
  const alone = new Replica(await createEngine(), smallNetwork(1), OPTIONS);
  assert.equal(alone.compute(examples, 64, 64).total, 0);
  const pupil = new Replica(await createEngine(), smallNetwork(1), { ...OPTIONS, distillation });
  assert.ok(pupil.bytes > alone.bytes);
  const losses: number[] = [];
  for (let step = 1; step <= 40; step++) {
    losses.push(pupil.compute(examples, 64, 64).total);
    pupil.apply({ step, rate: 0.01, average: 1 });
  }
  assert.ok(losses.every((loss) => loss > 0) && losses[39]! < 0.5 * losses[0]!, `${losses[0]} to ${losses[39]}`);
});
