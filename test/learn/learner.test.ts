import assert from "node:assert/strict";
import { test } from "node:test";
import { Detector } from "../../src/detect/detector.js";
import { INPUT_SCALE } from "../../src/graph/graph.js";
import { Learner, memoryStore } from "../../src/learn/index.js";
import { runOver } from "../../src/learn/passes.js";
import { scenePixels } from "../../src/learn/rehearsal.js";
import { openSlotStore } from "../../src/learn/slotStore.js";
import { loadModel, type Model, saveModel } from "../../src/model/model.js";
import { stored } from "../../src/ops/layout.js";
import { createEngine } from "../../src/wasm/load.js";
import { runOnnx } from "../support/ort.js";
import { type Disk, FakeFiles } from "./fakeFiles.js";
import { type CameraFrame, cameraFrame, smallFile } from "./support.js";

/** Little to rehearse, so that tests are short. */
const SHORT = { memoryBytes: 4.2e6, seed: 7 };
const STEPS = 60;

async function taught(
  options: Parameters<typeof Learner.open>[1] = {},
  change = (camera: CameraFrame): CameraFrame => camera,
  scene = 2,
): Promise<Learner> {
  const learner = await Learner.open(smallFile(), { ...SHORT, ...options });
  for (let i = 0; i < 8; i++) {
    const { frame, labels, ignore } = change(cameraFrame(2 * i, { scene }));
    await learner.add(
      frame,
      { car: labels.car!, pedestrian: labels.pedestrian! },
      { ignore: { car: ignore.car!, pedestrian: ignore.pedestrian! }, sure: true },
    );
  }
  return learner;
}

/** How many of an int8 file's outputs onnxruntime-web gives with other bits, and how many there are. */
async function differingOutputs(file: Uint8Array): Promise<{ differing: number; all: number }> {
  const engine = await createEngine();
  const model = loadModel(file);
  const size = { width: 224, height: 128 };
  const pixels = scenePixels(3, 1, size);
  const theirs = await runOnnx(
    file,
    Float32Array.from(pixels, (v) => v * INPUT_SCALE),
    size.height,
    size.width,
  );
  const seen = [{ ...size, features: [pixels] }];
  const counts = runOver(engine, model.graph, seen, ({ outputs }) =>
    outputs.map(({ offset }, i) => {
      const { data, channels } = theirs.get(model.graph.outputs[i]!)!;
      const ours = (j: number): number => engine.memory.f32[(offset >> 2) + Math.floor(j / channels) * stored(channels) + (j % channels)]!;
      return { differing: data.filter((v, j) => ours(j) !== v).length, all: data.length };
    }),
  )[0]!;
  const total = (key: "differing" | "all"): number => counts.reduce((sum, each) => sum + each[key], 0);
  return { differing: total("differing"), all: total("all") };
}

const weightsOf = ({ graph }: Model, begin: string) => [...graph.params].filter(([name]) => name.startsWith(begin));

test("heads learn a camera's street: better on frames held back, other heads and all before them the same bits; a detector takes the version", async () => {
  const learner = await taught();
  assert.deepEqual(
    learner.frames.map(({ held }) => held.length),
    [0, 0, 0, 2, 0, 0, 0, 2],
  );
  const steps: number[] = [];
  const report = await learner.fit({ what: "heads", steps: STEPS, onProgress: ({ step }) => void steps.push(step) });
  assert.equal(steps.length, STEPS);
  assert.deepEqual([report.what, report.refused], ["heads", []]);
  assert.deepEqual(Object.keys(report.guard).sort(), ["car", "pedestrian"]);
  const evaluation = await learner.evaluate();
  const results = Object.values(evaluation);
  for (const { frames, held, before, after } of results) {
    assert.deepEqual([frames, held], [2, true]);
    assert.ok(after.ap50! >= before.ap50! && after.f1! >= before.f1!, JSON.stringify(evaluation));
  }
  assert.ok(
    results.some(({ before, after }) => after.ap50! > before.ap50!) && results.some(({ before, after }) => after.f1! > before.f1!),
    JSON.stringify(evaluation),
  );
  const old = learner.model;
  const version = await learner.commit();
  assert.deepEqual([version.id, version.parent, version.what, version.steps, version.frames.length], [1, 0, "heads", STEPS, 8]);
  for (const begin of ["trunk.", "path.", "head.stopSign.", "head.trafficLight."])
    assert.deepEqual(weightsOf(learner.model, begin), weightsOf(old, begin), begin);
  assert.notDeepEqual(weightsOf(learner.model, "head.car."), weightsOf(old, "head.car."));
  assert.deepEqual(learner.model.info.thresholds.balanced.stopSign, old.info.thresholds.balanced.stopSign);

  const file = await learner.export();
  const { differing, all } = await differingOutputs(file);
  assert.deepEqual([differing, all > 10_000], [0, true], "onnxruntime-web computes the same bits");
  using detector = await Detector.load(smallFile());
  using exported = await Detector.load(file);
  const { frame } = cameraFrame(5);
  const before = detector.detect(frame);
  await detector.use(learner.model);
  const after = detector.detect(frame);
  assert.notDeepEqual(after.objects, before.objects);
  assert.deepEqual(after.objects, exported.detect(frame).objects);
  assert.deepEqual(after.presence, exported.detect(frame).presence);
});

test("the same seed and frames give the same file, another seed another one", async () => {
  const files: Uint8Array[] = [];
  for (const seed of [3, 3, 4]) {
    const learner = await taught({ seed });
    await learner.fit({ what: "heads", steps: 12 });
    await learner.commit();
    const { graph } = learner.model;
    files.push(saveModel({ graph, info: { ...learner.model.info, notes: {} } })); // notes name the seed
  }
  assert.deepEqual(files[0], files[1]);
  assert.notDeepEqual(files[0], files[2]);
});

test("labels that are wrong are refused: the task keeps its head and thresholds, the other what it learned", async () => {
  // a car that the model is sure of is said to be elsewhere in what is learned, and right in what is held back
  let i = 0;
  const elsewhere = (camera: CameraFrame): CameraFrame =>
    i++ % 4 === 3 ? camera : { ...camera, labels: { ...camera.labels, car: [{ x: 4, y: 4, width: 60, height: 40 }] } };
  const learner = await taught({}, elsewhere, 9);
  const old = learner.model;
  const { refused, what } = await learner.fit({ what: "path", steps: STEPS });
  assert.deepEqual(refused, ["car"]);
  assert.equal(what, "heads", "the path goes back, and the other head learns on it");
  await learner.commit();
  for (const begin of ["trunk.", "path.", "head.car."]) assert.deepEqual(weightsOf(learner.model, begin), weightsOf(old, begin), begin);
  assert.notDeepEqual(weightsOf(learner.model, "head.pedestrian."), weightsOf(old, "head.pedestrian."));
  assert.equal(learner.model.info.thresholds.balanced.car, old.info.thresholds.balanced.car);
});

test("versions, frames and what is in use last in the store; rollback gives the old bits back", async () => {
  const store = memoryStore();
  const learner = await taught({ store });
  await learner.fit({ what: "thresholds" });
  await learner.commit();
  const second = await learner.export();
  await learner.rollback(0);
  assert.deepEqual(Buffer.from(await learner.export()), Buffer.from(smallFile()));
  await learner.rollback(1);
  const again = await Learner.open(smallFile(), { ...SHORT, store });
  assert.equal(again.version.id, 1);
  assert.deepEqual(await again.export(), second);
  assert.equal(again.frames.length, 8);
  assert.deepEqual(
    (await again.versions()).map(({ id, parent }) => [id, parent]),
    [
      [0, null],
      [1, 0],
    ],
  );
  assert.deepEqual(loadModel(second).graph.params, loadModel(smallFile()).graph.params, "thresholds alone move no weight");
  await assert.rejects(again.rollback(5), { code: "E_ARGUMENT", message: /expected one of 0, 1, got 5/ });
  const other = saveModel({ ...again.model, info: { ...again.model.info, notes: {} } });
  await assert.rejects(Learner.open(other, { store }), { code: "E_ARGUMENT", message: /expected the model that the store began with/ });
});

test("a store with a damaged frame opens: the frame is told of and left out, all else is there, and no other frame takes its place", async () => {
  const disk: Disk = new Map();
  const learner = await taught({ store: await openSlotStore(new FakeFiles(disk)) });
  await learner.fit({ what: "thresholds" });
  const { id } = await learner.commit();
  const ids = learner.frames.map((frame) => frame.id);
  const files = [...disk.keys()].filter((name) => Buffer.from(disk.get(name)!).includes(ids.at(-1)!));
  const [name] = files.filter((each) => disk.get(each)!.length > 3 * 224 * 128); // the others are records of versions
  const bytes = disk.get(name!)!;
  disk.set(name!, bytes.slice(0, 1000));
  const notices: string[] = [];
  const open = async () =>
    Learner.open(smallFile(), { ...SHORT, store: await openSlotStore(new FakeFiles(disk)), onNotice: (notice) => notices.push(notice) });
  const again = await open();
  assert.equal(notices.length, 1);
  assert.match(
    notices[0]!,
    /^a frame is left out: fake: expected "frames\/000008" as the file .*, got 1000 bytes; put the file back from a copy/,
  );
  assert.equal(again.version.id, id);
  assert.deepEqual(
    again.frames.map((frame) => frame.id),
    ids.slice(0, -1),
  );
  await again.fit({ what: "thresholds" });
  const { frame, labels } = cameraFrame(30);
  const added = await again.add(frame, { car: labels.car! }, { sure: true });
  disk.set(name!, bytes);
  const mended = await open();
  assert.equal(notices.length, 1);
  assert.deepEqual(
    mended.frames.map((each) => each.id),
    [...ids, added.id],
  );
});

test("what is not committed goes with discard, and nothing is committed without a fit", async () => {
  const learner = await taught();
  await learner.fit({ what: "thresholds" });
  learner.discard();
  await assert.rejects(learner.commit(), { code: "E_ARGUMENT", message: /expected a fit that waits/ });
  assert.equal(learner.version.id, 0);
});

test("the kernels' memory is what the plan says, and less memory learns less", async () => {
  const memory: number[] = [];
  for (const what of ["heads", "path", "all"] as const) {
    const learner = await taught({ memoryBytes: 16e6 });
    const plan = learner.explain(what);
    assert.equal(plan.what, what);
    // biome-ignore lint/complexity/useLiteralKeys: what a user does not see
    const before = learner["engine"]!.memory.wasm as WebAssembly.Memory;
    await learner.fit({ what, steps: 2 });
    assert.ok(before.buffer.byteLength <= plan.wasm, `${what}: ${before.buffer.byteLength} of ${plan.wasm}`);
    assert.ok(before.buffer.byteLength > 0.9 * plan.wasm - 65536, "the plan is no guess");
    memory.push(plan.wasm);
  }
  assert.ok(memory[0]! < memory[1]! && memory[1]! < memory[2]!);
  const small = await taught({ memoryBytes: 3e6 });
  assert.equal(small.explain("all").what, "heads");
  assert.ok(small.explain("all").total <= 3e6);
  assert.match(small.explain().text, /learns: heads/);
  const other = {
    code: "E_ARGUMENT",
    message: "explain: expected what out of heads, path, stage, all, got thresholds; choose one of these",
  };
  assert.throws(() => small.explain("thresholds" as "heads"), other);
  const [short, long] = [small.explain("heads"), (await taught({ memoryBytes: 60e6 })).explain("heads")];
  assert.ok(short.scenes >= 8 && short.scenes <= short.frames, "scenes take half of the room at most");
  assert.equal(long.scenes, 64);
  const tiny = await taught({ memoryBytes: 1e6 });
  await assert.rejects(tiny.fit(), {
    code: "E_ARGUMENT",
    message: /expected memoryBytes of at least \d+ for inputs of 224 x 128, got 1000000/,
  });
});

test("labels that contradict a sure detection are asked about, and wait", async () => {
  const learner = await Learner.open(smallFile(), SHORT);
  const { frame } = cameraFrame(0, { scene: 9 });
  using detector = await Detector.load(smallFile());
  const isSure = ({ task, score }: { task: string; score: number }): boolean => score >= learner.model.info.thresholds.precise[task]!;
  const [sure, ...others] = detector.detect(frame).objects.filter(isSure);
  assert.ok(sure, "the drawn street has something sure");
  const { id, questions } = await learner.add(frame, { [sure.task]: [] });
  assert.equal(questions[0]!.task, sure.task);
  assert.equal(questions[0]!.said, "nothing");
  for (const key of ["x", "y", "width", "height"] as const) assert.ok(Math.abs(questions[0]!.box[key] - sure.box[key]) < 1);
  await assert.rejects(learner.fit(), { code: "E_ARGUMENT", message: /expected labelled frames, got none/ });
  await learner.confirm(id);
  await learner.fit({ what: "thresholds" });
  await learner.remove(id);
  assert.equal(learner.frames.length, 0);
  const boxes = [sure, ...others.filter(({ task }) => task === sure.task)].map(({ box }) => box);
  assert.deepEqual((await learner.add(frame, { [sure.task]: boxes })).questions, []);
});

test("a learner suggests what the detector finds, in frame pixels", async () => {
  const learner = await Learner.open(smallFile(), SHORT);
  const { frame } = cameraFrame(0, { width: 300, height: 400 });
  using detector = await Detector.load(smallFile(), { operatingPoint: "sensitive" });
  const found = detector.detect(frame).objects;
  const suggested = learner.suggest(frame);
  assert.equal(suggested.length, found.length);
  suggested.forEach(({ task, box }, i) => {
    assert.equal(task, found[i]!.task);
    assert.ok(Math.abs(box.x - found[i]!.box.x) < 1.5 && Math.abs(box.width - found[i]!.box.width) < 3);
  });
});

test("a fit that is aborted leaves nothing behind, and bad options are told", async () => {
  const learner = await taught();
  const controller = new AbortController();
  const fit = learner.fit({
    what: "heads",
    steps: 50,
    signal: controller.signal,
    onProgress: ({ step }) => step === 3 && controller.abort(),
  });
  await assert.rejects(fit, { name: "AbortError" });
  await assert.rejects(learner.commit(), { code: "E_ARGUMENT" });
  await assert.rejects(learner.fit({ what: "some" as never }), {
    code: "E_ARGUMENT",
    message: /expected what out of thresholds, heads, path, stage, all/,
  });
  await assert.rejects(learner.fit({ steps: 0 }), { code: "E_ARGUMENT", message: /expected steps above 0/ });
  await learner.close();
  await assert.rejects(learner.fit(), { code: "E_DISPOSED" });
});
