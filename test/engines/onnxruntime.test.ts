import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type ErrorCode, FourwayError } from "../../src/core/errors.js";
import { Detector } from "../../src/detect/detector.js";
import type { DetectorEngine } from "../../src/detect/engine.js";
import { shippedModel } from "../../src/detect/source.js";
import { onnxruntime } from "../../src/engines/index.js";
import { loadModel } from "../../src/model/model.js";
import { drawScene } from "../../src/scenes/scene.js";
import { colourModel, painted } from "../detect/models.js";
import { assertAlike, F32_TOLERANCE, INT8_TOLERANCE } from "../support/alike.js";
import { toI420 } from "../support/i420.js";

const isError = (code: ErrorCode, message: RegExp) => (error: unknown) =>
  error instanceof FourwayError && error.code === code && message.test(error.message);

test("onnxruntime finds what Fourway's kernels find: with int8 but for rare steps, with f32 nearly", async () => {
  const model = await shippedModel();
  const { thresholds } = loadModel(model).info;
  using own = await Detector.load(model);
  for (const [precision, tolerance] of [
    ["int8", INT8_TOLERANCE],
    ["f32", F32_TOLERANCE],
  ] as const) {
    await using other = await Detector.spawn(model, { engine: onnxruntime({ precision }) });
    assert.equal(other.engine, "onnxruntime wasm");
    assert.deepEqual(other.tasks, own.tasks);
    let count = 0;
    for (const [index, size] of [
      [8, { width: 640, height: 400 }],
      [3, { width: 360, height: 640 }],
    ] as const) {
      const { frame } = drawScene(1, index, size);
      for (const each of [frame, toI420(frame)])
        count += assertAlike(own.detect(each), await other.detect(each), thresholds.balanced, tolerance, `${precision}, scene ${index}`);
    }
    assert.ok(count >= 8, `${count} objects were compared`);
  }
});

test("decoding, scores and options are Fourway's", async () => {
  const options = { pixels: 49_152, thresholds: { red: 0.9 } };
  using own = await Detector.load(colourModel(), options);
  await using other = await Detector.spawn(colourModel(), { ...options, engine: onnxruntime() });
  for (const frame of [painted(255, 0), painted(0, 255), painted(255, 0, 512)])
    for (const minScore of [undefined, 0.1, 1]) {
      const [wanted, got] = [own.detect(frame, { minScore }), await other.detect(frame, { minScore })];
      assert.equal(got.objects.length, wanted.objects.length);
      for (const [i, { task, score, box }] of wanted.objects.entries()) {
        assert.equal(got.objects[i]!.task, task);
        assert.ok(Math.abs(got.objects[i]!.score - score) < 1e-4);
        for (const side of ["x", "y", "width", "height"] as const) assert.ok(Math.abs(got.objects[i]!.box[side] - box[side]) < 0.01);
      }
    }
  assert.deepEqual([other.threads, other.singleThreadReason, other.chosen], [1, undefined, undefined]);
  for (const [bad, message] of [
    [{ pixels: 10 }, /expected pixels in 4096/],
    [{ threads: 0 }, /expected threads in 1\.\.16/],
    [{ pixels: 61_440, budgetMs: 20 }, /got both/],
    [{ thresholds: { green: 0.5 } }, /got one for "green"/],
    [{ operatingPoint: "other" as "precise" }, /expected an operatingPoint/],
  ] as const)
    await assert.rejects(Detector.spawn(colourModel(), { ...bad, engine: onnxruntime() }), isError("E_ARGUMENT", message));
  await assert.rejects(other.detect(painted(255, 0), { minScore: 2 }), isError("E_ARGUMENT", /score in 0\.\.1/));
  await assert.rejects(other.detect({ data: new Uint8Array(3), width: 1, height: 1 }), isError("E_ARGUMENT", /expected 4 RGBA bytes/));
});

test("a budget chooses pixels, a camera keeps the newest frame, another model is taken, signals end calls, and after dispose nothing is looked at", async () => {
  const detector = await Detector.spawn(colourModel(), { engine: onnxruntime(), budgetMs: 3.6e6 });
  assert.deepEqual([detector.chosen!.pixels, detector.chosen!.isMet], [491_520, true]);
  const camera = detector.camera();
  const seen = await Promise.all([painted(255, 0), painted(255, 0), painted(0, 255)].map((each) => camera.detect(each)));
  assert.deepEqual([seen[0]!.objects[0]!.task, seen[1], seen[2]!.objects[0]!.task, camera.dropped], ["red", undefined, "blue", 1]);
  const renamed = colourModel();
  renamed.info.thresholds.balanced.blue = 1;
  await detector.use(renamed);
  assert.equal((await detector.detect(painted(0, 255))).objects.length, 0);
  await assert.rejects(detector.use(new Uint8Array(8)), isError("E_ONNX", /./));
  assert.equal((await detector.detect(painted(255, 0))).objects[0]!.task, "red");
  const controller = new AbortController();
  const ended = detector.detect(painted(255, 0), { signal: controller.signal });
  controller.abort(new Error("no longer"));
  await assert.rejects(ended, /no longer/);
  await detector.dispose();
  await assert.rejects(detector.detect(painted(255, 0)), isError("E_DISPOSED", /spawn another/));
});

test("what cannot be is told: another kind of engine, one for load, a missing package, providers that are not there", async () => {
  const model = colourModel();
  for (const wrong of ["onnxruntime", {}])
    await assert.rejects(
      Detector.spawn(model, { engine: wrong as DetectorEngine }),
      isError("E_ARGUMENT", /^spawn: expected an engine as onnxruntime\(\) of fourway\/onnxruntime makes it, got (String|Object)/),
    );
  await assert.rejects(Detector.load(model, { engine: onnxruntime() } as object), isError("E_ARGUMENT", /use Detector\.spawn/));
  const missing = onnxruntime({ load: () => Promise.reject(new Error("Cannot find package")) });
  await assert.rejects(Detector.spawn(model, { engine: missing }), isError("E_RUNTIME", /npm install onnxruntime-web/));
  await assert.rejects(Detector.spawn(model, { engine: onnxruntime({ providers: [] }) }), isError("E_ARGUMENT", /expected providers/));
  await assert.rejects(
    Detector.spawn(model, { engine: onnxruntime({ providers: ["webgpu", { name: "webnn", deviceType: "npu" }] }) }),
    isError("E_RUNTIME", /^onnxruntime: expected a provider that runs the model, got none: webgpu: .+; webnn: .+; add "wasm" to providers/),
  );
  await using detector = await Detector.spawn(model, { engine: onnxruntime({ providers: ["webgpu", "wasm"] }) });
  assert.equal(detector.engine, "onnxruntime wasm");
});

test("a process that waits for nothing ends, though the detector was not disposed of", () => {
  const code = `import { Detector } from "fourway"; import { onnxruntime } from "fourway/onnxruntime";
const detector = await Detector.spawn(import("fourway/models/fourway-n"), { engine: onnxruntime() });
console.log((await detector.detect({ data: new Uint8Array(4 * 64 * 64), width: 64, height: 64 })).objects.length);`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
    cwd: fileURLToPath(new URL("../../../", import.meta.url)),
    encoding: "utf8",
  });
  assert.deepEqual([status, stdout], [0, "0\n"], stderr);
});
