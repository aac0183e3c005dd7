import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import type { Graph, Param } from "../../src/graph/graph.js";
import { readOnnx } from "../../src/onnx/read.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { unpack } from "../../src/ops/layout.js";
import { compileForward, placeOf } from "../../src/program/forward.js";
import { placeParams } from "../../src/program/params.js";
import { planForward } from "../../src/program/plan.js";
import { foldNorms } from "../../src/quant/fold.js";
import { quantize } from "../../src/quant/quantize.js";
import { createEngine, type Engine } from "../../src/wasm/load.js";
import { GraphMaker, quantized, randomInput } from "../onnx/graphs.js";
import { runGraph } from "../oracle/graph.js";
import { close, F32_SUM, same } from "../support/compare.js";
import { everyOpTrained, readPlace, shakeNorms, smallNetwork } from "../support/network.js";

/** A picture as an int8 graph takes it, whose input has the scale 1 / 256. */
const quantizedInput = (picture: Float32Array): Int8Array => Int8Array.from(picture, (v) => Math.round(v * 256));

/** Runs a graph on pictures of one size and returns its outputs, a picture after the other. */
function run(engine: Engine, graph: Graph, pictures: Float32Array[], height: number, width: number): Float32Array[] {
  const { memory } = engine;
  const plan = planForward(graph, { batch: pictures.length, height, width });
  const params = placeParams(engine, graph);
  const program = compileForward(engine, plan, params, memory.reserve(plan.bytes));
  const { offset } = program.inputs[0]!;
  for (const [i, picture] of pictures.entries())
    if (graph.scales) memory.i8.set(quantizedInput(picture), offset + i * picture.length);
    else memory.f32.set(picture, (offset >> 2) + i * picture.length);
  program.run();
  return program.outputs.map((place) => readPlace(engine, place, pictures.length));
}

for (const { what, graph } of [
  { what: "a graph of every op", graph: everyOpTrained(3) },
  { what: "a graph of every op with relus in the place of norms", graph: everyOpTrained(4, false) },
  { what: "the small network", graph: smallNetwork(2) },
])
  for (const { height, width } of [
    { height: 64, width: 96 },
    { height: 96, width: 32 },
  ])
    test(`${what}, folded, gives what the oracle gives unfolded, for each of two pictures of ${width} x ${height}`, async () => {
      const engine = await createEngine();
      shakeNorms(graph, 5);
      const random = new Random(width);
      const pictures = [randomInput(random, height, width), randomInput(random, height, width)];
      const outputs = run(engine, foldNorms(graph), pictures, height, width);
      pictures.forEach((picture, i) => {
        const values = runGraph(graph, picture, height, width);
        graph.outputs.forEach((name, k) => {
          const expected = values.get(name)!.data;
          close(outputs[k]!.subarray(i * expected.length, (i + 1) * expected.length), expected, F32_SUM, `${name} of picture ${i}`);
        });
      });
    });

test("a plan runs the same wherever its arena begins and whatever lay in it before", async () => {
  const engine = await createEngine();
  const graph = foldNorms(everyOpTrained(6));
  const picture = randomInput(new Random(1), 64, 64);
  const first = run(engine, graph, [picture], 64, 64);
  const mark = engine.memory.mark;
  const size = engine.memory.reserve(4 << 20);
  engine.memory.f32.fill(Number.NaN, size >> 2, (size >> 2) + (1 << 20));
  engine.memory.release(mark + 4096);
  run(engine, graph, [picture], 64, 64).forEach((output, i) => void same(output, first[i]!, `output ${i}`));
});

test("a norm that is not folded is refused for inference, with what to do", async () => {
  const engine = await createEngine();
  const graph = everyOpTrained(1);
  const plan = planForward(graph, { batch: 1, height: 32, width: 32 });
  const params = placeParams(engine, graph);
  assert.throws(() => compileForward(engine, plan, params, 4096), {
    code: "E_GRAPH",
    message: 'norm "stem.norm": expected a folded graph for inference, got a norm; call foldNorms',
  });
});

test("in int8, activations of their own and bilinear upsampling give the oracle's bits", async () => {
  const make = new GraphMaker(1);
  const first = make.conv("conv3x3", "first", "input", [3, 8], { stride: 2 });
  const gate = make.simple("sigmoid", "gate", first);
  const leaky = make.relu("leaky", make.conv("conv1x1", "mix", first, [8, 8]), 0.1);
  const joined = make.simple("bilinear2", "up", make.simple("concat", "joined", gate, make.relu("relu", leaky, 0)));
  make.graph.outputs = [make.conv("conv1x1", "last", joined, [16, 8])];
  const picture = randomInput(new Random(2), 32, 64);
  const graph = quantized(make.graph, picture, 32, 64, true);
  const expected = runGraph(graph, picture, 32, 64).get("last")!.data;
  const [found] = run(await createEngine(), graph, [picture], 32, 64);
  same(found!, expected, "last");
});

test("int8 weights of -128 are multiplied in pairs where the CPU takes signed bytes, all others in quads", async () => {
  const engine = await createEngine();
  const make = new GraphMaker(1);
  make.conv("conv3x3", "first", "input", [3, 8]);
  const graphOf = (least: number): Graph => {
    const weight: Param = { dims: [8, 3, 3, 3], data: new Int8Array(216).fill(least), scales: new Float32Array(8).fill(1) };
    const params = new Map<string, Param>([
      ["first.weight", weight],
      ["first.bias", { dims: [8], data: new Int32Array(8) }],
    ]);
    const scales = new Map([
      ["input", 1],
      ["first", 128 * 128],
    ]);
    return { ...make.graph, outputs: ["first"], params, scales };
  };
  assert.equal(placeParams({ ...engine, byteFlip: 0 }, graphOf(-127)).byteFlip, 0);
  assert.equal(placeParams({ ...engine, byteFlip: 128 }, graphOf(-128)).byteFlip, 128);
  const { memory } = engine;
  for (const byteFlip of [engine.byteFlip, 0]) {
    const like = { ...engine, byteFlip };
    const plan = planForward(graphOf(-128), { batch: 1, height: 32, width: 32 });
    const { inputs, outputs, run } = compileForward(like, plan, placeParams(like, graphOf(-128)), memory.reserve(plan.bytes));
    memory.i8.fill(-128, inputs[0]!.offset, inputs[0]!.offset + 32 * 32 * 3);
    run();
    const at = outputs[0]!.offset;
    assert.equal(memory.i8[at], 4 * 3, "at the corner, four taps of three channels");
    assert.equal(memory.i8[at + 8 * (32 + 1)], 9 * 3, "inside");
  }
});

test("parameters that are missing, half quantized, or shared by ops of different layouts are refused", async () => {
  const engine = await createEngine();
  const make = new GraphMaker(1);
  make.conv("conv3x3", "first", "input", [3, 8]);
  make.conv("conv1x1", "second", "first", [8, 8], {});
  const graph: Graph = { ...make.graph, outputs: ["second"] };
  const without = { ...graph, params: new Map([...graph.params].filter(([name]) => name !== "second.bias")) };
  assert.throws(() => placeParams(engine, without), {
    code: "E_GRAPH",
    message: 'conv1x1 "second": expected a parameter "second.bias", got none',
  });
  assert.throws(() => placeParams(engine, { ...graph, scales: new Map([["input", 1]]) }), {
    code: "E_GRAPH",
    message: /^parameter "first.weight": expected int8 values, got others; the graph is half quantized$/,
  });
  const shared = graph.nodes.map((node) =>
    node.name === "second" ? { ...node, params: { ...node.params, bias: "first.weight" } } : node,
  ) as Graph["nodes"];
  assert.throws(() => placeParams(engine, { ...graph, nodes: shared }), {
    code: "E_GRAPH",
    message: /^parameter "first.weight": expected one use, got weight and bias of different ops$/,
  });
});

test("a parameter lies in memory in its op's layout and is read back from it as it was, zeros beside it", async () => {
  const engine = await createEngine();
  const graph = everyOpTrained(8);
  for (const { param, layout, offset, length } of placeParams(engine, graph).byName.values()) {
    const block = engine.memory.f32.slice(offset >> 2, (offset >> 2) + length);
    const back: Param = { dims: param.dims, data: new Float32Array(param.data.length) };
    unpack(back, layout, block);
    same(back.data, param.data);
    assert.equal(offset % 16, 0, "vectors are loaded from it");
    assert.equal(block.filter((v) => v !== 0).length, param.data.filter((v) => v !== 0).length);
  }
});

test("an inner value of an int8 graph can be an output, in its bytes, also over ONNX", async () => {
  const engine = await createEngine();
  const picture = randomInput(new Random(7), 64, 64);
  const whole = quantize(engine, foldNorms(smallNetwork(2)), [{ pixels: picture, width: 64, height: 64 }]);
  const inner = whole.nodes.find(({ op }) => op === "concat")!.outputs[0]!;
  const { graph } = readOnnx(writeOnnx({ ...whole, outputs: [...whole.outputs, inner] }, {}));
  assert.deepEqual([graph.outputs.at(-1), graph.scales!.get(inner)], [inner, whole.scales!.get(inner)]);
  const bytesOf = (each: Graph, keepAll: boolean): Int8Array => {
    const plan = planForward(each, { batch: 1, height: 64, width: 64 }, keepAll);
    const base = engine.memory.reserve(plan.bytes);
    const program = compileForward(engine, plan, placeParams(engine, each), base);
    engine.memory.i8.set(
      Int8Array.from(picture, (v) => v * 256),
      program.inputs[0]!.offset,
    );
    program.run();
    const { offset, height, width, channels } = placeOf(plan, inner, base);
    return engine.memory.i8.slice(offset, offset + height * width * Math.ceil(channels / 8) * 8);
  };
  const found = bytesOf(graph, false);
  assert.ok(found.some((v) => v !== 0));
  assert.deepEqual(found, bytesOf(whole, true));
});
