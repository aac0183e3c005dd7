// Heads that give points of each object (landmarks), with or without its box.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { makeExample } from "../../src/data/augment.js";
import { parseNative } from "../../src/data/formats/native.js";
import { detectAll } from "../../src/eval/answers.js";
import { scorePoints } from "../../src/eval/points.js";
import { quantizeModel } from "../../src/eval/quantizeModel.js";
import { Detector, evaluate, type Frame, formatNative, formatScores, loadModel, type Sample, saveModel } from "../../src/index.js";
import { boxHead } from "../../src/model/head.js";
import { annotate } from "../../src/report/annotate.js";
import { train } from "../../src/train/index.js";
import { createEngine } from "../../src/wasm/load.js";
import { SQUARES, squareScene } from "../support/squares.js";

const [WIDTH, HEIGHT] = [SQUARES.width, SQUARES.height];
const scenes = Array.from({ length: 40 }, (_, i) => squareScene(i));
/** Every third has its points without a box. */
const samples: Sample[] = scenes.map(({ box, points }, i) => ({
  image: `${i}`,
  width: WIDTH,
  height: HEIGHT,
  split: i % 4 === 3 ? "val" : "train",
  group: `${i}`,
  set: "squares",
  labels: { square: i % 3 === 0 ? true : [box] },
  points: { square: [points] },
  ignore: {},
}));
const read = (image: string): Frame => scenes[Number(image)]!.frame;
const MIRROR = [1, 0];

test("points are read and written in the native format; what does not fit its boxes is told and left out", () => {
  const text = formatNative(samples.slice(0, 2));
  const { samples: again, faults } = parseNative(text, "f", "", "squares", ["square"]);
  assert.deepEqual(faults, []);
  assert.deepEqual(
    again.map(({ points }) => points),
    samples.slice(0, 2).map(({ points }) => points),
  );
  for (const wrong of ["[[1,2,3]]", "[[1,2],[3,4]]", "7"]) {
    const line = text.split("\n")[1]!.replace(/"points":\{"square":.*?\]\]\}/, `"points":{"square":${wrong}}`);
    const parsed = parseNative(line, "f", "", "squares", ["square"]);
    assert.equal(parsed.samples[0]!.points, undefined, wrong);
    assert.match(parsed.faults[0]!.message, /^points square: expected /);
  }
});

test("a mirrored picture has its points mirrored and by their new names; without a box its map stays masked", async () => {
  const engine = await createEngine();
  let flips = 0;
  for (let seed = 0; seed < 12; seed++)
    for (const i of [0, 1]) {
      const pixels = new Int8Array(3 * WIDTH * HEIGHT);
      const picture = { frame: scenes[i]!.frame, sample: samples[i]! };
      const example = makeExample(engine, [picture], ["square"], WIDTH, HEIGHT, new Random(seed), pixels, { mirror: MIRROR });
      assert.equal(example.points!.length, example.boxes.length / 5);
      if (example.points!.length === 0) continue;
      const marked = example.points![0];
      if (!marked) {
        const [, left, top, right, bottom] = example.boxes;
        assert.ok(left === 0 || top === 0 || right === WIDTH || bottom === HEIGHT, "points are left out of boxes that are cut alone");
        continue;
      }
      const [x0, , x1] = marked;
      const colourAt = (x: number, y: number): number => pixels[3 * (Math.round(y) * WIDTH + Math.round(x))]!;
      const [, y0] = marked;
      const inside = (x: number): boolean => x >= 1 && x < WIDTH - 1 && y0! >= 1 && y0! < HEIGHT - 1;
      assert.ok(x0! < x1!, "the first point is the left one, in the mirror too");
      if (inside(x0!) && inside(x1!)) {
        const mirrored = colourAt(x0!, y0!) < colourAt(x1!, y0!); // red is on the left where it is not
        flips += mirrored ? 1 : 0;
      }
      assert.equal(example.mapWeight[0], i === 0 ? 0 : 1);
    }
  assert.ok(flips > 0);
});

test("trained on boxes and points, and points alone, a detector finds both; saved, quantized and drawn", async () => {
  const { model } = await train(samples, {
    read,
    tasks: ["square"],
    network: { path: 16, head: 16, points: MIRROR },
    batch: 6,
    epochs: 40,
    pixels: 9216,
    rate: 0.01,
    valEvery: 0,
    seed: 2,
  });
  const again = loadModel(saveModel(model));
  assert.deepEqual(again.info.layout, boxHead(0, MIRROR));
  const val = samples.filter(({ split }) => split === "val");
  const answers = await detectAll(read, again, val);
  const scores = evaluate(["square"], answers.samples, answers.found);
  const { points } = scores.tasks[0]!;
  assert.ok(points && points.objects === val.length && points.found >= 0.7 * val.length, JSON.stringify(points));
  // the square's middle for both points would be an error of half the distance between them
  assert.ok(points.error! < 0.3, JSON.stringify(points));
  assert.match(formatScores(scores), /^points of square: error 0\.\d{3} of the object's size, in \d+ of 10$/m);

  const int8 = await quantizeModel(again, samples, { read, images: 12, seed: 1 });
  const quick = await detectAll(read, int8.model, val);
  const other = scorePoints("square", quick.samples, quick.found)!;
  assert.ok(Math.abs(other.error! - points.error!) < 0.2, JSON.stringify(other));

  using detector = await Detector.load(again);
  const frame = scenes[3]!.frame;
  const { objects } = detector.detect(frame, { minScore: 0.01 });
  assert.equal(objects[0]!.points!.length, 2);
  const plain = objects.slice(0, 1).map(({ points: _, ...object }) => object);
  assert.notDeepEqual((await annotate(frame, objects.slice(0, 1))).data, (await annotate(frame, plain)).data);
});

test("points are scored relative to their own extent; an object without a box over its middle is not found", () => {
  const sample = { ...samples[0]!, points: { square: [[0, 0, 10, 10], [50, 50, 60, 60], null] } };
  const object = (x: number, score: number, shift: number) => ({
    task: "square",
    score,
    box: { x: x - 2, y: x - 2, width: 14, height: 14 },
    points: [
      { x: x + shift, y: x },
      { x: x + 10 + shift, y: x + 10 },
    ],
  });
  const found = { presence: {}, objects: [object(0, 0.4, 9), object(0, 0.9, 1), object(80, 0.9, 0)] };
  assert.deepEqual(scorePoints("square", [sample], [found]), { objects: 2, found: 1, error: 0.1 });
  assert.equal(scorePoints("other", [sample], [found]), null);
});

test("labels with another number of points than the heads are refused with their place", async () => {
  const few = samples.slice(1, 3).map((sample) => ({ ...sample, split: "train", points: { square: [[1, 2]] } }));
  await assert.rejects(
    train(few, { read, tasks: ["square"], network: { path: 16, head: 8, points: MIRROR }, batch: 2, epochs: 1, pixels: 4096 }),
    {
      code: "E_DATA",
      message: /^1: expected 2 points of square, as the heads have, got 1; /,
    },
  );
});
