// A learner of a model whose heads give points beside boxes.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { quantizeModel } from "../../src/eval/quantizeModel.js";
import { Detector, type Sample } from "../../src/index.js";
import { Learner } from "../../src/learn/index.js";
import type { Model } from "../../src/model/model.js";
import { train } from "../../src/train/index.js";
import { SQUARES, squareScene } from "../support/squares.js";

const scenes = Array.from({ length: 50 }, (_, i) => squareScene(i));
const samples = scenes.slice(0, 30).map(
  ({ box, points }, i): Sample => ({
    image: `${i}`,
    ...SQUARES,
    split: "train",
    group: `${i}`,
    set: "squares",
    labels: { square: [box] },
    points: { square: [points] },
    ignore: {},
  }),
);

let model: Model;
before(async () => {
  const read = (image: string) => scenes[Number(image)]!.frame;
  const { model: f32 } = await train(samples, {
    read,
    tasks: ["square"],
    network: { path: 16, head: 16, points: [1, 0] },
    batch: 6,
    epochs: 40,
    pixels: SQUARES.width * SQUARES.height,
    rate: 0.01,
    valEvery: 0,
    seed: 2,
  });
  ({ model } = await quantizeModel(f32, samples, { read, images: 12, seed: 1 }));
});

/** On this camera the points are the square's upper corners. */
const corners = (i: number): number[] => {
  const { x, y, width } = scenes[i]!.box;
  return [x, y, x + width, y];
};

/** How far a model's points are from the corners in scenes that nobody learned from, in sides of the square, on average. */
async function errorOf(of: Model): Promise<number> {
  using detector = await Detector.load(of);
  const errors = [40, 41, 42, 43, 44, 45, 46, 47, 48, 49].map((i) => {
    const { objects } = detector.detect(scenes[i]!.frame, { minScore: 0.01 });
    const wanted = corners(i);
    const distances = objects[0]!.points!.map(({ x, y }, k) => Math.hypot(x - wanted[2 * k]!, y - wanted[2 * k + 1]!));
    return (distances[0]! + distances[1]!) / 2 / scenes[i]!.box.width;
  });
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
}

for (const boxed of [true, false])
  test(`points are learned, ${boxed ? "with their boxes, and the guard and evaluate measure them" : "without their boxes"}`, async () => {
    const learner = await Learner.open(model, { memoryBytes: 6e6, seed: 3 });
    for (let i = 30; i < 40; i++)
      await learner.add(scenes[i]!.frame, { square: boxed ? [scenes[i]!.box] : true }, { points: { square: [corners(i)] }, sure: true });
    const before = await errorOf(model);
    const plan = learner.explain("path");
    // biome-ignore lint/complexity/useLiteralKeys: what a user does not see
    const memory = learner["engine"]!.memory.wasm as WebAssembly.Memory;
    const { guard, refused } = await learner.fit({ what: "path", steps: 120 });
    assert.deepEqual([refused, guard.square!.frames], [[], boxed ? 2 : 0]);
    assert.ok(memory.buffer.byteLength <= plan.wasm, `${memory.buffer.byteLength} of ${plan.wasm}`);
    if (boxed) {
      const { square } = await learner.evaluate();
      assert.ok(square!.after.pointError! < 0.6 * square!.before.pointError!, JSON.stringify(square));
    }
    await learner.commit();
    const after = await errorOf(learner.model);
    assert.ok(before > 0.3 && after < 0.75 * before, `${before}, then ${after}`);
    const [suggested] = learner.suggest(scenes[45]!.frame);
    using detector = await Detector.load(await learner.export());
    const [object] = detector.detect(scenes[45]!.frame).objects;
    assert.equal(suggested!.points!.length, 2);
    suggested!.points!.forEach(({ x, y }, k) => {
      assert.ok(Math.hypot(x - object!.points![k]!.x, y - object!.points![k]!.y) < 1, "in frame pixels");
    });
  });
