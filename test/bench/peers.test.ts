import assert from "node:assert/strict";
import { test } from "node:test";
import { fourwayPeer } from "../../bench/fourway.js";
import { onnxruntimePeer } from "../../bench/onnxruntime.js";
import { checkPeer, distance, type Peer } from "../../bench/peer.js";
import { randomBytes, referenceNet } from "../../bench/reference.js";
import { tfjsPeer } from "../../bench/tfjs.js";
import { bundledTraining } from "../../bench/tfjsBundle.js";
import { type Graph, INPUT_SCALE } from "../../src/graph/graph.js";
import { shuffleTrunk } from "../../src/model/trunk.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { foldNorms } from "../../src/quant/fold.js";
import { quantize } from "../../src/quant/quantize.js";
import { createEngine } from "../../src/wasm/load.js";

const SIZE = { height: 64, width: 96 };
const bytes = randomBytes(3, SIZE);
const input = Float32Array.from(bytes, (v) => v * Math.fround(INPUT_SCALE));

/** Weights so large that the trunk's signal lives: its norms are fresh. */
function lively(graph: Graph): Graph {
  for (const [name, { data }] of graph.params) if (name.endsWith(".gamma")) data.fill(2);
  return foldNorms(graph);
}

const nets = { "reference net": foldNorms(referenceNet()), "ShuffleNetV2 1.0 with LeakyReLU": lively(shuffleTrunk("1.0", 1)) };

for (const [name, graph] of Object.entries(nets))
  test(`onnxruntime-web and tfjs-backend-wasm compute the ${name} as Fourway does`, async () => {
    const own = fourwayPeer("fourway", await createEngine(), graph, input, SIZE);
    own.run();
    for (const peer of [
      await onnxruntimePeer("onnxruntime", writeOnnx(graph, {}), input, SIZE),
      await tfjsPeer("tfjs", graph, input, SIZE),
    ]) {
      await peer.run();
      checkPeer(own, peer);
      await peer.dispose();
    }
  });

test("onnxruntime-web computes the int8 reference net as Fourway does", async () => {
  const f32 = nets["reference net"];
  const graph = quantize(await createEngine(), f32, [{ pixels: input, ...SIZE }]);
  const own = fourwayPeer("int8", await createEngine(), graph, bytes, SIZE);
  const peer = await onnxruntimePeer("onnxruntime", writeOnnx(graph, {}), input, SIZE);
  own.run();
  await peer.run();
  checkPeer(own, peer);
  await peer.dispose();
});

test("tfjs-backend-cpu trains the reference net: a step moves what comes out", async () => {
  const { tfjsTrainingStep } = await bundledTraining();
  const peer = await tfjsTrainingStep(referenceNet(), input, SIZE);
  peer.run();
  const first = peer.outputs();
  peer.run();
  const moved = distance(first, peer.outputs());
  assert.ok(moved > 1e-6 && moved < 1, `moved by ${moved}`);
  await peer.dispose();
});

test("a peer that computes something else is refused", () => {
  const fixed = (values: number[], name = "y"): Peer => ({
    name: "fixed",
    run() {},
    outputs: () => new Map([[name, Float32Array.from(values)]]),
    dispose() {},
  });
  const own = fixed([1, 2, -4]);
  assert.equal(distance(own.outputs(), fixed([1, 2, -3]).outputs()), 0.25);
  checkPeer(own, fixed([1, 2, -4.003]));
  assert.throws(() => checkPeer(own, fixed([1, 2, -3.99])), /of the largest value/);
  assert.throws(() => checkPeer(own, fixed([1, 2, Number.NaN])), /of the largest value/);
  assert.throws(() => checkPeer(own, fixed([1, 2])), /of the largest value/);
  assert.throws(() => checkPeer(own, fixed([1, 2, -4], "z")), /of the largest value/);
});
