import assert from "node:assert/strict";
import { test } from "node:test";
import { FourwayError } from "../../src/core/errors.js";
import { Random } from "../../src/core/random.js";
import type { Graph } from "../../src/graph/graph.js";
import { readOnnx } from "../../src/onnx/read.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { everyOp, GraphMaker, mixed, quantized, randomInput } from "./graphs.js";

const METADATA = { tasks: '["pedestrian","car"]', ключ: "значение ✓", __proto__x: "", ["__proto__"]: "own" };

function int8(seed: number): Graph {
  return quantized(everyOp(seed, false), randomInput(new Random(seed), 32, 48), 32, 48);
}

test("a float graph of every op is read back exactly as it was written", () => {
  for (const norms of [true, false]) {
    const graph = everyOp(1, norms);
    const back = readOnnx(writeOnnx(graph, METADATA));
    assert.deepStrictEqual(back.graph, graph);
    assert.deepStrictEqual(back.metadata, METADATA);
  }
});

test("an int8 graph of every op is read back exactly as it was written", () => {
  const graph = int8(2);
  const back = readOnnx(writeOnnx(graph, METADATA));
  assert.deepStrictEqual(back.graph, graph);
  assert.deepStrictEqual(back.metadata, METADATA);
});

test("a graph of int8 and f32 nodes, and one whose inputs are features, are read back exactly as they were written", () => {
  for (const graph of Object.values(mixed(4))) assert.deepStrictEqual(readOnnx(writeOnnx(graph, {})).graph, graph);
});

test("writing what was read gives the same bytes", () => {
  for (const graph of [everyOp(3, true), int8(3)]) {
    const bytes = writeOnnx(graph, METADATA);
    const back = readOnnx(bytes);
    assert.deepEqual(writeOnnx(back.graph, back.metadata), bytes);
  }
});

test("a relu node behind a linear convolution stays a node; names that look like the writer's own stay apart", () => {
  const make = new GraphMaker(4);
  const linear = make.conv("conv1x1", "a", "input", [3, 4], { slope: 0 });
  const named = make.conv("conv1x1", "0", linear, [4, 4]);
  const relu = make.relu("1", named, 0);
  const leaky = make.relu("zero", relu, 1);
  const [even, odd] = make.split("even", leaky);
  const [even2, odd2] = make.split("odd", leaky);
  make.simple("add", "channels", even, even2);
  make.simple("add", "two", odd, odd2);
  make.graph.outputs = [make.simple("concat", "end", "channels", "two")];
  assert.deepStrictEqual(readOnnx(writeOnnx(make.graph, {})).graph, make.graph);
});

test("heads that share parameters over several maps are read back sharing them, each parameter once", () => {
  const make = new GraphMaker(5);
  const fine = make.conv("conv3x3", "fine", "input", [3, 6], { stride: 2, slope: 0 });
  const coarse = make.conv("dwconv", "coarse", fine, [6, 6], { stride: 2, slope: 0 });
  make.conv("conv1x1", "head", fine, [6, 5]);
  const { params } = make.graph.nodes.at(-1) as Graph["nodes"][number];
  make.graph.nodes.push({
    op: "conv1x1",
    name: "head.again",
    inputs: [coarse],
    outputs: ["head.again"],
    attributes: { activation: { kind: "none" } },
    params,
  });
  make.graph.outputs = ["head", "head.again"];
  assert.deepStrictEqual(readOnnx(writeOnnx(make.graph, {})).graph, make.graph);
  const twin = quantized(make.graph, randomInput(new Random(5), 16, 16), 16, 16);
  twin.scales?.set("coarse", twin.scales.get("fine") as number);
  assert.deepStrictEqual(readOnnx(writeOnnx(twin, {})).graph, twin);
});

test("numbers that float32 cannot hold come back as they were written in decimal", () => {
  const make = new GraphMaker(6);
  const a = make.conv("conv1x1", "a", "input", [3, 4], { slope: 0.1 });
  make.graph.outputs = [make.norm("b", a, 4, 0.3)];
  const node = readOnnx(writeOnnx(make.graph, {})).graph.nodes[1];
  assert.deepEqual(node?.attributes, { epsilon: 1e-5, momentum: 0.03, activation: { kind: "leaky", slope: 0.3 } });
});

test("a graph that cannot be written is refused with E_GRAPH and the reason", () => {
  const refused = (change: (graph: Graph) => void, reason: RegExp, graph = int8(7)): void => {
    change(graph);
    assert.throws(
      () => writeOnnx(graph, {}),
      (error) => error instanceof FourwayError && error.code === "E_GRAPH" && reason.test(error.message),
    );
  };
  refused((graph) => graph.scales?.delete("pool"), /expected a scale for "pool"|got "pool"|scale/);
  refused((graph) => graph.scales?.set("pool", 0.5), /one scale for all/);
  refused((graph) => graph.scales?.set("stem", Number.NaN), /expected one scale|scales above 0/);
  refused((graph) => graph.outputs.push("nowhere"), /computed values/);
  refused((graph) => graph.nodes.reverse(), /made before/);
  refused((graph) => graph.nodes.push({ ...graph.nodes[0] } as Graph["nodes"][number]), /name of its own/);
  refused((graph) => graph.params.delete("stem.bias"), /expected a bias/);
  refused((graph) => delete graph.scales, /float32 parameters/);
  refused((graph) => graph.params.delete("stem.weight"), /expected a weight/, everyOp(7, true));
});
