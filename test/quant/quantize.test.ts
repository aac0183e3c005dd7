import assert from "node:assert/strict";
import { test } from "node:test";
import { FourwayError } from "../../src/core/errors.js";
import { Random } from "../../src/core/random.js";
import type { Graph } from "../../src/graph/graph.js";
import { equalize } from "../../src/quant/equalize.js";
import { foldNorms } from "../../src/quant/fold.js";
import { quantize, quantizeAt } from "../../src/quant/quantize.js";
import { measureRanges } from "../../src/quant/ranges.js";
import { createEngine } from "../../src/wasm/load.js";
import { randomInput } from "../onnx/graphs.js";
import { runGraph } from "../oracle/graph.js";
import { shakeNorms, smallNetwork } from "../support/network.js";

const SIZE = { width: 64, height: 64 };
const PICTURES = [1, 2, 3].map((seed) => ({ pixels: randomInput(new Random(seed), SIZE.height, SIZE.width), ...SIZE }));

/** The small network, folded, with channels of which some are 64 times as large as others, as training leaves them. */
function unevenNetwork(): Graph {
  const graph = smallNetwork(1);
  shakeNorms(graph, 3);
  const random = new Random(4);
  for (const node of graph.nodes) {
    if (node.op !== "norm") continue;
    const [gamma, beta] = [node.params.gamma!, node.params.beta!].map((name) => graph.params.get(name)!.data);
    for (let c = 0; c < gamma!.length; c++) {
      const factor = 2 ** random.uniform(-3, 3);
      gamma![c]! *= factor;
      beta![c]! *= factor;
    }
  }
  return foldNorms(graph);
}

test("an int8 twin computes nearly what its f32 does, however uneven the channels are", async () => {
  const f32 = unevenNetwork();
  const int8 = quantize(await createEngine(), f32, PICTURES);
  const [expected, found] = [f32, int8].map((graph) => runGraph(graph, PICTURES[0]!.pixels, SIZE.height, SIZE.width));
  let [error, size] = [0, 0];
  for (const name of f32.outputs)
    for (const [i, v] of expected!.get(name)!.data.entries()) {
      error += (found!.get(name)!.data[i]! - v) ** 2;
      size += v ** 2;
    }
  const apart = Math.sqrt(error / size);
  assert.ok(apart > 0 && apart < 0.02, `apart by ${apart} of their size`);
});

test("scales of activations are powers of two, one for what is copied, and outputs have none", async () => {
  const graph = quantize(await createEngine(), unevenNetwork(), PICTURES);
  for (const [name, scale] of graph.scales!) assert.equal(scale, 2 ** Math.round(Math.log2(scale)), name);
  for (const { op, inputs, outputs } of graph.nodes)
    if (["split", "concat", "maxpool", "upsample2"].includes(op))
      assert.equal(new Set([...inputs, ...outputs].map((name) => graph.scales!.get(name))).size, 1, op);
  for (const name of graph.outputs) assert.ok(!graph.scales!.has(name));
});

test("at the scales that it has, a graph is quantized to the same bytes, and a weight that moved moves alone", async () => {
  const engine = await createEngine();
  const f32 = unevenNetwork();
  const int8 = quantize(engine, f32, PICTURES);
  const { graph: equal } = equalize(f32, measureRanges(engine, f32, PICTURES));
  assert.deepEqual(quantizeAt(equal, int8.scales!), int8);

  const name = equal.nodes.at(-1)!.params.weight!;
  const { dims, data } = equal.params.get(name)!;
  const moved = Float32Array.from(data);
  moved[0]! *= 0.5;
  const again = quantizeAt({ ...equal, params: new Map(equal.params).set(name, { dims, data: moved }) }, int8.scales!);
  assert.deepEqual(again.scales, int8.scales);
  const changed = [...again.params].filter(([each, { data: bytes }]) => bytes.some((v, k) => v !== int8.params.get(each)!.data[k]));
  assert.deepEqual(
    changed.map(([each]) => each),
    [name],
  );
  assert.throws(() => quantizeAt(equal, new Map()), { code: "E_GRAPH", message: /^quantize: expected a scale for "input", got none/ });
});

test("without pictures, or with a norm that is not folded, nothing is quantized and the error says what to do", async () => {
  const engine = await createEngine();
  const error = (code: string, message: RegExp) => (thrown: unknown) =>
    thrown instanceof FourwayError && thrown.code === code && message.test(thrown.message);
  assert.throws(() => quantize(engine, unevenNetwork(), []), error("E_ARGUMENT", /at least one picture/));
  assert.throws(() => quantize(engine, smallNetwork(1), PICTURES), error("E_GRAPH", /fold norms/));
});
