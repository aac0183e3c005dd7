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
  const trained = await train(samples, { read, tasks: TASKS, batch: 8, epochs: 30, pixels: 6144, rate: 0.01, seed: 3, network });
  ({ model } = await quantizeModel(trained.model, samples, { read, images: 8, seed: 1 }));
});

for (const what of ["heads", "path"] as const)
  test(`presence is learned from yes and no, ${what}: better on frames held back, and a detector says so`, async () => {
    const learner = await Learner.open(model, { memoryBytes: 4e6, seed: 2 });
    const counts: number[] = [];
    for (let i = 0; i < 32; i++) {
      const { frame, red } = pictureOf(i);
      const { held } = await learner.add(frame, { red: red ? true : [] });
      counts.push(held.length);
    }
    assert.equal(counts.filter((count) => count === 1).length, 8, "every fourth of the 12 with and the 20 without");
    const { refused, guard } = await learner.fit({ what, steps: 150 });
    assert.deepEqual([refused, guard.red!.frames], [[], 8], JSON.stringify(guard));
    const { red, blue } = await learner.evaluate();
    assert.equal(blue, undefined);
    assert.deepEqual([red!.frames, red!.held, red!.before.ap50, red!.after.ap50], [8, true, null, null]);
    assert.ok(red!.after.presenceAp! > red!.before.presenceAp!, JSON.stringify(red));
    await learner.commit();
    const changed = (begin: string): boolean =>
      [...learner.model.graph.params].some(
        ([name, { data }]) => name.startsWith(begin) && data.some((v, i) => v !== model.graph.params.get(name)!.data[i]),
      );
    assert.ok(changed("head.red."));
    assert.deepEqual(
      [changed("head.blue."), changed("path."), changed("trunk.")],
      what === "heads" ? [false, false, false] : [true, true, false],
    );
    using detector = await Detector.load(await learner.export());
    const said = [40, 41, 48, 49].map((i) => detector.detect(pictureOf(i).frame).presence.red!);
    assert.ok(Math.min(said[0]!, said[2]!) > Math.max(said[1]!, said[3]!), said.join());
  });
