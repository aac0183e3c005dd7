// Heads that help while a network learns, and are thrown away afterwards.
import assert from "node:assert/strict";
import { test } from "node:test";
import { drawScene, type Frame, type Sample } from "../../src/index.js";
import { AuxiliaryHeads, labelsOf, withAnswers } from "../../src/train/auxiliary.js";
import { type Store, type TrainingEvent, train } from "../../src/train/index.js";
import { same } from "../support/compare.js";

const box = (width: number, height: number) => ({ x: 0, y: 0, width, height });
const sample = (labels: Sample["labels"], i = 0): Sample => ({
  image: `${i}`,
  width: 100,
  height: 100,
  split: "train",
  group: `${i}`,
  set: "s",
  labels,
  ignore: {},
});

test("many and large are answered by boxes, and ? where there is no list of them; what the labels say themselves is left alone", () => {
  const samples = [
    sample({ car: [box(5, 5), box(5, 5), box(25, 20)] }),
    sample({ car: [box(22, 22)] }),
    sample({ car: [] }),
    sample({ car: true }),
    sample({ car: null }),
    sample({}),
  ];
  const answers = withAnswers(samples, ["many-car", "large-car", "night"]).map(({ labels }) => [labels["many-car"], labels["large-car"]]);
  assert.deepEqual(answers, [
    [true, true],
    [[], []],
    [[], []],
    [null, null],
    [null, null],
    [null, null],
  ]);
  const told = [sample({ car: [box(90, 90)], "large-car": [] }), sample({ car: [box(90, 90)] })];
  assert.deepEqual(withAnswers(told, ["large-car"]), told);
  assert.deepEqual(labelsOf({ weights: { "many-car": 1, night: 1, "few-car": 1 } }), ["many-car", "car", "night", "few-car"]);
});

test("a head is stopped at the end of the window in which its loss falls by less than 2 %, and its labels count nothing from then on", () => {
  const auxiliary = { weights: { a: 0.5, b: 2 } };
  const heads = new AuxiliaryHeads(auxiliary, ["main"], 400); // windows of 20 steps
  const stopped: Record<string, number> = {};
  for (let step = 1; step <= 80; step++)
    for (const name of heads.observe(step, [1, 0.99 ** step, step <= 40 ? 1 / step : 0.02])) stopped[name] = step;
  assert.deepEqual(stopped, { b: 80 });
  assert.deepEqual(heads.factors, [1, 0.5, 0]);
  const again = new AuxiliaryHeads(auxiliary, ["main"], 400, JSON.parse(JSON.stringify(heads.progress)));
  assert.deepEqual(again.factors, heads.factors);
  const endless = new AuxiliaryHeads({ ...auxiliary, stop: false }, ["main"], 400);
  for (let step = 1; step <= 80; step++) assert.deepEqual(endless.observe(step, [1, 1, 1]), []);
  assert.deepEqual(endless.factors, [1, 0.5, 2]);
});

const scenes = Array.from({ length: 16 }, (_, i) => drawScene(9, i, { width: 96, height: 64 }));
const drawn = scenes.map(({ frame: { width, height }, labels, ignore }, i): Sample => ({ ...sample(labels, i), width, height, ignore }));
const read = (image: string): Frame => scenes[Number(image)]!.frame;
const SMALL = {
  read,
  tasks: ["car"],
  auxiliary: { weights: { "large-car": 0.5, pedestrian: 1 } },
  batch: 4,
  steps: 50,
  pixels: 4096,
  seed: 2,
  network: { path: 16, head: 8 },
} as const;

test("a network learns with auxiliary heads and is written without them; aborted and resumed it comes to the same weights bit for bit", async () => {
  const kept = new Map<string, Uint8Array>();
  const store: Store = {
    name: "memory",
    read: async (what) => kept.get(what) ?? null,
    write: async (what, bytes) => void kept.set(what, bytes),
  };
  const events: TrainingEvent[] = [];
  const whole = await train(drawn, { ...SMALL, onEvent: (event) => void events.push(event) });
  assert.deepEqual(whole.model.info.tasks, ["car"]);
  assert.deepEqual(whole.model.graph.outputs, ["car.8", "car.16", "car.32"]);
  assert.ok([...whole.model.graph.params.keys()].every((name) => !name.startsWith("head.") || name.startsWith("head.car.")));
  const losses = events.flatMap((event) => (event.kind === "step" ? [event.stepLosses] : []));
  assert.ok(losses.every((each) => each.length === 3) && losses[0]![1]! > 0 && losses[0]![2]! > 0);
  for (const event of events)
    if (event.kind === "stopped") assert.equal(losses[event.step]![["car", "large-car", "pedestrian"].indexOf(event.task)], 0);

  const alone = await train(drawn, { ...SMALL, auxiliary: undefined });
  const weights = (of: typeof whole): Float32Array => of.model.graph.params.get("head.car.out.weight")!.data as Float32Array;
  assert.notDeepEqual(weights(whole), weights(alone), "the heads make a difference");

  const abort = new AbortController();
  const onEvent = (event: TrainingEvent): void => void (event.kind === "step" && event.step === 30 && abort.abort());
  assert.equal((await train(drawn, { ...SMALL, store, signal: abort.signal, onEvent })).done, false);
  const resumed = await train(drawn, { ...SMALL, store, resume: true });
  for (const [name, { data }] of whole.model.graph.params) same(resumed.model.graph.params.get(name)!.data, data, name);
});

test("auxiliary heads that cannot be are refused by name", async () => {
  const refused = (weights: Record<string, number>, message: RegExp) =>
    assert.rejects(train(drawn, { ...SMALL, auxiliary: { weights } }), { message });
  await refused({ car: 1 }, /^auxiliary: expected tasks beside the network's own car, got car; give another$/);
  await refused({ "many-car": 0 }, /^auxiliary: expected a weight above 0, at most 10, for many-car, got 0; give another$/);
  await refused({ "many-bus": 1 }, /^tasks: expected tasks that are labelled in the train split, got "many-bus"; /);
});
