import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { iou } from "../../src/core/box.js";
import type { DetectedObject } from "../../src/core/detection.js";
import type { Frame } from "../../src/core/frame.js";
import { TASKS } from "../../src/core/task.js";
import { createCandidates, type HeadMap, locate, logitOf, selectCells, sigmoid } from "../../src/detect/decode.js";
import { Detector } from "../../src/detect/detector.js";
import { MAX_OBJECTS, suppress } from "../../src/detect/nms.js";
import { INPUT_SCALE } from "../../src/graph/graph.js";
import { pictureOf } from "../../src/learn/picture.js";
import { loadModel, type Model } from "../../src/model/model.js";
import { readDatasets } from "../../src/node/files.js";
import { readImage } from "../../src/node/image.js";
import { stored } from "../../src/ops/layout.js";
import { compileForward } from "../../src/program/forward.js";
import { placeParams } from "../../src/program/params.js";
import { planForward } from "../../src/program/plan.js";
import { drawScene } from "../../src/scenes/scene.js";
import { createEngine } from "../../src/wasm/load.js";
import { runOnnx } from "../support/ort.js";

/** An int8 output would have 127 steps to its largest value: the step in which agreement with another engine is counted. */
const STEPS = 127;
/** Share of head outputs that agree to one step. */
const AGREEING = 0.999;
/** Detections agree: overlap and score. */
const LEAST_IOU = 0.95;
const MOST_SCORE = 0.02;
/** From which, before calibration, they are compared. */
const LEAST_SCORE = 0.5;

/** What each model may cost: multiply-accumulates at its own input, bytes. */
const BARS: Record<string, { macs: number; bytes: number }> = {
  "fourway-n.onnx": { macs: 30e6, bytes: 250_000 },
  "fourway-s.onnx": { macs: 75e6, bytes: 350_000 },
  "fourway-m.onnx": { macs: 300e6, bytes: 1_400_000 },
  "fourway-m-ccby.onnx": { macs: 300e6, bytes: 1_400_000 },
  "fourway-l.onnx": { macs: 600e6, bytes: 2_800_000 },
};

const models = readdirSync("models").filter((name) => name.endsWith(".onnx"));

test("the shipped models are there, and the page about them is up to date", () => {
  assert.deepEqual(models.toSorted(), Object.keys(BARS).toSorted());
  const { status, stderr } = spawnSync(process.execPath, ["scripts/models-readme.mjs", "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});

async function frames(): Promise<Frame[]> {
  const drawn = [0, 1, 2, 3].map((index) => drawScene(5, index, index % 2 ? { width: 300, height: 400 } : {}).frame);
  const shared = process.env.FOURWAY_SHARED;
  if (!shared || !existsSync(join(shared, "data"))) return drawn;
  const { samples } = await readDatasets([join(shared, "data")], TASKS, {});
  const val = samples.filter(({ split }) => split === "val");
  const photos = await Promise.all(Array.from({ length: 12 }, (_, i) => readImage(val[Math.floor((i * val.length) / 12)]!.image)));
  return [...drawn, ...photos];
}

/** Our head outputs and those of onnxruntime-web for the same input, and what both detect. */
async function bothEngines(model: Model, bytes: Uint8Array, frame: Frame) {
  const { graph, info } = model;
  const engine = await createEngine();
  const { memory } = engine;
  const { picture, placement } = pictureOf(engine, frame, info.pixels);
  const { width, height } = picture;
  const input = Float32Array.from(picture.pixels, (v) => v * INPUT_SCALE);
  const plan = planForward(graph, { batch: 1, width, height });
  const program = compileForward(engine, plan, placeParams(engine, graph), memory.reserve(plan.bytes));
  memory.i8.set(picture.pixels, program.inputs[0]!.offset);
  program.run();
  const maps = info.tasks.map((_, t) =>
    info.strides.map((stride, level): HeadMap => {
      const map = program.outputs[level * info.tasks.length + t]!;
      return { at: map.offset >> 2, height: map.height, width: map.width, stride, layout: info.layout };
    }),
  );
  const detect = (): DetectedObject[] =>
    model.info.tasks.flatMap((task, t) => {
      const candidates = createCandidates();
      const kept = new Int32Array(MAX_OBJECTS);
      selectCells(candidates, memory.f32, maps[t]!, logitOf(LEAST_SCORE));
      locate(candidates, memory.f32, maps[t]!, placement);
      return Array.from({ length: suppress(kept, candidates) }, (_, k) => {
        const [x, y, right, bottom] = candidates.boxes.subarray(4 * kept[k]!, 4 * kept[k]! + 4) as unknown as [
          number,
          number,
          number,
          number,
        ];
        return { task, score: sigmoid(candidates.logits[kept[k]!]!), box: { x, y, width: right - x, height: bottom - y } };
      });
    });
  const ours = detect();
  const theirs = await runOnnx(bytes, input, height, width);
  let agreeing = 0;
  let counted = 0;
  program.outputs.forEach((place, i) => {
    const { data, channels } = theirs.get(model.graph.outputs[i]!)!;
    const pixel = stored(channels);
    const at = place.offset >> 2;
    const step = data.reduce((most, v) => Math.max(most, Math.abs(v)), 0) / STEPS;
    data.forEach((value, j) => {
      const index = at + Math.floor(j / channels) * pixel + (j % channels);
      if (Math.abs(memory.f32[index]! - value) <= step) agreeing++;
      counted++;
      memory.f32[index] = value;
    });
  });
  return { share: agreeing / counted, ours, theirs: detect() };
}

for (const name of models) {
  const bytes = new Uint8Array(readFileSync(join("models", name)));

  test(`${name}: the card is of this very file, and within its bars`, () => {
    const card = JSON.parse(readFileSync(join("models", name.replace(/onnx$/, "json")), "utf8"));
    assert.equal(createHash("sha256").update(bytes).digest("hex"), card.sha256);
    assert.equal(bytes.length, card.bytes);
    const { macs, bytes: most } = BARS[name]!;
    assert.ok(card.macs <= macs && card.bytes <= most, `${card.macs} MACs, ${card.bytes} bytes`);
  });

  test(`${name}: onnxruntime-web computes the same heads and finds the same objects`, async (t) => {
    const model = loadModel(bytes);
    const every = await frames();
    if (every.length === 4) t.diagnostic("FOURWAY_SHARED is not set: drawn scenes only, no photos");
    let found = 0;
    for (const frame of every) {
      const { share, ours, theirs } = await bothEngines(model, bytes, frame);
      assert.ok(share >= AGREEING, `${share} of the head outputs agree`);
      assert.equal(ours.length, theirs.length);
      found += ours.length;
      for (const object of ours) {
        const twin = theirs.find(({ task, box }) => task === object.task && iou(box, object.box) >= LEAST_IOU);
        assert.ok(twin && Math.abs(twin.score - object.score) <= MOST_SCORE, `${object.task} ${object.score}`);
      }
    }
    assert.ok(found > 0, "something is found in some frame");
  });

  test(`${name}: finds all four tasks in drawn scenes`, async () => {
    const detector = await Detector.load(bytes);
    const seen = new Set<string>();
    for (let index = 0; index < 12; index++) {
      const { frame, labels } = drawScene(7, index);
      for (const { task, box } of detector.detect(frame).objects) if (labels[task]!.some((truth) => iou(truth, box) > 0.5)) seen.add(task);
    }
    detector.dispose();
    assert.deepEqual([...seen].sort(), [...TASKS].sort());
  });
}
