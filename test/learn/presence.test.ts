// A learner of a model whose heads say presence alone.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Random } from "../../src/core/random.js";
import { quantizeModel } from "../../src/eval/quantizeModel.js";
import { Detector, drawScene, type Frame, type Sample } from "../../src/index.js";
import { Learner } from "../../src/learn/index.js";
import type { Model } from "../../src/model/model.js";
import { train } from "../../src/train/index.js";

const TASKS = ["blue", "red"];
const SIZE = { width: 96, height: 64 };

/** A drawn street with a field in it: every second red, the others blue; every fourth of either none. */
function pictureOf(i: number): { frame: Frame; red: boolean; blue: boolean } {
  const { frame } = drawScene(7, i, SIZE);
  const data = frame.data.slice();
  const [red, blue] = [i % 2 === 0 && i % 8 < 6, i % 2 === 1 && i % 8 < 6];
  const left = new Random(3, i).below(40);
  const colour = red ? [235, 15, 15, 255] : [15, 15, 235, 255];
  if (red || blue) for (let y = 8; y < 56; y++) for (let x = left; x < left + 48; x++) data.set(colour, 4 * (SIZE.width * y + x));
  return { frame: { ...SIZE, data }, red, blue };
}

/** Trained on labels of red that are the wrong way round. */
let model: Model;
before(async () => {
  const samples = Array.from({ length: 32 }, (_, k): Sample => {
    const i = 100 + k;
    const { blue, red } = pictureOf(i);
    const labels: Sample["labels"] = { blue: blue ? true : [], red: red ? [] : true };
    return { image: `${i}`, ...SIZE, split: "train", group: `${i}`, set: "drawn", labels, ignore: {} };
  });
  const read = (image: string): Frame => pictureOf(Number(image)).frame;
  const network = { path: 16, head: 8, heads: "presence" } as const;
  const trained = await train(samples, { read, tasks: TASKS, batch: 8, epochs: 40, pixels: 6144, rate: 0.01, seed: 3, network });
  ({ model } = await quantizeModel(trained.model, samples, { read, images: 8, seed: 1 }));
});

for (const what of ["heads", "path"] as const)
  test(`presence is learned from yes and no, ${what}`, async () => {
    const learner = await Learner.open(model, { memoryBytes: 4e6, seed: 2 });
    for (let i = 0; i < 6; i++) {
      const { frame, red } = pictureOf(i);
      assert.deepEqual((await learner.add(frame, { red: red ? true : [] })).held, []);
    }
    assert.deepEqual((await learner.fit({ what, steps: 200 })).refused, []);
    const { red, blue } = await learner.evaluate();
    assert.equal(blue, undefined);
    assert.deepEqual([red!.frames, red!.held, red!.before.ap50, red!.after.ap50], [6, false, null, null]);
    assert.ok(red!.before.presenceAp! < 0.7 && red!.after.presenceAp! > 0.9, JSON.stringify(red));
    await learner.commit();
    const { params } = learner.model.graph;
    const changed = (begin: string): boolean =>
      [...params].some(([name, { data }]) => name.startsWith(begin) && data.some((v, i) => v !== model.graph.params.get(name)!.data[i]));
    const parts = ["head.red.", "head.blue.", "path.", "trunk."];
    assert.deepEqual(parts.map(changed), [true, what === "path", what === "path", false]);
    using detector = await Detector.load(await learner.export());
    const { presence, objects } = detector.detect(pictureOf(0).frame);
    assert.ok(presence.red! > 0.5 && objects.length === 0, `${presence.red}`);
  });

test("of a frame that has it and of one that has not every fourth is held back, labelled without boxes too", async () => {
  const learner = await Learner.open(model, { memoryBytes: 4e6 });
  const held: number[] = [];
  for (let i = 0; i < 16; i++) {
    const { frame, red } = pictureOf(i);
    if ((await learner.add(frame, { red: red ? true : [] })).held.length > 0) held.push(i);
  }
  assert.deepEqual(held, [6, 8, 13]);
  const { guard } = await learner.fit({ what: "heads", steps: 2 });
  assert.equal(guard.red!.frames, 3);
  assert.ok(guard.red!.before > 0);
});
