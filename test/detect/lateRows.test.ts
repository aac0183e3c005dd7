import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { Detector } from "../../src/detect/detector.js";
import { logitsFirst } from "../../src/detect/lateRows.js";
import type { Graph } from "../../src/graph/graph.js";
import { answersOf } from "../../src/learn/look.js";
import { pictureOf } from "../../src/learn/picture.js";
import { buildNetwork } from "../../src/model/build.js";
import { boxHead, PRESENCE_MAPS, STRIDES } from "../../src/model/head.js";
import { defaultInfo, loadModel, type Model } from "../../src/model/model.js";
import { shuffleTrunk } from "../../src/model/trunk.js";
import { macsOf, shapesOf } from "../../src/program/plan.js";
import { foldNorms } from "../../src/quant/fold.js";
import { drawScene } from "../../src/scenes/scene.js";
import { createEngine } from "../../src/wasm/load.js";
import { quantized, randomInput } from "../onnx/graphs.js";

/** A frame that is its own input: boxes are the same numbers in both. */
const SIZE = { width: 320, height: 192 };
const PIXELS = SIZE.width * SIZE.height;

/** Two tasks, boxes as distributions and two points each, which mirror each other; int8. */
function pointModel(): Model {
  const tasks = ["face", "hand"];
  const layout = boxHead(8, [1, 0]);
  const float = foldNorms(buildNetwork(shuffleTrunk("0.5", 3), { tasks, layout, seed: 3 }));
  const graph = quantized(float, randomInput(new Random(1), 64, 96), 64, 96);
  return { graph, info: { ...defaultInfo(tasks), layout } };
}

const models: [string, Model][] = [
  ...["n", "s", "m"].map((name): [string, Model] => [`fourway-${name}`, loadModel(readFileSync(`models/fourway-${name}.onnx`))]),
  ["a model with points", pointModel()],
];

for (const [name, model] of models)
  test(`${name}: rows of candidates alone give what whole maps give, bit for bit`, async () => {
    const engine = await createEngine();
    for (const [index, least, threads] of [
      [0, 0.3, 1],
      [1, 0, 1],
      [2, 0, 2],
      [3, 1, 1],
    ] as const) {
      const { frame } = drawScene(8, index, SIZE);
      using detector = await Detector.load(model, { pixels: PIXELS, threads });
      const { picture } = pictureOf(engine, frame, PIXELS);
      const { width, height } = picture;
      assert.deepEqual({ width, height }, SIZE);
      const { presence, objects } = detector.detect(frame, { minScore: least });
      assert.deepEqual({ presence, objects }, answersOf(engine, model, [picture], least)[0]);
      if (least === 0) assert.ok(objects.length > 20, `${objects.length} objects`);
    }
  });

const macs = (graph: Graph): number => macsOf(graph, shapesOf(graph, SIZE.height, SIZE.width)).reduce((a, b) => a + b, 0);

test("of heads that read one value the logits are computed together; what a model spends on boxes is saved", () => {
  for (const [name, { graph, info }] of models) {
    const { graph: first, heads } = logitsFirst(graph, info.layout)!;
    const shared = name === "fourway-m";
    assert.equal(new Set(heads.map(({ logits }) => logits)).size, shared ? info.strides.length : heads.length);
    assert.deepEqual(
      heads.map(({ channel }) => channel),
      heads.map((_, i) => (shared ? i % info.tasks.length : 0)),
    );
    const rows = graph.nodes.filter(({ outputs: [value] }) => graph.outputs.includes(value!));
    const { channels } = info.layout;
    const whole = macs({ ...graph, nodes: graph.nodes, outputs: rows.map(({ outputs: [value] }) => value!) });
    const others = macs({ ...graph, nodes: graph.nodes.filter((node) => !rows.includes(node)), outputs: [] });
    assert.equal(macs(first), others + (whole - others) / channels);
  }
});

test("networks whose maps are something else are run whole: f32, logits alone, maps that are read again or go through an activation", () => {
  const { graph, info } = models[0]![1];
  assert.ok(logitsFirst(graph, info.layout));
  const { scales: _, ...float } = graph;
  assert.equal(logitsFirst(float, info.layout), undefined);
  assert.equal(logitsFirst(graph, PRESENCE_MAPS.layout), undefined);
  const last = graph.nodes.at(-1)!;
  assert.ok(last.op === "conv1x1" && last.outputs[0] === graph.outputs.at(-1));
  const active = { ...last, attributes: { activation: { kind: "relu" as const } } };
  assert.equal(logitsFirst({ ...graph, nodes: [...graph.nodes.slice(0, -1), active] }, info.layout), undefined);
  const again = { op: "sigmoid" as const, name: "again", inputs: [graph.outputs[0]!], outputs: ["again"], attributes: {}, params: {} };
  assert.equal(logitsFirst({ ...graph, nodes: [...graph.nodes, again] }, info.layout), undefined);
  assert.equal(graph.outputs.length, STRIDES.length * info.tasks.length);
});
