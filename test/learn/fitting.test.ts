import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cut, cutBefore } from "../../src/learn/cut.js";
import { rateOf } from "../../src/learn/fit.js";
import { fitBehind, type Lesson, Pupil } from "../../src/learn/fitting.js";
import { featuresOf, fillInputs, largestInput } from "../../src/learn/passes.js";
import { scenePixels } from "../../src/learn/rehearsal.js";
import { truthOf } from "../../src/learn/sample.js";
import { compileTraining, planTraining } from "../../src/program/training.js";
import { drawScene } from "../../src/scenes/scene.js";
import { largestMap, multiTaskLoss, reserveLoss } from "../../src/train/loss.js";
import { createEngine, type Engine } from "../../src/wasm/load.js";
import { close } from "../support/compare.js";
import { smallModel } from "./support.js";

const SIZE = { width: 224, height: 128 };
/** Sums of f32 in another order, over a whole network. */
const REORDERED = 1e-4;

/** Two drawn scenes with their own labels, as far as a cut. */
function lessonsAt(engine: Engine, cut: Cut): Lesson[] {
  const pictures = [4, 6].map((index) => ({ ...SIZE, pixels: scenePixels(5, index, SIZE) }));
  const features = featuresOf(engine, cut, pictures);
  return [4, 6].map((index, i): Lesson => {
    const { labels, ignore } = drawScene(5, index, SIZE);
    return { ...SIZE, features: features[i]!, truth: truthOf({ labels, ignore, held: [], asked: [] }, cut.tasks) };
  });
}

test("gradients added up a picture at a time are those of both at once", async () => {
  const engine = await createEngine();
  const model = smallModel();
  const cut = cutBefore(model, "path");
  const { tasks } = cut;
  const lessons = lessonsAt(engine, cut);
  assert.ok(lessons.every(({ truth }) => truth.boxes.length > 0));

  const pupil = new Pupil(engine, cut, [SIZE], model.info);
  const { weights } = pupil;
  const none = { quality: 0, known: 0 };
  const [first, second] = lessons.map((lesson) => pupil.take(lesson, none).divisors) as [typeof none, typeof none];
  weights.gradients().fill(0);
  const losses = [pupil.take(lessons[0]!, second), pupil.take(lessons[1]!, first)];
  const apart = weights.gradients().slice();

  const plan = planTraining(cut.learner, { batch: 2, ...SIZE });
  const bytes = engine.memory.reserve(largestInput(cut.learner, [plan]));
  const base = engine.memory.reserve(plan.bytes);
  const program = compileTraining(engine, plan, weights.params, weights.gradientShift, base);
  lessons.forEach((lesson, i) => {
    const places = program.inputs.map((place, k) => ({ offset: place.offset + 4 * i * lesson.features[k]!.length }));
    fillInputs(engine, cut.learner, places, lesson.features, bytes, cut.behind.scales);
  });
  weights.gradients().fill(0);
  program.forward();
  const truths = lessons.map(({ truth }) => truth);
  const whole = multiTaskLoss(engine, program, reserveLoss(engine, largestMap(program)), truths, tasks.length, model.info);
  program.backward();
  assert.ok(Math.abs(whole.total - losses[0]!.total - losses[1]!.total) < 1e-4 * whole.total);
  assert.ok(Math.abs(whole.divisors.quality - first.quality - second.quality) < 1e-6);
  close(apart, weights.gradients(), REORDERED);
});

test("weights go a share of the way to what they learned", async () => {
  const engine = await createEngine();
  const model = smallModel();
  const cut = cutBefore(model, "heads", ["car"]);
  const lessons = lessonsAt(engine, cut);
  const learned = async (share: number) =>
    (await fitBehind(engine, cut, [lessons], { steps: 3, rate: 1e-2, share, seed: 1, maps: model.info })).learner.params;
  const [whole, half] = [await learned(1), await learned(0.5)];
  let moved = 0;
  for (const [name, { data: from }] of cut.learner.params) {
    const to = whole.get(name)!.data;
    const middle = half.get(name)!.data;
    for (let i = 0; i < from.length; i++) {
      moved = Math.max(moved, Math.abs(to[i]! - from[i]!));
      assert.ok(Math.abs(middle[i]! - (from[i]! + to[i]!) / 2) <= 1e-6 * Math.max(1, Math.abs(to[i]!)), name);
    }
  }
  assert.ok(moved > 1e-3, `${moved}`);
});

test("four times as many weights learn at half of the rate, few of them at the highest one", () => {
  const weights = (count: number): Cut["learner"] => ({
    inputs: [],
    outputs: [],
    nodes: [],
    params: new Map([["w", { dims: [count], data: new Float32Array(count) }]]),
  });
  assert.equal(rateOf(weights(1000)), 2e-3);
  const [one, four] = [rateOf(weights(100_000)), rateOf(weights(400_000))];
  assert.ok(one < 2e-3);
  close([four], [one / 2], 1e-9, "rate");
});
