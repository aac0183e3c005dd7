import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { iou } from "../../src/core/box.js";
import type { DetectedObject } from "../../src/core/detection.js";
import type { Frame } from "../../src/core/frame.js";
import { Random } from "../../src/core/random.js";
import { createCandidates, type HeadMap, locate, logitOf, selectCells, sigmoid } from "../../src/detect/decode.js";
import { Detector } from "../../src/detect/detector.js";
import { suppress } from "../../src/detect/nms.js";
import { letterboxed } from "../../src/image/letterbox.js";
import { loadModel, saveModel } from "../../src/model/model.js";
import { isNanodet, nanodetModel } from "../../src/model/nanodet.js";
import { withTasks } from "../../src/model/surgery.js";
import { readImage } from "../../src/node/image.js";
import { readOnnx } from "../../src/onnx/read.js";
import { firstGraph } from "../../src/train/network.js";
import { GraphMaker } from "../onnx/graphs.js";
import { runGraph } from "../oracle/graph.js";
import { runOnnx } from "../support/ort.js";

const STRIDES = [8, 16, 32, 64];
const TASKS = ["pedestrian", "car", "stopSign", "trafficLight"];

/** A detector of the form, small: strides 8 to 64. */
function small(seed: number) {
  const make = new GraphMaker(seed);
  let x = make.conv("conv3x3", "stem", "input", [3, 8], { stride: 2, slope: 0.1 });
  for (const [name, slope] of [
    ["stage2", 0.1],
    ["stage3", 1],
    ["stage4", 1],
    ["path.5", 1],
    ["path.6", 1],
  ] as const) {
    x = make.conv("dwconv", name, x, [8, 8], { stride: 2, slope });
    const stride = { stage3: 8, stage4: 16, "path.5": 32, "path.6": 64 }[name as string];
    if (stride === undefined) continue;
    make.graph.outputs.push(make.conv("conv1x1", `class${stride}`, x, [8, 4]), make.conv("conv1x1", `box${stride}`, x, [8, 32]));
  }
  return make.graph;
}

test("a detector becomes a model whose maps are its class and box rows, with our input", () => {
  const source = small(1);
  assert.ok(isNanodet(source));
  const { graph, info } = nanodetModel(source);
  assert.deepEqual(
    [info.tasks, info.strides, info.layout.outputs],
    [
      TASKS,
      STRIDES,
      [
        ["logit", 1],
        ["bins", 32],
      ],
    ],
  );
  const side = 288; // 4.5 cells of the coarsest stride
  const random = new Random(2);
  const bytes = Array.from({ length: side * side * 3 }, () => random.below(256));
  const theirs = runGraph(
    source,
    Float64Array.from(bytes, (v) => v / 255),
    side,
    side,
  );
  const ours = runGraph(
    graph,
    Float64Array.from(bytes, (v) => (v - 128) / 256),
    side,
    side,
  );
  for (const stride of STRIDES)
    TASKS.forEach((task, row) => {
      const [map, scores, sides] = [ours.get(`${task}.${stride}`)!, theirs.get(`class${stride}`)!, theirs.get(`box${stride}`)!];
      const middle = Math.floor(map.width / 2); // the source's padding is black, ours grey: away from the border they are the same
      const cell = middle * map.width + middle;
      const found = [...map.data.subarray(33 * cell, 33 * cell + 33)];
      const wanted = [scores.data[4 * cell + row]!, ...sides.data.subarray(32 * cell, 32 * cell + 32)];
      found.forEach((v, i) => void assert.ok(Math.abs(v - wanted[i]!) < 1e-4, `${task}.${stride} channel ${i}: ${v}, ${wanted[i]}`));
    });
});

test("its model is written and read, goes on with other tasks, and has no norms put in", async () => {
  const model = nanodetModel(small(3));
  const file = saveModel(model);
  assert.deepEqual(loadModel(file).info, model.info);
  const frame: Frame = { width: 160, height: 96, data: new Uint8Array(4 * 160 * 96).map((_, i) => (i * 7919) % 251) };
  using detector = await Detector.load(file, { pixels: 15360 });
  const all = detector.detect(frame, { minScore: 0.01 });
  using fewer = await Detector.load(withTasks(model, ["car", "tram"]), { pixels: 15360 });
  const found = fewer.detect(frame, { minScore: 0.01 });
  const cars = ({ objects }: { objects: DetectedObject[] }): DetectedObject[] => objects.filter(({ task }) => task === "car");
  assert.ok(cars(all).length > 0);
  assert.deepEqual(cars(found), cars(all));
  const { graph, maps, pretrained } = firstGraph({ start: file }, TASKS, 1);
  assert.ok(pretrained && maps.layout.bins === 8 && graph.nodes.every(({ op }) => op !== "norm"));
  assert.ok([...graph.params.keys()].some((name) => name.startsWith("trunk.stage3")));
});

test("rows of other numbers are refused with what was expected", () => {
  const source = small(4);
  const { params } = source.nodes.find(({ name }) => name === "class16")!;
  source.params.set(params.weight!, { dims: [80, 8, 1, 1], data: new Float32Array(640) });
  assert.throws(() => nanodetModel(source), {
    code: "E_MODEL",
    message: /expected class16 of 4 and box16 of 32 channels of one value, got 80 and 32/,
  });
  assert.ok(!isNanodet({ ...source, outputs: ["class8", "box8"] }));
});

test("a detector that ends at stride 32 becomes a model that ends there", () => {
  const source = small(5);
  const three = { ...source, outputs: source.outputs.filter((name) => !name.endsWith("64")) };
  const { graph, info } = nanodetModel(three);
  assert.deepEqual(info.strides, [8, 16, 32]);
  assert.ok(graph.nodes.every(({ name }) => name !== "path.6"));
});

const shared = process.env.FOURWAY_SHARED ?? "";
const pictures = join(shared, "data", "coco", "images");

for (const { name, count } of [
  { name: "nanodet-plus-m-coco.onnx", count: 50 },
  { name: "nanodet-plus-m-1.5x-coco.onnx", count: 10 },
]) {
  const path = join(shared, "trunks", name);
  const skip =
    shared !== "" && existsSync(path) && existsSync(pictures) ? false : `FOURWAY_SHARED names no folder with trunks/${name} and data/coco`;

  test(`training that starts with ${name} starts with what the source finds on ${count} pictures`, {
    skip,
    timeout: 600_000,
  }, async (t) => {
    const file = readFileSync(path);
    // in the middle of a grey canvas: at the border the source pads with black, Fourway with grey
    const [width, height] = [448, 320];
    using detector = await Detector.load(nanodetModel(readOnnx(file).graph), { pixels: width * height });
    let [both, ours, theirs] = [0, 0, 0];
    let seen = 0;
    for (const picture of readdirSync(pictures).sort()) {
      if (seen === count) break;
      const whole = await readImage(join(pictures, picture));
      seen++;
      const frame = framed(whole, width, height);
      const input = Float32Array.from({ length: width * height * 3 }, (_, i) => frame.data[4 * Math.floor(i / 3) + (i % 3)]! / 255);
      const wanted = objectsOf(await runOnnx(file, input, height, width), frame);
      const found = detector.detect(frame, { minScore: 0.3 }).objects;
      ours += found.length;
      theirs += wanted.length;
      both += found.filter((a) =>
        wanted.some((b) => a.task === b.task && Math.abs(a.score - b.score) < 0.05 && iou(a.box, b.box) > 0.9),
      ).length;
    }
    t.diagnostic(`${seen} pictures: ${theirs} boxes of the source, ${ours} of ours, ${both} the same`);
    assert.equal(seen, count);
    assert.ok(theirs >= count && both >= 0.98 * Math.max(ours, theirs));
  });
}

/** The top left part of a frame, 64 pixels from the edges of a grey one. */
function framed(whole: Frame, width: number, height: number): Frame {
  const data = new Uint8Array(4 * width * height).fill(114);
  const columns = Math.min(whole.width, width - 128);
  for (let row = 0; row < Math.min(whole.height, height - 128); row++)
    data.set(whole.data.subarray(4 * whole.width * row, 4 * (whole.width * row + columns)), 4 * (width * (row + 64) + 64));
  return { width, height, data };
}

/** The objects in a source's outputs as its authors decode them, with our suppression. */
function objectsOf(outputs: Map<string, { height: number; width: number; data: Float32Array }>, frame: Frame): DetectedObject[] {
  return TASKS.flatMap((task, row) => {
    const candidates = createCandidates();
    const layout = { outputs: [], channels: 5, cell: 5, box: 1, bins: 0, point: 0 };
    const values: number[] = [];
    const maps = STRIDES.map((stride): HeadMap => {
      const [scores, sides] = [outputs.get(`class${stride}`)!, outputs.get(`box${stride}`)!];
      const map = { at: values.length, height: scores.height, width: scores.width, stride, layout };
      for (let cell = 0; cell < scores.height * scores.width; cell++) {
        const logs = [0, 1, 2, 3].map((side) => {
          const e = [...sides.data.subarray(32 * cell + 8 * side, 32 * cell + 8 * side + 8)].map(Math.exp);
          return Math.log(e.reduce((sum, v, i) => sum + v * i, 0) / e.reduce((sum, v) => sum + v, 0));
        });
        values.push(scores.data[4 * cell + row]!, ...logs);
      }
      return map;
    });
    const least = logitOf(0.3);
    selectCells(candidates, Float32Array.from(values), maps, logitOf(0.25 * 0.3));
    locate(candidates, Float32Array.from(values), maps, letterboxed(frame, frame));
    const kept = new Int32Array(100);
    const count = suppress(kept, candidates, least);
    return [...kept.subarray(0, count)].map((k) => {
      const [x, y, right, bottom] = candidates.boxes.subarray(4 * k, 4 * k + 4) as unknown as [number, number, number, number];
      return { task, score: sigmoid(candidates.logits[k]!), box: { x, y, width: right - x, height: bottom - y } };
    });
  });
}
