import { FourwayError } from "../core/errors.js";
import { type Graph, type GraphNode, paramOf } from "../graph/graph.js";
import { leavesInt8, opOf } from "../ops/table.js";

/**
 * Throws E_GRAPH unless the graph can be written as ONNX and read back the same: nodes have names, every name is given once,
 * values are made before they are used, parameters are there; a node is int8 throughout or f32 throughout, but that a graph's outputs and
 * those of ops that can may be f32 behind int8 inputs.
 */
export function checkWritable(graph: Graph): void {
  const fail = (where: string, message: string): never => {
    throw new FourwayError("E_GRAPH", `onnx: ${where}: ${message}; the graph cannot be written`);
  };
  const nodeNames = new Set<string>();
  const values = new Set<string>();
  const make = (value: string, where: string): void => {
    if (value === "" || values.has(value) || graph.params.has(value)) fail(where, `expected a value name of its own, got "${value}"`);
    values.add(value);
  };
  for (const { name } of graph.inputs) make(name, "inputs");
  for (const node of graph.nodes) {
    const where = `${node.op} "${node.name}"`;
    if (node.name === "" || nodeNames.has(node.name)) fail(where, "expected a node name of its own, got none or one given before");
    nodeNames.add(node.name);
    for (const input of node.inputs) if (!values.has(input)) fail(where, `expected inputs made before, got "${input}"`);
    for (const output of node.outputs) make(output, where);
    for (const role of Object.keys(node.params) as (keyof GraphNode["params"])[]) paramOf(graph, node, role);
    const scales = graph.scales ?? new Map<string, number>();
    const fault = (message: string): never => fail(where, message);
    if (node.inputs.some((input) => scales.has(input))) checkQuantized(graph, node, scales, fault);
    else checkFloat(graph, node, scales, fault);
  }
  for (const output of graph.outputs) {
    if (!values.has(output) || graph.inputs.some(({ name }) => name === output))
      fail("outputs", `expected computed values, got "${output}"`);
  }
  for (const [value, scale] of graph.scales ?? [])
    if (!(Math.fround(scale) > 0 && Number.isFinite(Math.fround(scale))))
      fail("scales", `expected scales above 0, got ${scale} for "${value}"`);
}

function checkFloat(graph: Graph, node: GraphNode, scales: ReadonlyMap<string, number>, fail: (message: string) => never): void {
  const quantized = node.outputs.find((output) => scales.has(output));
  if (quantized !== undefined) fail(`expected f32 outputs behind f32 inputs, got "${quantized}" with a scale`);
  if (Object.values(node.params).some((name) => !(graph.params.get(name)?.data instanceof Float32Array)))
    fail("expected float32 parameters behind f32 inputs, got integers");
}

function checkQuantized(graph: Graph, node: GraphNode, scales: ReadonlyMap<string, number>, fail: (message: string) => never): void {
  const scaleOf = (value: string): number => Math.fround(scales.get(value) ?? fail(`expected a scale for "${value}", got none`));
  const form = opOf(node.op).int8;
  const inputScales = node.inputs.map(scaleOf);
  for (const output of node.outputs) {
    if (!scales.has(output) && (graph.outputs.includes(output) || leavesInt8(node.op))) continue;
    const scale = scaleOf(output);
    if (form === "ends") fail("expected an f32 output, got an int8 one");
    if (form === "copies" && inputScales.some((input) => input !== scale))
      fail("expected one scale for all inputs and outputs, got several");
  }
  if (form === "none") fail(`expected ops with an int8 form, got ${node.op}; fold normalisation into the convolutions`);
  if (form !== "convolves") return;
  const weight = paramOf(graph, node, "weight");
  const bias = paramOf(graph, node, "bias");
  if (!(weight.data instanceof Int8Array) || weight.scales?.length !== weight.dims[0])
    fail("expected an int8 weight with a scale an output channel, got another");
  if (!(bias.data instanceof Int32Array)) fail("expected an int32 bias, got float32");
}
