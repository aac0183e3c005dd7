// Heads that look at the whole picture: one logit a task, no boxes.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Random } from "../../src/core/random.js";
import type { Example } from "../../src/data/example.js";
import { detectAll } from "../../src/eval/answers.js";
import { quantizeModel } from "../../src/eval/quantizeModel.js";
import { evaluate } from "../../src/eval/scores.js";
import { Detector, drawScene, type Frame, loadModel, type Sample, saveModel } from "../../src/index.js";
import { buildNetwork } from "../../src/model/build.js";
import { BOX_MAPS, PRESENCE_MAPS } from "../../src/model/head.js";
import { defaultInfo, type Model } from "../../src/model/model.js";
import { withTasks } from "../../src/model/surgery.js";
import { shuffleTrunk } from "../../src/model/trunk.js";
import { compileTraining, planTraining } from "../../src/program/training.js";
import { cosinesOf } from "../../src/train/cosines.js";
import { type TrainingResult, train } from "../../src/train/index.js";
import { multiTaskLoss, reserveLoss } from "../../src/train/loss.js";
import { FRESH_GROUPS } from "../../src/train/optimizer.js";
import { Replica } from "../../src/train/replica.js";
import { Weights } from "../../src/train/weights.js";
import { createEngine } from "../../src/wasm/load.js";
import { close, F32_SUM, same } from "../support/compare.js";
import { runOnnx } from "../support/ort.js";

const TASKS = ["blue", "red"];

/** A scene with a red field on its left, a blue one on its right, both or none. */
const scenes = Array.from({ length: 48 }, (_, i) => {
  const { frame } = drawScene(7, i >> 2, { width: 96, height: 64 });
  const blue = i % 2 === 0;
  const red = (i >> 1) % 2 === 0;
  const data = frame.data.slice();
  const fill = (left: number, colour: readonly number[]): void => {
    for (let y = 12; y < 52; y++) for (let x = left; x < left + 36; x++) data.set(colour, 4 * (96 * y + x));
  };
  if (red) fill(8, [230, 20, 20, 255]);
  if (blue) fill(52, [20, 20, 230, 255]);
  return { frame: { ...frame, data }, blue, red };
});
const samples: Sample[] = scenes.map(({ blue, red }, i) => ({
  image: `${i}`,
  width: 96,
  height: 64,
  split: i % 6 === 5 || i % 6 === 2 ? "val" : "train",
  group: `${i}`,
  set: "drawn",
  labels: {
    blue: i % 5 === 0 ? null : blue ? (i % 3 === 0 ? true : [{ x: 52, y: 12, width: 36, height: 40 }]) : [],
    red: i % 7 === 0 ? null : red ? true : [],
  },
  ignore: { blue: [], red: [] },
}));
const read = (image: string): Frame => scenes[Number(image)]!.frame;
const SMALL = { read, tasks: TASKS, batch: 8, epochs: 40, pixels: 6144, rate: 0.01, seed: 3 };

let trained: TrainingResult;
before(async () => {
  trained = await train(samples, { ...SMALL, network: { path: 16, head: 8, heads: "presence" } });
});

test("the cost is the mean over the pictures of the sum over labelled tasks of logistic losses; ? adds nothing, and its gradient is exactly 0", async () => {
  const engine = await createEngine();
  const graph = buildNetwork(shuffleTrunk("0.5", 1), { tasks: TASKS, path: 16, head: 8, ...PRESENCE_MAPS });
  const weights = new Weights(engine, graph, { optimizer: "adamw", groups: FRESH_GROUPS });
  const plan = planTraining(graph, { batch: 3, width: 64, height: 32 }, weights);
  const base = engine.memory.reserve(plan.bytes);
  const program = compileTraining(engine, plan, weights.params, weights.gradientShift, base);
  const buffers = reserveLoss(engine, 3);
  const { f32 } = engine.memory;
  const logits = [
    [0.3, -1.5, 4],
    [-0.2, 2, 0.1],
  ];
  const truth = [
    [1, 0, 1],
    [0, 1, 1],
  ];
  const weight = [
    [1, 1, 0],
    [0.7, 0, 1],
  ];
  logits.forEach((row, t) => {
    const { offset, height, width } = program.outputs[t]!;
    assert.deepEqual([height, width], [1, 1]);
    for (let i = 0; i < 24; i++) f32[(offset >> 2) + i] = i % 8 === 0 ? row[i >> 3]! : 0;
  });
  const examples = [0, 1, 2].map(
    (i): Example => ({
      pixels: new Int8Array(),
      colour: new Float32Array(),
      boxes: [],
      ignored: [],
      mapWeight: [0, 0],
      presence: truth.map((row) => row[i]!),
      presenceWeight: weight.map((row) => row[i]!),
    }),
  );
  const { tasks, total } = multiTaskLoss(engine, program, buffers, examples, 2, PRESENCE_MAPS);
  const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
  const loss = (z: number, t: number): number => -t * Math.log(sigmoid(z)) - (1 - t) * Math.log(1 - sigmoid(z));
  const expected = logits.map((row, t) => row.reduce((sum, z, i) => sum + weight[t]![i]! * loss(z, truth[t]![i]!), 0) / 3);
  close(Float64Array.from([...tasks, total]), Float64Array.from([...expected, expected[0]! + expected[1]!]), F32_SUM);
  logits.forEach((row, t) => {
    const d = f32.slice(program.dOutputs[t]! >> 2, (program.dOutputs[t]! >> 2) + 24);
    const slopes = d.map((_, i) => (i % 8 === 0 ? (weight[t]![i >> 3]! * (sigmoid(row[i >> 3]!) - truth[t]![i >> 3]!)) / 3 : 0));
    close(Float64Array.from(d), Float64Array.from(slopes), F32_SUM);
    row.forEach((_, i) => {
      if (weight[t]![i] === 0) assert.equal(d[8 * i], 0);
    });
  });
});

test("training on yes, no and ? tells pictures apart that it has not seen, and the figures are those of presence alone", () => {
  const { scores } = trained;
  assert.ok(scores);
  assert.ok(scores.mean.presenceAp! > 0.7, `${scores.mean.presenceAp}, where half of the pictures have it`);
  for (const { ap50, points } of scores.tasks) assert.deepEqual([ap50, points], [null, null]);
});

test("a detector says presence, from one logit a task, and finds no objects", async () => {
  const model = loadModel(saveModel(trained.model));
  assert.deepEqual(model.info.layout, PRESENCE_MAPS.layout);
  assert.deepEqual(model.graph.outputs, TASKS);
  using detector = await Detector.load(model);
  const { presence, objects } = detector.detect(scenes[0]!.frame, { minScore: 0 });
  assert.deepEqual(Object.keys(presence), TASKS);
  assert.deepEqual(objects, []);
});

test("onnxruntime-web gives the logits that the detector calibrates", async () => {
  const info = defaultInfo(TASKS, PRESENCE_MAPS);
  const model: Model = { graph: trained.model.graph, info: { ...info, pixels: 6144 } };
  using detector = await Detector.load(model);
  const { presence } = detector.detect({ width: 96, height: 64, data: new Uint8Array(4 * 96 * 64).fill(200) });
  const outputs = await runOnnx(saveModel(model), new Float32Array(3 * 96 * 64).fill((200 - 128) / 256), 64, 96);
  for (const task of TASKS) {
    const { data } = outputs.get(task)!;
    assert.equal(data.length, 1);
    assert.ok(Math.abs(1 / (1 + Math.exp(-data[0]!)) - presence[task]!) < 1e-4, `${data[0]} and ${presence[task]}`);
  }
});

test("int8 answers as f32 does, and other tasks come and go without a change to the rest", async () => {
  const { model, figures } = await quantizeModel(trained.model, samples, { read, images: 16, seed: 1 });
  assert.ok(figures);
  assert.ok(Math.abs(figures.int8.mean.presenceAp! - figures.f32.mean.presenceAp!) < 0.05, JSON.stringify(figures.int8.mean));
  const val = samples.filter(({ split }) => split === "val");
  const again = await detectAll(read, loadModel(saveModel(model)), val);
  assert.deepEqual(evaluate(TASKS, again.samples, again.found).mean, figures.int8.mean);
  const more = withTasks(trained.model, ["green", "red"]);
  using detector = await Detector.load(more);
  using before = await Detector.load(trained.model);
  assert.equal(detector.detect(scenes[1]!.frame).presence.red, before.detect(scenes[1]!.frame).presence.red);
});

test("heads for boxes and for the whole picture cannot be mixed up", () => {
  for (const maps of [
    { strides: [8, 16], layout: PRESENCE_MAPS.layout },
    { strides: PRESENCE_MAPS.strides, layout: BOX_MAPS.layout },
  ])
    assert.throws(() => buildNetwork(shuffleTrunk("0.5", 1), { tasks: TASKS, ...maps }), { code: "E_MODEL" });
});

test("the tasks' gradients of the trunk add up to that of the whole cost, and a look at them changes nothing", async () => {
  const graph = buildNetwork(shuffleTrunk("0.5", 1), { tasks: TASKS, path: 16, head: 8, ...PRESENCE_MAPS });
  const replica = new Replica(await createEngine(), graph, {
    optimizer: "adamw",
    groups: FRESH_GROUPS,
    batch: 2,
    sizes: [{ width: 64, height: 32 }],
    tasks: 2,
    maps: PRESENCE_MAPS,
  });
  const noise = new Random(4);
  const examples = [0, 1].map(
    (i): Example => ({
      pixels: Int8Array.from({ length: 3 * 64 * 32 }, () => noise.below(256) - 128),
      colour: Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
      boxes: [],
      ignored: [],
      mapWeight: [0, 0],
      presence: [i, 1 - i],
      presenceWeight: [1, 1],
    }),
  );
  const state = replica.state().slice();
  const products = replica.gradientProducts(examples, 64, 32);
  same(replica.state(), state);
  replica.compute(examples, 64, 32);
  const whole = replica.gradientsBelow("trunk.").reduce((sum, v) => sum + v * v, 0);
  const added = products.reduce((sum, v) => sum + v, 0);
  assert.ok(whole > 0 && Math.abs(added / whole - 1) < 1e-3, `${added} and ${whole}`);
  const { cosines, lengths } = cosinesOf(products, 2);
  assert.ok(Math.abs(cosines[0]! - 1) < 1e-9 && Math.abs(cosines[3]! - 1) < 1e-9 && cosines[1] === cosines[2]);
  assert.ok(Math.abs(cosines[1]!) < 1 && lengths.every((length) => length > 0));
});

test("a training whose gradients are watched gives the same weights, and says the cosines of each pair of tasks", async () => {
  const options = { ...SMALL, epochs: 2, network: { path: 16, head: 8, heads: "presence" } } as const;
  const seen: number[] = [];
  const few = samples.slice(1, 13).map((sample) => ({ ...sample, split: "train" }));
  const watched = await train(few, {
    ...options,
    watchGradients: 2,
    onEvent(event) {
      if (event.kind !== "gradients") return;
      seen.push(event.step);
      assert.equal(event.cosines.length, 4);
    },
  });
  assert.deepEqual(seen, [2]);
  const plain = await train(few, options);
  for (const [name, { data }] of plain.model.graph.params) same(watched.model.graph.params.get(name)!.data, data, name);
});
