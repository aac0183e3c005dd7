import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import type { Graph, GraphNode } from "../../src/graph/graph.js";
import { foldNorms } from "../../src/quant/fold.js";
import { GraphMaker, randomInput } from "../onnx/graphs.js";
import { runGraph } from "../oracle/graph.js";
import { close, F32_FEW, same } from "../support/compare.js";
import { everyOpTrained, shakeNorms, smallNetwork } from "../support/network.js";

for (const { what, graph } of [
  { what: "a graph of every op", graph: everyOpTrained(1) },
  { what: "a network whose heads share weights over three strides", graph: smallNetwork(1) },
])
  test(`${what} is the same function folded, without a norm, and the graph that was given stays as it is`, () => {
    shakeNorms(graph, 3);
    const before = structuredClone(graph);
    const folded = foldNorms(graph);
    assert.deepEqual(graph, before);
    assert.ok(folded.nodes.every(({ op }) => op !== "norm"));
    assert.deepEqual(folded.outputs, graph.outputs);
    assert.deepEqual(
      new Set(folded.params.keys()),
      new Set(folded.nodes.flatMap(({ params }) => Object.values(params))),
      "what no node reads is left out",
    );
    const picture = randomInput(new Random(2), 64, 64);
    const [expected, found] = [runGraph(graph, picture, 64, 64), runGraph(folded, picture, 64, 64)];
    for (const name of graph.outputs) close(found.get(name)!.data, expected.get(name)!.data, F32_FEW * 10, name);
  });

test("folding scales weights by gamma / sqrt(variance + epsilon) and moves the bias, to the number", () => {
  const make = new GraphMaker(1);
  make.conv("conv3x3", "first", "input", [3, 4], {});
  make.norm("after", "first", 4, 0.1);
  const graph: Graph = { ...make.graph, outputs: ["after"] };
  const set = (name: string, values: number[]): void => void graph.params.get(name)!.data.set(values);
  set("after.gamma", [2, 1, -1, 0]);
  set("after.beta", [0, 1, 2, 3]);
  set("after.mean", [1, 0, 5, 7]);
  set("after.variance", [4 - 1e-5, 1 - 1e-5, 0.25 - 1e-5, 1]);
  set("first.bias", [3, 4, 5, 6]);
  const [node] = foldNorms(graph).nodes;
  const { params } = foldNorms(graph);
  const weight = graph.params.get("first.weight")!.data;
  close(params.get("after.bias")!.data, [2, 5, 2, 3], F32_FEW);
  close(
    params.get("first.weight")!.data,
    Float64Array.from(weight, (w, i) => w * [1, 1, -2, 0][Math.floor(i / 27)]!),
    F32_FEW,
  );
  assert.deepEqual(node, {
    op: "conv3x3",
    name: "first",
    inputs: ["input"],
    outputs: ["after"],
    attributes: { stride: 1, activation: { kind: "leaky", slope: 0.1 } },
    params: { weight: "first.weight", bias: "after.bias" },
  });
});

test("a folded graph folds to itself", () => {
  const folded = foldNorms(smallNetwork(1));
  const again = foldNorms(folded);
  assert.deepEqual(again.nodes, folded.nodes);
  for (const [name, { data }] of again.params) same(data, folded.params.get(name)!.data, name);
});

const refused = (nodes: (make: GraphMaker) => string[], message: RegExp, change: (nodes: GraphNode[]) => void = () => {}) => {
  const make = new GraphMaker(1);
  const outputs = nodes(make);
  change(make.graph.nodes);
  assert.throws(() => foldNorms({ ...make.graph, outputs }), { code: "E_GRAPH", message });
};

test("a norm that cannot be folded is refused: not behind a convolution, behind one that others read, or behind an activation", () => {
  const alone = /^norm "n": expected a convolution before it, got something else; it cannot be folded$/;
  refused((make) => {
    make.conv("conv3x3", "c", "input", [3, 8]);
    make.simple("maxpool", "m", "c");
    return [make.norm("n", "m", 8, 0)];
  }, alone);
  refused((make) => {
    make.conv("conv3x3", "c", "input", [3, 8]);
    return [make.simple("add", "s", make.norm("n", "c", 8, 0), "c")];
  }, alone);
  refused((make) => [make.conv("conv3x3", "c", "input", [3, 8]), make.norm("n", "c", 8, 0)], alone);
  refused(
    (make) => [make.norm("n", make.conv("conv3x3", "c", "input", [3, 8], { slope: 0 }), 8, 0)],
    /^conv3x3 "c": expected no activation before a norm, got one$/,
  );
});
