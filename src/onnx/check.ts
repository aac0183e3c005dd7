import { FourwayError } from "../core/errors.js";
import { type Graph, type GraphNode, paramOf } from "../graph/graph.js";
import { opOf } from "../ops/table.js";

/**
 * Throws E_GRAPH unless the graph can be written as ONNX and read back the same: nodes have names, every name is given once,
 * values are made before they are used, parameters are there; an int8 graph is int8 but for outputs without a scale.
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
  make(graph.input, "input");
  for (const node of graph.nodes) {
    const where = `${node.op} "${node.name}"`;
    if (node.name === "" || nodeNames.has(node.name)) fail(where, "expected a node name of its own, got none or one given before");
    nodeNames.add(node.name);
    for (const input of node.inputs) if (!values.has(input)) fail(where, `expected inputs made before, got "${input}"`);
    for (const output of node.outputs) make(output, where);
    for (const role of Object.keys(node.params) as (keyof GraphNode["params"])[]) paramOf(graph, node, role);
    if (graph.scales) checkQuantized(graph, node, graph.scales, (message) => fail(where, message));
    else if (Object.values(node.params).some((name) => !(graph.params.get(name)?.data instanceof Float32Array)))
      fail(where, "expected float32 parameters in a graph without scales, got integers");
  }
  for (const output of graph.outputs) {
    if (!values.has(output) || output === graph.input) fail("outputs", `expected computed values, got "${output}"`);
  }
  for (const [value, scale] of graph.scales ?? [])
    if (!(Math.fround(scale) > 0 && Number.isFinite(Math.fround(scale))))
      fail("scales", `expected scales above 0, got ${scale} for "${value}"`);
}

function checkQuantized(graph: Graph, node: GraphNode, scales: ReadonlyMap<string, number>, fail: (message: string) => never): void {
  const scaleOf = (value: string): number => Math.fround(scales.get(value) ?? fail(`expected a scale for "${value}", got none`));
  const form = opOf(node.op).int8;
  const inputScales = node.inputs.map(scaleOf);
  for (const output of node.outputs) {
    if (graph.outputs.includes(output) && !scales.has(output)) continue;
    const scale = scaleOf(output);
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
