import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { type Graph, type GraphNode, INPUT_SCALE, INPUT_ZERO, imageInput, type Role } from "../../src/graph/graph.js";
import { buildNetwork } from "../../src/model/build.js";
import { endTrunkAt, recentred, shuffleTrunk, trunkOf, unfoldNorms } from "../../src/model/trunk.js";
import { shapesOf } from "../../src/program/plan.js";
import { foldNorms } from "../../src/quant/fold.js";
import { pretrainedGroups } from "../../src/train/optimizer.js";
import { Replica, type ReplicaOptions } from "../../src/train/replica.js";
import { createEngine } from "../../src/wasm/load.js";
import { GraphMaker, randomInput } from "../onnx/graphs.js";
import { type OracleValue, runGraph } from "../oracle/graph.js";
import { close, F32_FEW, F32_SUM } from "../support/compare.js";
import { exampleOf, shakeNorms, smallNetwork, smallTrunk } from "../support/network.js";

test("a trunk halves five times and ends in its width's channels at strides 8, 16 and 32", () => {
  for (const [width, channels] of [
    ["0.5", [48, 96, 192]],
    ["1.0", [116, 232, 464]],
  ] as const) {
    const trunk = shuffleTrunk(width, 1);
    const shapes = shapesOf(trunk, 64, 96);
    assert.deepEqual(
      trunk.outputs.map((name) => shapes.get(name)),
      [8, 16, 32].map((stride, i) => ({ height: 64 / stride, width: 96 / stride, channels: channels[i] })),
    );
  }
});

test("in a unit the even channels are kept as they are and the odd ones pass through three convolutions", () => {
  const trunk = smallTrunk(1);
  shakeNorms(trunk, 1);
  const values = runGraph(trunk, randomInput(new Random(1), 32, 32), 32, 32);
  const [before, after, project] = ["stage2.0", "stage2.1", "stage2.1.project"].map((name) => values.get(name)!) as [
    OracleValue,
    OracleValue,
    OracleValue,
  ];
  for (let p = 0; p < before.height * before.width; p++)
    for (let c = 0; c < 6; c++) {
      assert.equal(after.data[12 * p + c], before.data[12 * p + 2 * c]);
      assert.equal(after.data[12 * p + 6 + c], project.data[6 * p + c]);
    }
});

/** Values whose whole view of the picture lies within it: `border` cells from each side on. */
function inner({ height, width, channels, data }: OracleValue, border: number): Float64Array {
  const kept: number[] = [];
  for (let y = border; y < height - border; y++)
    for (let x = border; x < width - border; x++) for (let c = 0; c < channels; c++) kept.push(data[(y * width + x) * channels + c]!);
  assert.ok(kept.length > 0);
  return Float64Array.from(kept);
}

test("a trunk that ends earlier computes nothing behind that, and all before it as ever", () => {
  const network = foldNorms(buildNetwork(shuffleTrunk("0.5", 3), { tasks: ["car"], path: 16, head: 8 }));
  const cut = endTrunkAt(network, "trunk.stage4.1");
  const values = new Set(cut.nodes.flatMap(({ outputs }) => outputs));
  assert.ok(values.has("trunk.stage4.1") && values.has("trunk.stage3.7"));
  assert.ok(![...values, ...cut.params.keys()].some((name) => /^trunk\.stage4\.[23]/.test(name)));
  assert.deepEqual(cut.nodes.find(({ name }) => name === "path.lateral32")!.inputs, ["trunk.stage4.1"]);
  assert.equal(network.params.size - cut.params.size, 2 * 3 * 2);
  const input = randomInput(new Random(1), 32, 32);
  const [before, after] = [network, cut].map((graph) => runGraph(graph, input, 32, 32));
  assert.deepEqual(after!.get("trunk.stage4.1"), before!.get("trunk.stage4.1"));
  assert.notDeepEqual(after!.get("car.32"), before!.get("car.32"));
});

test("a trunk ends at one of its values of as many channels, or not at all", () => {
  const network = foldNorms(buildNetwork(shuffleTrunk("0.5", 3), { tasks: ["car"], path: 16, head: 8 }));
  for (const end of ["trunk.stage3.7", "trunk.stage4.1.expand", "nowhere"])
    assert.throws(() => endTrunkAt(network, end), {
      code: "E_MODEL",
      message: /expected to end at one of trunk.stage4.0, trunk.stage4.1, trunk.stage4.2, trunk.stage4.3, got/,
    });
  assert.throws(() => endTrunkAt(shuffleTrunk("0.5", 3), "stage4.1"), { code: "E_MODEL", message: /expected to end at one of no values/ });
});

test("the trunk of a network is the one that it was built on", () => {
  const trunk = shuffleTrunk("0.5", 3);
  shakeNorms(trunk, 3);
  const network = foldNorms(buildNetwork(trunk, { tasks: ["car"], path: 16, head: 8 }));
  const folded = foldNorms(trunk);
  const back = trunkOf(network);
  assert.deepEqual({ ...back, params: new Map([...back.params].sort()) }, { ...folded, params: new Map([...folded.params].sort()) });
  for (const other of [folded, { ...network, scales: new Map() }])
    assert.throws(() => trunkOf(other), { code: "E_MODEL", message: /expected an f32 model of Fourway's, with a trunk and a path/ });
});

test("a recentred trunk gives on (byte - 128) / 256 what the trunk gives on byte / 255, but at the border", () => {
  const trunk = foldNorms(smallTrunk(2));
  const random = new Random(2);
  const [height, width] = [160, 160];
  const bytes = Float64Array.from({ length: 3 * height * width }, () => random.below(256));
  const expected = runGraph(
    trunk,
    bytes.map((byte) => byte / 255),
    height,
    width,
  );
  const found = runGraph(
    recentred(trunk),
    bytes.map((byte) => (byte - INPUT_ZERO) * INPUT_SCALE),
    height,
    width,
  );
  // the border's one grey pixel reaches one cell further with every 3x3: two cells of the stem at stride 2, three at stride 8
  for (const [name, border] of [
    ["stem", 1],
    ["pool", 1],
    ["stage2.0", 2],
    ["stage2.1", 3],
  ] as const)
    close(inner(found.get(name)!, border), inner(expected.get(name)!, border), F32_SUM, name);
  const [grey, black] = [found.get("stem")!.data, expected.get("stem")!.data];
  assert.ok(
    grey.some((v, i) => Math.abs(v - black[i]!) > 0.01),
    "at the border they differ, so this test sees the padding",
  );
});

test("only a trunk that begins with a biased 3x3 convolution is recentred", () => {
  const make = new GraphMaker(1);
  make.conv("conv3x3", "stem", "input", [3, 8], { bias: false });
  const message = /^trunk: expected to begin with a 3x3 convolution with bias, got /;
  assert.throws(() => recentred({ ...make.graph, outputs: ["stem"] }), { code: "E_MODEL", message });
  assert.throws(() => recentred({ inputs: [imageInput("input")], outputs: [], nodes: [], params: new Map() }), {
    code: "E_MODEL",
    message,
  });
});

test("unfolded, every convolution but the heads' ends has a norm, and in inference form the function is the same", () => {
  const original = smallNetwork(3);
  shakeNorms(original, 4);
  const folded = foldNorms(original);
  const unfolded = unfoldNorms(folded);
  const count = (graph: Graph, op: GraphNode["op"]): number => graph.nodes.filter((node) => node.op === op).length;
  assert.equal(count(unfolded, "norm"), count(original, "norm"));
  assert.equal(unfolded.nodes.length, original.nodes.length);
  for (const { op, params, name } of unfolded.nodes) if (op !== "norm" && params.bias) assert.ok(unfolded.outputs.includes(name));
  const picture = randomInput(new Random(3), 64, 32);
  const [expected, found] = [runGraph(folded, picture, 64, 32), runGraph(unfolded, picture, 64, 32)];
  for (const name of folded.outputs) close(found.get(name)!.data, expected.get(name)!.data, F32_FEW, name);
  const again = runGraph(foldNorms(unfolded), picture, 64, 32);
  for (const name of folded.outputs) close(again.get(name)!.data, expected.get(name)!.data, F32_SUM, name);
});

const OPTIONS: ReplicaOptions = {
  batch: 2,
  sizes: [{ width: 96, height: 64 }],
  tasks: 3,
  groups: pretrainedGroups("trunk."),
  optimizer: "adamw",
};

test("calibration puts norms back so that the function stays, with the statistics of the batch in them", async () => {
  const folded = foldNorms(shaken(5));
  const replica = new Replica(await createEngine(), unfoldNorms(folded), OPTIONS);
  const random = new Random(5);
  const examples = [exampleOf(random, 96, 64, 3), exampleOf(random, 96, 64, 3)];
  replica.restoreNorms(examples, 96, 64);
  const calibrated = replica.export(false);

  // in inference form the same function, on any picture
  const picture = randomInput(random, 64, 64);
  const expected = runGraph(folded, picture, 64, 64);
  const found = runGraph(calibrated, picture, 64, 64);
  for (const name of folded.outputs) close(found.get(name)!.data, expected.get(name)!.data, F32_SUM * 10, name);

  // and the running statistics are the batch's own, so that training, which divides by them, begins where inference is;
  // seen where no activation hides the value behind the norm
  const inputs = examples.map(({ pixels }) =>
    runGraph(
      folded,
      Float64Array.from(pixels, (p) => p / 256),
      64,
      96,
    ),
  );
  let seen = 0;
  for (const node of calibrated.nodes) {
    if (node.op !== "norm" || node.attributes.activation.kind !== "none") continue;
    seen++;
    const values = inputs.map((each) => each.get(node.outputs[0]!)!);
    const { channels } = values[0]!;
    const [beta, variance] = ["beta", "variance"].map((role) => calibrated.params.get(node.params[role as Role]!)!.data);
    for (let c = 0; c < channels; c++) {
      const column = values.flatMap(({ data }) => [...data.filter((_, i) => i % channels === c)]);
      const average = column.reduce((a, b) => a + b) / column.length;
      const spread = column.reduce((a, b) => a + (b - average) ** 2, 0) / column.length;
      // beta is the folded bias plus the convolution's mean: the mean of what comes out
      assert.ok(Math.abs(beta![c]! - average) < 1e-4, `${node.name} ${c}: beta ${beta![c]}, mean ${average}`);
      assert.ok(Math.abs(variance![c]! - spread) < 0.01 * spread + 1e-6, `${node.name} ${c}: variance ${variance![c]}, expected ${spread}`);
    }
  }
  assert.equal(seen, 7); // the depthwise convolutions of the four units and of the three ways beside them
});

function shaken(seed: number): Graph {
  const graph = smallNetwork(seed);
  shakeNorms(graph, seed);
  return graph;
}

test("norms that were not unfolded stay as they are", async () => {
  const unfolded = unfoldNorms(foldNorms(shaken(6)));
  for (const [name, { data }] of unfolded.params) if (name.endsWith(".variance") && !name.startsWith("trunk.")) data.fill(1);
  const replica = new Replica(await createEngine(), unfolded, OPTIONS);
  const random = new Random(6);
  replica.restoreNorms([exampleOf(random, 96, 64, 3), exampleOf(random, 96, 64, 3)], 96, 64);
  const { params } = replica.export(true);
  for (const [name, { data }] of params)
    if (name.endsWith(".gamma"))
      assert.equal(
        data.every((v) => v === 1),
        !name.startsWith("trunk."),
        name,
      );
});
