import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import type { Graph } from "../../src/graph/graph.js";
import { type ChannelRanges, equalize, INT8_MAX } from "../../src/quant/equalize.js";
import { foldNorms } from "../../src/quant/fold.js";
import { GraphMaker, randomInput } from "../onnx/graphs.js";
import { runGraph } from "../oracle/graph.js";
import { close, F32_FEW } from "../support/compare.js";
import { everyOpTrained, shakeNorms, smallNetwork } from "../support/network.js";

const SIZE = 64;
const PICTURE = randomInput(new Random(2), SIZE, SIZE);

/** What each channel of each value reaches on the picture, by the oracle. */
function oracleReach(graph: Graph): ChannelRanges {
  const values = runGraph(graph, PICTURE, SIZE, SIZE);
  return new Map(
    [...values].map(([name, { channels, data }]) => {
      const most = new Float64Array(channels);
      for (const [i, v] of data.entries()) most[i % channels] = Math.max(most[i % channels]!, Math.abs(v));
      return [name, most];
    }),
  );
}

for (const { what, graph } of [
  { what: "a graph of every op", graph: everyOpTrained(1) },
  { what: "a network whose heads share weights over three strides", graph: smallNetwork(1) },
])
  test(`${what} is the same function equalized, and each value's reach is the one that is told`, () => {
    shakeNorms(graph, 3);
    const folded = foldNorms(graph);
    const before = structuredClone(folded);
    const { graph: equal, reach } = equalize(folded, oracleReach(folded));
    assert.deepEqual(folded, before, "the graph that was given stays as it is");
    const [expected, found] = [folded, equal].map((each) => runGraph(each, PICTURE, SIZE, SIZE));
    for (const name of folded.outputs) close(found!.get(name)!.data, expected!.get(name)!.data, F32_FEW * 10, name);
    const measured = oracleReach(equal);
    for (const [name, each] of reach) close(each, measured.get(name)!, F32_FEW * 10, name);
  });

test("a small channel becomes as large as its neighbour before a depthwise convolution, and the largest 127 times a power of two", () => {
  const make = new GraphMaker(1);
  make.conv("conv3x3", "first", "input", [3, 4], {});
  make.conv("dwconv", "deep", "first", [4, 4], { kernel: 3 });
  make.conv("conv1x1", "last", "deep", [4, 5], {});
  const graph: Graph = { ...make.graph, outputs: ["last"] };
  const reach: ChannelRanges = new Map(
    Object.entries({ input: [1, 1, 1], first: [10, 0.5, 0, 0.01], deep: [1, 1, 1, 1], last: [1, 2, 3, 4, 5] }).map(([name, each]) => [
      name,
      Float64Array.from(each),
    ]),
  );
  const { reach: after } = equalize(graph, reach);
  const largest = INT8_MAX / 8; // the least that is not below 10
  close(after.get("first")!, [largest, largest, 0, (largest * 64 * 0.01) / 10], 1e-12);
  assert.deepEqual(after.get("input"), reach.get("input"));
  assert.deepEqual(after.get("last"), reach.get("last"));
});

test("channels on either side of a sigmoid keep their size, beside others that are scaled, and the function stays", () => {
  const make = new GraphMaker(5);
  const first = make.conv("conv3x3", "first", "input", [3, 8], { slope: 0 });
  const gate = make.simple("sigmoid", "gate", make.conv("conv1x1", "before", first, [8, 8]));
  const joined = make.simple("concat", "joined", gate, make.conv("conv1x1", "beside", first, [8, 8], { slope: 0 }));
  const inner = make.conv("dwconv", "inner", joined, [16, 16], {});
  make.graph.outputs = [make.conv("conv1x1", "last", inner, [16, 5])];
  const reach = oracleReach(make.graph);
  const { graph: equal, reach: after } = equalize(make.graph, reach);
  for (const value of ["before", "gate"]) assert.deepEqual(after.get(value), reach.get(value), value);
  for (const value of ["first", "inner"]) assert.notDeepEqual(after.get(value), reach.get(value), value);
  const [expected, found] = [make.graph, equal].map((each) => runGraph(each, PICTURE, SIZE, SIZE).get("last")!.data);
  close(found!, expected!, F32_FEW * 10);
});
