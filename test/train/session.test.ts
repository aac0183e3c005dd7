// Training as an app sees it: drawn scenes in memory, no files, no workers.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Detector, drawScene, FourwayError, type Frame, loadModel, type Sample, TASKS } from "../../src/index.js";
import { type Store, type TrainingEvent, type TrainingOptions, type TrainingResult, train } from "../../src/train/index.js";
import { same } from "../support/compare.js";

const scenes = Array.from({ length: 20 }, (_, i) => drawScene(5, i, { width: 224, height: 144 }));
const samples: Sample[] = scenes.map(({ frame: { width, height }, labels, ignore }, i) => ({
  image: `${i}`,
  width,
  height,
  split: i < 16 ? "train" : "val",
  group: `${i}`,
  set: "drawn",
  labels,
  ignore,
}));
const read = (image: string): Frame => scenes[Number(image)]!.frame;
const SMALL = { read, batch: 4, epochs: 3, pixels: 15360, rate: 0.004, seed: 2, network: { path: 16, head: 8 } } satisfies TrainingOptions;

/** A store in memory. */
class MemoryStore implements Store {
  readonly name = "memory";
  readonly kept = new Map<string, Uint8Array>();
  read = async (what: "checkpoint"): Promise<Uint8Array | null> => this.kept.get(what) ?? null;
  write = async (what: string, bytes: Uint8Array): Promise<void> => void this.kept.set(what, bytes);
}

const store = new MemoryStore();
const events: TrainingEvent[] = [];
let whole: TrainingResult;
before(async () => {
  whole = await train(samples, { ...SMALL, store, onEvent: (event) => void events.push(event) });
});

/** Weights of both results are the same bits. */
function assertSameWeights(a: TrainingResult, b: TrainingResult): void {
  for (const [name, { data }] of a.model.graph.params) same(b.model.graph.params.get(name)!.data, data, name);
}

test("training on four drawn scenes lowers the loss", async () => {
  const few = samples.slice(0, 4);
  const totals: number[] = [];
  await train(few, {
    ...SMALL,
    epochs: 48,
    pixels: 8192,
    rate: 0.01,
    onEvent(event) {
      if (event.kind === "epoch") totals.push(event.losses.reduce((sum, loss) => sum + loss, 0));
    },
  });
  const mean = (losses: number[]): number => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const [first, last] = [mean(totals.slice(0, 8)), mean(totals.slice(-8))];
  assert.ok(last < 0.9 * first, `${first} to ${last}`);
});

test("a training in the calling thread gives a model that detects, with its figures", async () => {
  const epochs = events.filter((event) => event.kind === "epoch");
  assert.equal(epochs.length, 3);
  assert.deepEqual([whole.step, whole.done], [12, true]);
  assert.deepEqual(
    whole.scores!.tasks.map(({ task }) => task),
    TASKS,
  );
  assert.equal(epochs[2]!.scores, whole.scores);
  assert.equal(epochs[0]!.scores, null, "every fourth epoch is measured by default, and the last");
  using detector = await Detector.load(whole.model);
  assert.deepEqual(Object.keys(detector.detect(scenes[16]!.frame).presence), TASKS);
});

test("events come in order, and the store holds the model that is returned", () => {
  const [first, ...others] = events;
  assert.deepEqual({ ...first, bytes: 0 }, { kind: "start", images: 16, valImages: 4, steps: 12, from: 0, threads: 1, bytes: 0 });
  assert.deepEqual(
    others.map(({ kind }) => kind),
    Array.from({ length: 3 }, () => ["step", "step", "step", "step", "model", "epoch"]).flat(),
  );
  const { graph, info } = loadModel(store.kept.get("model")!);
  assert.equal(info.pixels, 15360);
  for (const [name, { data }] of whole.model.graph.params) same(graph.params.get(name)!.data, data, name);
});

test("aborted in the middle of an epoch and resumed, a training comes to the same weights bit for bit", async () => {
  const other = new MemoryStore();
  const controller = new AbortController();
  const stopped = await train(samples, {
    ...SMALL,
    store: other,
    signal: controller.signal,
    onEvent: (event) => event.kind === "step" && event.step === 6 && controller.abort(),
  });
  assert.deepEqual([stopped.step, stopped.done, stopped.scores], [6, false, null]);
  const again: TrainingEvent[] = [];
  const resumed = await train(samples, { ...SMALL, store: other, resume: true, onEvent: (event) => void again.push(event) });
  assert.deepEqual([resumed.step, resumed.done], [12, true]);
  const lossesOf = (list: TrainingEvent[]) => list.flatMap((event) => (event.kind === "step" && event.step > 6 ? [event.losses] : []));
  assert.deepEqual(lossesOf(again), lossesOf(events), "the losses of the epoch count the steps before the stop too");
  assertSameWeights(whole, resumed);
  assert.deepEqual(resumed.scores, whole.scores);
});

test("a training that is resumed at its end trains no more and measures its model again", async () => {
  const again = await train(samples, { ...SMALL, store, resume: true, onEvent: ({ kind }) => assert.equal(kind, "start") });
  assertSameWeights(whole, again);
  assert.deepEqual(again.scores, whole.scores);
});

test("an image that cannot be decoded is reported once and left out; with strict it stops the training", async () => {
  const broken = (image: string): Frame => {
    if (image === "3" || image === "17") throw new FourwayError("E_IMAGE", "image: expected a picture, got a fault; replace it");
    return read(image);
  };
  const reasons: string[] = [];
  const few = [...samples.slice(0, 4), ...samples.slice(16, 18)];
  const options = { ...SMALL, epochs: 2, read: broken };
  await train(few, { ...options, onEvent: (event) => event.kind === "skipped" && reasons.push(`${event.split} ${event.reason}`) });
  assert.deepEqual(reasons, [
    "train 3: image: expected a picture, got a fault; replace it",
    "val 17: image: expected a picture, got a fault; replace it",
  ]);
  await assert.rejects(train(few, { ...options, strict: true }), { code: "E_IMAGE" });
});

test("a val split of which no image can be used is found before the first step", async () => {
  const few = [...samples.slice(0, 4), ...samples.slice(16, 18)];
  const broken = (image: string): Frame => {
    if (Number(image) >= 16) throw new FourwayError("E_IMAGE", "image: expected a picture, got a fault; replace it");
    return read(image);
  };
  const seen: string[] = [];
  await assert.rejects(train(few, { ...SMALL, read: broken, onEvent: ({ kind }) => seen.push(kind) }), {
    code: "E_DATA",
    message:
      "train: expected pictures of the val split that can be used, got none of 2; fix them, or leave them out: " +
      "16: image: expected a picture, got a fault; replace it",
  });
  assert.deepEqual(seen, []);
});

test("an image of another shape than its label is left out, as a worker leaves it out", async () => {
  const few = [...samples.slice(0, 3), { ...samples[3]!, width: 144, height: 224 }, samples[16]!];
  const reasons: string[] = [];
  await train(few, { ...SMALL, epochs: 1, onEvent: (event) => event.kind === "skipped" && reasons.push(event.reason) });
  assert.equal(reasons.length, 1);
  assert.match(reasons[0]!, /^3: expected a picture shaped like its label's 144 x 224/);
});

test("what the caller's reader throws beside a bad image ends the training as it is", async () => {
  const fault = new Error("the database is closed");
  await assert.rejects(
    train(samples, {
      ...SMALL,
      read: () => {
        throw fault;
      },
    }),
    (error) => error === fault,
  );
});

test("a training that cannot be resumed, or has nothing to learn from, says why", async () => {
  for (const [about, message] of [
    [{ resume: true }, /^resume: expected a checkpoint at a store, got none; start without resume, or give the store$/],
    [{ resume: true, store: new MemoryStore() }, /^resume: expected a checkpoint at memory, got none; start without resume$/],
    [{ resume: true, store, seed: 9 }, /^resume: expected seed 2 as at the start, got 9; give the same options$/],
    [{ tasks: ["tram"] }, /^train: expected labelled pictures in the train split, got none; add data with some$/],
  ] as const)
    await assert.rejects(train(samples, { ...SMALL, ...about }), { message });
});

test("settings that are out of range are refused by name", async () => {
  for (const [about, message] of [
    [{ epochs: 0 }, /^train: expected epochs to be a whole number from 1, got 0; give another value$/],
    [{ batch: 2.5 }, /^train: expected batch to be a whole number from 1, got 2\.5; /],
    [{ rate: Number.NaN }, /^train: expected a rate in 0\.\.10, got NaN; /],
    [{ pixels: 100 }, /^train: expected pixels in 4096\.\.1048576, got 100; /],
    [{ tasks: ["car", "car"] }, /^train: expected tasks, each once, got \["car","car"\]; /],
  ] as const)
    await assert.rejects(train(samples, { ...SMALL, ...about }), { code: "E_ARGUMENT", message });
});
