import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import type { Graph } from "../../src/graph/graph.js";
import { compileForward } from "../../src/program/forward.js";
import { placeParams } from "../../src/program/params.js";
import { planForward } from "../../src/program/plan.js";
import { planTraining } from "../../src/program/training.js";
import { dequantized } from "../../src/quant/dequantize.js";
import { createEngine, type Engine } from "../../src/wasm/load.js";
import { mixed, randomInput } from "../onnx/graphs.js";
import { runGraph } from "../oracle/graph.js";
import { close, F32_SUM, same } from "../support/compare.js";
import { readPlace, type Training, trainingOf } from "../support/network.js";

// Networks whose first part computes in int8 and whose last part in f32, and networks that begin with features.

const SIZE = { batch: 1, height: 64, width: 96 };
const bytesOf = (picture: Float32Array): Int8Array => Int8Array.from(picture, (v) => Math.max(-128, Math.min(127, Math.round(v * 256))));

/** Writes fixed gradients at the outputs, goes back, and returns the gradients of what is trained. */
function gradientsOf({ memory: { f32 } }: Engine, { program, params, gradient }: Training): Map<string, Float32Array> {
  program.outputs.forEach(({ height, width, channels }, k) => {
    const stored = Math.ceil(channels / 8) * 8;
    for (let i = 0; i < height * width * stored; i++) f32[(program.dOutputs[k]! >> 2) + i] = i % stored < channels ? Math.sin(i) : 0;
  });
  program.backward();
  return new Map([...params.byName.values()].filter(({ use }) => use === "trained").map(({ name }) => [name, gradient(name)]));
}

test("int8 first and f32 behind it: outputs are the oracle's", async () => {
  const engine = await createEngine();
  const { whole } = mixed(1);
  const picture = randomInput(new Random(2), SIZE.height, SIZE.width);
  const plan = planForward(whole, SIZE);
  const program = compileForward(engine, plan, placeParams(engine, whole), engine.memory.reserve(plan.bytes));
  engine.memory.i8.set(bytesOf(picture), program.inputs[0]!.offset);
  program.run();
  const expected = runGraph(whole, picture, SIZE.height, SIZE.width);
  whole.outputs.forEach((name, k) => void close(readPlace(engine, program.outputs[k]!, 1), expected.get(name)!.data, F32_SUM, name));
});

test("heads on features are trained as behind the int8 trunk that makes them: the same gradients, none before them", async () => {
  const engine = await createEngine();
  const { whole, heads } = mixed(3);
  const picture = randomInput(new Random(4), SIZE.height, SIZE.width);

  const all = trainingOf(engine, whole, SIZE);
  engine.memory.i8.set(bytesOf(picture), all.program.inputs[0]!.offset);
  all.clear();
  all.program.forward();
  const outputs = all.program.outputs.map((place) => readPlace(engine, place, 1));
  const gradients = gradientsOf(engine, all);
  assert.deepEqual([...gradients.keys()].sort(), [...heads.params.keys()].sort());
  assert.ok([...gradients.values()].every((values) => values.some((v) => v !== 0)));

  const values = runGraph(whole, picture, SIZE.height, SIZE.width);
  const alone = trainingOf(engine, heads, SIZE);
  const { f32 } = engine.memory;
  alone.program.inputs.forEach(({ offset, height, width, channels }, k) => {
    const stored = Math.ceil(channels / 8) * 8;
    const { data } = values.get(heads.inputs[k]!.name)!;
    f32.fill(0, offset >> 2, (offset >> 2) + height * width * stored);
    data.forEach((v, i) => {
      f32[(offset >> 2) + Math.floor(i / channels) * stored + (i % channels)] = v;
    });
  });
  alone.clear();
  alone.program.forward();
  alone.program.outputs.forEach((place, k) => void same(readPlace(engine, place, 1), outputs[k]!));
  for (const [name, values] of gradientsOf(engine, alone)) same(values, gradients.get(name)!, name);

  const bytes = planTraining(whole, SIZE).bytes;
  assert.ok(bytes < 0.7 * planTraining(dequantized(whole), SIZE).bytes, "what is frozen costs a byte a value, and no gradient");
});

test("a mixed graph in floats is its trunk and its heads, without the step between them", () => {
  const { whole } = mixed(5);
  const floats = dequantized(whole);
  assert.equal(floats.scales, undefined);
  assert.deepEqual(
    floats.nodes.map(({ name }) => name),
    ["stem", "down", "deep", "near.conv", "near", "far"],
  );
  const picture = randomInput(new Random(6), 32, 32);
  const [got, expected] = [floats, whole].map((graph) => runGraph(graph, picture, 32, 32));
  for (const name of whole.outputs) {
    const largest = Math.max(...expected!.get(name)!.data.map(Math.abs));
    expected!.get(name)!.data.forEach((v, i) => void assert.ok(Math.abs(v - got!.get(name)!.data[i]!) < 0.05 * largest));
  }
});

test("values of two precisions do not meet, inputs have names of their own, and a stride is a whole number", async () => {
  const engine = await createEngine();
  const { whole, heads } = mixed(7);
  const changed = (graph: Graph, change: (graph: Graph) => void): Graph => {
    const copy = structuredClone(graph);
    change(copy);
    return copy;
  };
  const plan = (graph: Graph): unknown => compileForward(engine, planForward(graph, SIZE), placeParams(engine, graph), 4096);
  const half = changed(whole, ({ nodes }) => {
    nodes.at(-1)!.inputs = ["deep"];
  });
  assert.throws(() => plan(half), { code: "E_GRAPH", message: /half quantized/ });
  const meet = changed(whole, (graph) => {
    graph.nodes.push({ op: "concat", name: "meet", inputs: ["deep", "far"], outputs: ["meet"], attributes: {}, params: {} });
  });
  assert.throws(() => plan(meet), { code: "E_GRAPH", message: /concat "meet": expected inputs of one precision, got int8 and f32/ });
  const alone = changed(heads, (graph) => {
    graph.nodes.push({ op: "dequantize", name: "again", inputs: ["far"], outputs: ["again"], attributes: {}, params: {} });
  });
  assert.throws(() => plan(alone), { code: "E_GRAPH", message: /dequantize "again": expected an int8 input, got f32/ });
  assert.throws(() => plan(changed(heads, ({ inputs }) => void inputs.push(inputs[0]!))), {
    code: "E_GRAPH",
    message: /got "stem.float" twice/,
  });
  const part = changed(heads, ({ inputs }) => {
    inputs[0]!.stride = 0.5;
  });
  assert.throws(() => plan(part), {
    code: "E_SHAPE",
    message: /input "stem.float": expected channels and a stride of whole numbers above 0, got 24 channels of stride 0.5/,
  });
});
