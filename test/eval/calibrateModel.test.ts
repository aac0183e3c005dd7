import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import type { Sample } from "../../src/data/dataset.js";
import { calibrateModel, fitPresence, fitScores, type RawAnswers } from "../../src/eval/calibrateModel.js";
import { calibratedLogit } from "../../src/model/calibration.js";
import { drawScene } from "../../src/scenes/scene.js";
import { colourModel } from "../detect/models.js";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** A picture of 640 x 384 with cars of one side length, each found with a score; of those whose score is drawn to be right. */
function pictureOf(random: Random, side: number, law: (logit: number) => number) {
  const sample: Sample = {
    image: "x",
    width: 640,
    height: 384,
    split: "val",
    group: "x",
    set: "x",
    labels: { car: [] },
    ignore: {},
  };
  const objects = Array.from({ length: 6 }, (_, i) => {
    const logit = 2 * random.normal();
    const box = { x: 100 * i, y: 10, width: side, height: side };
    if (random.chance(sigmoid(law(logit)))) (sample.labels.car as object[]).push(box);
    return { task: "car", score: sigmoid(logit), box };
  });
  return { sample, found: { objects, presence: {} } };
}

test("scores are fitted to what share is right, by the side of the box in the input, of all inputs together", () => {
  const random = new Random(7);
  // boxes of 64 pixels of the picture: 32 in an input of 320 x 192, 64 in one of 640 x 384
  const answers: RawAnswers[] = [
    [61440, (logit: number) => logit - 2],
    [245760, (logit: number) => 2 * logit + 1],
  ].map(([pixels, law]) => {
    const pictures = Array.from({ length: 2000 }, () => pictureOf(random, 64, law as (logit: number) => number));
    return { pixels: pixels as number, samples: pictures.map(({ sample }) => sample), found: pictures.map(({ found }) => found) };
  });
  const scaling = fitScores("car", answers);
  for (const logit of [-1, 0, 2]) {
    // four standard errors of 12 000 draws
    assert.ok(Math.abs(calibratedLogit(scaling, logit, 32) - (logit - 2)) < 0.25, `${logit} at 32`);
    assert.ok(Math.abs(calibratedLogit(scaling, logit, 64) - (2 * logit + 1)) < 0.25, `${logit} at 64`);
  }
  assert.deepEqual(fitScores("tram", answers), { sizes: [1], scales: [1], offsets: [0] });
});

test("presence is fitted by the side of the input from pictures where it is known, and left as it is where nothing is", () => {
  const random = new Random(8);
  const sample: Sample = { image: "x", width: 640, height: 384, split: "val", group: "x", set: "x", labels: {}, ignore: {} };
  const answers: RawAnswers[] = [
    [61440, 1, 1],
    [245760, 2, -3],
  ].map(([pixels, scale, offset]) => {
    const logits = Array.from({ length: 4000 }, () => 2 * random.normal());
    return {
      pixels: pixels!,
      samples: logits.map((logit) => ({ ...sample, labels: { car: random.chance(sigmoid(scale! * logit + offset!)) ? true : [] } })),
      found: logits.map((logit) => ({ objects: [], presence: { car: sigmoid(logit), tram: 0.5 } })),
    };
  });
  const scaling = fitPresence("car", answers);
  for (const logit of [-1, 0, 1]) {
    assert.ok(Math.abs(calibratedLogit(scaling, logit, Math.sqrt(61440)) - (logit + 1)) < 0.25);
    assert.ok(Math.abs(calibratedLogit(scaling, logit, Math.sqrt(245760)) - (2 * logit - 3)) < 0.35);
  }
  assert.deepEqual(fitPresence("tram", answers), { sizes: [1], scales: [1], offsets: [0] });
});

test("a model that is calibrated keeps its network and its settings, and is refused without pictures", async () => {
  const model = colourModel();
  const scenes = [0, 1].map((index) => drawScene(3, index, { width: 96, height: 64 }));
  const samples: Sample[] = scenes.map((_, i) => ({
    image: `${i}`,
    width: 96,
    height: 64,
    split: "val",
    group: `${i}`,
    set: "drawn",
    labels: { red: [] },
    ignore: {},
  }));
  const read = (image: string) => scenes[Number(image)]!.frame;
  const calibrated = await calibrateModel(model, samples, { read });
  assert.equal(calibrated.model.graph, model.graph);
  assert.equal(calibrated.model.info.pixels, model.info.pixels);
  assert.deepEqual(calibrated.model.info.scores.blue, { sizes: [1], scales: [1], offsets: [0] });
  assert.equal(calibrated.model.info.thresholds.balanced.blue, 0.35);
  await assert.rejects(calibrateModel(model, [], { read }), { code: "E_DATA", message: /^calibrate: expected labelled pictures/ });
});
