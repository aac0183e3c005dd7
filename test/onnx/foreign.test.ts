import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FourwayError } from "../../src/core/errors.js";
import type { Graph } from "../../src/graph/graph.js";
import { Faults } from "../../src/onnx/faults.js";
import { readOnnx } from "../../src/onnx/read.js";
import { ATTRIBUTE_TYPE, type AttributeDraft, type Model, model, type NodeDraft } from "../../src/onnx/schema.js";
import { readMessage, writeMessage } from "../../src/onnx/wire.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { runGraph } from "../oracle/graph.js";
import { everyOp } from "./graphs.js";

interface Golden {
  height: number;
  width: number;
  input: number[];
  cases: { name: string; model: string }[];
  outputs: Record<string, { height: number; width: number; channels: number; data: number[] }>;
}
const golden: Golden = JSON.parse(readFileSync("test/golden/onnx_export.json", "utf8"));

const EXPECTED_OPS: Record<string, string> = {
  folded: "conv3x3 maxpool split dwconv conv1x1 concat dwconv upsample2 add relu conv1x1 conv1x1",
  normalised: "conv3x3 norm maxpool split dwconv conv1x1 norm concat dwconv upsample2 add relu conv1x1 conv1x1",
};

for (const { name, model: base64 } of golden.cases)
  test(`a model that PyTorch exported (${name}) is read, and computes what PyTorch computes`, () => {
    const { graph } = readOnnx(Buffer.from(base64, "base64"));
    assert.equal(graph.nodes.map(({ op }) => op).join(" "), EXPECTED_OPS[name]);
    assert.equal(graph.inputs[0]!.name, "pixels");
    const input = Float64Array.from(golden.input, (byte) => (byte - 128) / 255);
    const values = runGraph(graph, input, golden.height, golden.width);
    for (const [output, { data, ...size }] of Object.entries(golden.outputs)) {
      const { data: got, ...gotSize } = values.get(output) ?? { data: [] };
      assert.deepEqual(gotSize, size);
      for (const [i, value] of data.entries()) assert.ok(Math.abs(value - (got[i] as number)) <= 1e-4 * Math.max(1, Math.abs(value)));
    }
  });

test("a tensor that the exporter merged into two roles becomes two parameters", () => {
  const base64 = golden.cases.find(({ name }) => name === "normalised")?.model ?? "";
  const { graph } = readOnnx(Buffer.from(base64, "base64"));
  const { params } = graph.nodes.filter(({ op }) => op === "norm")[1] as Graph["nodes"][number];
  assert.equal(new Set(Object.values(params)).size, 4);
  const [gamma, variance] = [graph.params.get(params.gamma ?? ""), graph.params.get(params.variance ?? "")];
  assert.deepEqual(gamma?.data, variance?.data);
  assert.notEqual(gamma?.data.buffer, variance?.data.buffer);
});

/** The bytes of a model after a change to what they say. */
function changed(bytes: Uint8Array, change: (file: Model) => void): Uint8Array {
  const file = readMessage(bytes, model, "model", new Faults());
  change(file);
  return writeMessage(model, file);
}

const nodes = (file: Model): NodeDraft[] => file.graph?.nodes as NodeDraft[];
const attribute = (name: string, type: keyof typeof ATTRIBUTE_TYPE, value: AttributeDraft): AttributeDraft => ({
  name,
  type: ATTRIBUTE_TYPE[type],
  ...value,
});
const text = (value: string): AttributeDraft => ({ string: new TextEncoder().encode(value) });

test("other ways to say the same are read as the same graph", () => {
  const graph = everyOp(51, true);
  const bytes = writeOnnx(graph, {});
  const same = (change: (file: Model) => void): void => assert.deepStrictEqual(readOnnx(changed(bytes, change)).graph, graph);
  const resize = (file: Model): NodeDraft => nodes(file).find(({ op }) => op === "Resize") as NodeDraft;
  same((file) => {
    resize(file).attributes = [attribute("mode", "string", text("nearest"))]; // half_pixel, round_prefer_floor
  });
  same((file) => {
    const node = resize(file);
    node.op = "Upsample";
    node.attributes = [];
    node.inputs = [node.inputs?.[0] ?? "", node.inputs?.[2] ?? ""];
  });
  same((file) => {
    for (const tensor of file.graph?.initializers ?? []) {
      if (tensor.dataType !== 1 || !tensor.rawData) continue;
      const view = new DataView(tensor.rawData.buffer, tensor.rawData.byteOffset, tensor.rawData.length);
      tensor.floatData = Array.from({ length: tensor.rawData.length / 4 }, (_, i) => view.getFloat32(i * 4, true));
      tensor.rawData = undefined;
    }
  });
  same((file) => {
    const moved = file.graph?.initializers.filter(({ dataType }) => dataType === 7) ?? [];
    file.graph?.initializers.splice(0, Number.POSITIVE_INFINITY, ...file.graph.initializers.filter(({ dataType }) => dataType !== 7));
    nodes(file).unshift(
      ...moved.map((tensor) => ({ op: "Constant", outputs: [tensor.name ?? ""], attributes: [attribute("value", "tensor", { tensor })] })),
    );
  });
  same((file) => {
    const slice = nodes(file).find(({ op }) => op === "Slice") as NodeDraft;
    const [x = "", , ...rest] = slice.inputs ?? [];
    slice.inputs = [x, "zeroth", ...rest];
    nodes(file).unshift({ op: "Constant", outputs: ["zeroth"], attributes: [attribute("value_ints", "ints", { ints: [0] })] });
  });
  same((file) => {
    for (const set of file.operatorSets) set.version = 22;
    for (const node of nodes(file)) {
      if (node.op !== "Conv") continue;
      const [, , ...ints] = file.graph?.initializers.find(({ name }) => name === node.inputs?.[1])?.dims ?? [];
      assert.equal(ints.length, 2);
      const defaults = [attribute("kernel_shape", "ints", { ints }), attribute("dilations", "ints", { ints: [1, 1] })];
      node.attributes = [...(node.attributes ?? []), ...defaults];
    }
  });
  same((file) => {
    const first = nodes(file)[0] as NodeDraft;
    const [output = ""] = first.outputs ?? [];
    first.outputs = ["before"];
    nodes(file).splice(1, 0, { op: "Identity", inputs: ["before"], outputs: [output] });
    for (const node of file.graph?.nodes.slice(2) ?? []) assert.ok(!node.inputs.includes("before"));
    const [conv] = file.graph?.nodes ?? [];
    assert.equal(conv?.op, "Conv");
    graph.nodes[0] = { ...graph.nodes[0], outputs: ["before"] } as Graph["nodes"][number];
    graph.nodes[1] = { ...graph.nodes[1], inputs: ["before"] } as Graph["nodes"][number];
  });
});

test("an activation is merged only where nothing else reads what is before it", () => {
  const graph = everyOp(52, false);
  const bytes = changed(writeOnnx(graph, {}), (file) => {
    nodes(file).push({ op: "Identity", inputs: [nodes(file)[0]!.outputs![0]!], outputs: ["linear"] });
    const [output] = file.graph?.outputs ?? [];
    if (output) file.graph?.outputs.push({ ...output, name: "linear" });
  });
  const [stem, relu] = readOnnx(bytes).graph.nodes;
  assert.deepEqual([stem?.op, stem?.outputs, stem?.attributes], ["conv3x3", ["linear"], { stride: 2, activation: { kind: "none" } }]);
  assert.deepEqual([relu?.op, relu?.inputs, relu?.outputs, relu?.attributes], ["relu", ["linear"], ["stem"], { slope: 0 }]);
});

test("nodes without a name get one from op and place, and equal names are told apart", () => {
  const bytes = changed(writeOnnx(everyOp(53, true), {}), (file) => {
    for (const [i, node] of nodes(file).entries()) node.name = i < 3 ? undefined : "same";
  });
  const names = readOnnx(bytes).graph.nodes.map(({ name }) => name);
  assert.deepEqual(names.slice(0, 4), ["Conv_0", "BatchNormalization_1", "same", "same_2"]);
  assert.equal(new Set(names).size, names.length);
});

test("each op that means something else is refused by its reason", () => {
  const bytes = writeOnnx(everyOp(54, true), {});
  const refused = (op: string, change: (node: NodeDraft) => void, reason: RegExp): void => {
    const broken = changed(bytes, (file) => change(nodes(file).find((node) => node.op === op) as NodeDraft));
    assert.throws(
      () => readOnnx(broken),
      (error) =>
        error instanceof FourwayError && error.code === "E_ONNX" && reason.test(error.message) && error.message.includes("got 1 fault:"),
      `${op} ${reason}`,
    );
  };
  const set = (name: string, type: keyof typeof ATTRIBUTE_TYPE, value: AttributeDraft) => (node: NodeDraft) => {
    node.attributes = [...(node.attributes ?? []).filter((a) => a.name !== name), attribute(name, type, value)];
  };
  refused("Conv", set("group", "int", { int: 3 }), /expected group 1/);
  refused("Conv", set("dilations", "ints", { ints: [2, 2] }), /expected dilations 1, 1, got 2, 2/);
  refused("Conv", set("pads", "ints", { ints: [0, 0, 1, 1] }), /expected pads 1, 1, 1, 1/);
  refused("Conv", set("strides", "ints", { ints: [3, 3] }), /of stride 3/);
  refused("Conv", set("strides", "ints", { ints: [1, 2] }), /one stride/);
  refused("Conv", set("auto_pad", "string", text("SAME_UPPER")), /auto_pad/);
  refused("Conv", set("group", "float", { float: 1 }), /expected group of type 2/);
  refused("Conv", set("flavour", "int", { int: 1 }), /no attribute but/);
  refused("Conv", (node) => void Object.assign(node, { inputs: ["input", "nowhere"] }), /"nowhere", which nothing before this node makes/);
  refused(
    "Conv",
    (node) => void Object.assign(node, { inputs: ["input", "coarse.head.weight"] }),
    /expected weight "coarse.head.weight" with dims \[7, 3, 3, 3\], got \[7, 5, 3, 3\]/,
  );
  refused("BatchNormalization", set("training_mode", "int", { int: 1 }), /training_mode/);
  refused("BatchNormalization", set("epsilon", "float", { float: -1 }), /epsilon/);
  refused("LeakyRelu", set("alpha", "float", { float: 1.5 }), /slope in 0\.\.1/);
  refused("LeakyRelu", set("alpha", "float", { float: Number.NaN }), /slope in 0\.\.1/);
  refused("MaxPool", set("ceil_mode", "int", { int: 1 }), /ceil_mode/);
  refused("MaxPool", set("kernel_shape", "ints", { ints: [2, 2] }), /kernel_shape 3, 3/);
  refused("Concat", set("axis", "int", { int: 2 }), /axis 1/);
  refused("Concat", (node) => void Object.assign(node, { inputs: [...(node.inputs ?? []), "pool"] }), /expected 2 inputs/);
  refused("Slice", (node) => void Object.assign(node, { inputs: [...(node.inputs ?? []).slice(0, 4), "channels"] }), /every second/);
  refused("Resize", set("mode", "string", text("linear")), /nearest upsampling/);
  refused("Resize", set("nearest_mode", "string", text("ceil")), /nearest upsampling/);
  refused("Resize", set("coordinate_transformation_mode", "string", text("align_corners")), /nearest upsampling/);
  refused("Resize", (node) => void Object.assign(node, { inputs: ["coarse", "", "", "double"] }), /constant scales/);
  refused("Add", (node) => void Object.assign(node, { inputs: ["even.project", "stem"] }), /one size/);
  refused("Add", (node) => void Object.assign(node, { inputs: ["even.project", "pool"] }), /one shape, got 5 and 24 channels/);
  refused("Add", (node) => void Object.assign(node, { op: "Softmax" }), /got "Softmax"/);
  refused("Add", (node) => void Object.assign(node, { domain: "com.microsoft" }), /com.microsoft.Add/);
});
