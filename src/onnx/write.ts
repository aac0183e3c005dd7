import { type Activation, type Graph, type GraphNode, type Role, valuesOf } from "../graph/graph.js";
import { channelsAfter } from "../ops/table.js";
import { int } from "./attributes.js";
import { checkWritable } from "./check.js";
import { formOf, writeActivation } from "./forms.js";
import { DATA_TYPE, IR_VERSION, model, type NodeDraft, OPSET, OWN_NODE, type TensorDraft, type ValueInfoDraft } from "./schema.js";
import { writeTensor } from "./tensors.js";
import { writeMessage } from "./wire.js";

/** A file being put together. */
interface Writing {
  graph: Graph;
  nodes: NodeDraft[];
  tensors: Map<string, TensorDraft>;
  taken: { tensors: Set<string>; nodes: Set<string> };
  /** By what they hold, so that equal scales and the constants of Slice and Resize are written once. */
  shared: Map<string, string>;
  /** The tensor that consumers of a value read. */
  readAs: Map<string, string>;
  channels: Map<string, number>;
  /** How many tensors were given a number for a name. */
  numbered: number;
}

/**
 * Writes a graph as an ONNX model (opset 17, standard ops, NCHW). Values, parameters and nodes keep their names; an input is
 * [batch, channels, height, width], all but the channels free, or with sides "height/8" and "width/8" where its stride is 8. A fused activation becomes a node of its own, split two Slices.
 *
 * An int8 graph (`graph.scales`) becomes QDQ: each value with a scale goes through QuantizeLinear and DequantizeLinear (zero
 * point 0); weights are int8 with a scale an output channel, biases int32 with input scale * weight scale. What lies between has numbers
 * for names. Scales are written as float32; what is not exact in it is rounded here.
 * @param metadata becomes metadata_props, in order.
 * @param options.producer who made the file, by default "fourway".
 * @throws E_GRAPH where names clash, a value is used before it is made, or a node is neither int8 nor f32 throughout.
 */
export function writeOnnx(graph: Graph, metadata: Record<string, string>, options: { producer?: string } = {}): Uint8Array {
  checkWritable(graph);
  const writing: Writing = {
    graph,
    nodes: [],
    tensors: new Map(),
    taken: { tensors: new Set([...valuesOf(graph), ...graph.params.keys()]), nodes: new Set(graph.nodes.map(({ name }) => name)) },
    shared: new Map(),
    readAs: new Map(),
    channels: new Map(graph.inputs.map(({ name, channels }) => [name, channels])),
    numbered: 0,
  };
  for (const { name } of graph.inputs) {
    const scale = graph.scales?.get(name);
    writing.readAs.set(name, scale === undefined ? name : numbered(writing));
    if (scale !== undefined) quantize(writing, name, name, scale);
  }
  for (const node of graph.nodes) writeNode(writing, node);
  return writeMessage(model, {
    irVersion: IR_VERSION,
    producerName: options.producer ?? "fourway",
    operatorSets: [{ domain: "", version: OPSET }],
    metadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name: "fourway",
      nodes: writing.nodes,
      initializers: [...writing.tensors.values()],
      inputs: graph.inputs.map(({ name, channels, stride }) => floatInfo(name, ["batch", channels, ...sides(stride)])),
      outputs: graph.outputs.map((name) => floatInfo(name, ["batch", writing.channels.get(name) ?? 0, `${name}.height`, `${name}.width`])),
    },
  });
}

function floatInfo(name: string, dims: (string | number)[]): ValueInfoDraft {
  const shape = { dims: dims.map((dim) => (typeof dim === "string" ? { name: dim } : { value: dim })) };
  return { name, type: { tensor: { elementType: DATA_TYPE.float32, shape } } };
}

/** The names of an input's sides, which say its stride. */
function sides(stride: number): string[] {
  return ["height", "width"].map((side) => (stride === 1 ? side : `${side}/${stride}`));
}

/** The name, or the name with a number where it is taken. */
function fresh(taken: Set<string>, name: string): string {
  let free = name;
  for (let i = 2; taken.has(free); i++) free = `${name}.${i}`;
  taken.add(free);
  return free;
}

/**
 * A name for a tensor between a value or parameter and its readers: a number, in letters too. Names that say what such a tensor is
 * would be a seventh of an int8 file.
 */
function numbered(writing: Writing): string {
  return fresh(writing.taken.tensors, (writing.numbered++).toString(36));
}

/** A tensor of the file for a constant of the format; the same content is written once. @param name null: a number */
function constantOf(writing: Writing, name: string | null, dims: number[], data: Float32Array | Int8Array | number[]): string {
  const content = `${data.constructor.name} ${dims} ${data}`;
  let tensor = writing.shared.get(content);
  if (tensor === undefined) {
    tensor = name === null ? numbered(writing) : fresh(writing.taken.tensors, name);
    writing.shared.set(content, tensor);
    writing.tensors.set(tensor, writeTensor(tensor, dims, data));
  }
  return tensor;
}

function zeroPoint(writing: Writing): string {
  return constantOf(writing, "zero", [], new Int8Array(1));
}

/** QuantizeLinear and DequantizeLinear from the float tensor of a value to the tensor that its consumers read. */
function quantize(writing: Writing, value: string, from: string, scale: number): void {
  const scaleTensor = constantOf(writing, null, [], new Float32Array([scale]));
  const zero = zeroPoint(writing);
  const int8 = numbered(writing);
  writing.nodes.push({ op: "QuantizeLinear", inputs: [from, scaleTensor, zero], outputs: [int8] });
  writing.nodes.push({ op: "DequantizeLinear", inputs: [int8, scaleTensor, zero], outputs: [writing.readAs.get(value) as string] });
}

/** The tensor to read a node's parameter from: itself as float32, or what DequantizeLinear makes of its integers. */
function paramTensor(writing: Writing, node: GraphNode, role: Role): string {
  const { graph, tensors } = writing;
  const name = node.params[role] as string;
  const param = graph.params.get(name);
  if (!param) return "";
  if (!tensors.has(name)) tensors.set(name, writeTensor(name, param.dims, param.data));
  const scales = param.data instanceof Int32Array ? biasScales(graph, node) : param.scales;
  if (!scales) return name;
  const content = `dequantized ${name} ${scales}`;
  let dequantized = writing.shared.get(content);
  if (dequantized === undefined) {
    dequantized = numbered(writing);
    writing.shared.set(content, dequantized);
    const scaleTensor = constantOf(writing, null, [scales.length], scales);
    writing.nodes.push({ op: "DequantizeLinear", inputs: [name, scaleTensor], outputs: [dequantized], attributes: [int("axis", 0)] });
  }
  return dequantized;
}

function biasScales(graph: Graph, node: GraphNode): Float32Array {
  const input = Math.fround(graph.scales?.get(node.inputs[0] as string) ?? 0);
  const weight = graph.params.get(node.params.weight ?? "")?.scales ?? [];
  return Float32Array.from(weight, (scale) => input * scale);
}

function writeNode(writing: Writing, node: GraphNode): void {
  const { graph } = writing;
  for (const [i, channels] of channelsAfter(node, graph, writing.channels).entries())
    writing.channels.set(node.outputs[i] as string, channels);
  const forms = formOf(node.op).write(node, {
    params: (...roles) => roles.filter((role) => node.params[role] !== undefined).map((role) => paramTensor(writing, node, role)),
    constant: (name, dims, data) => constantOf(writing, name, dims, data),
    channels: writing.channels.get(node.inputs[0] as string) ?? 0,
  });
  const activation: Activation = "activation" in node.attributes ? node.attributes.activation : { kind: "none" };
  for (const [i, { op, attributes, more = [], part, alone }] of forms.entries()) {
    const output = node.outputs[i] as string;
    writing.readAs.set(output, output);
    const scale = graph.scales?.get(output);
    const float = scale === undefined ? output : numbered(writing);
    const before = activation.kind === "none" ? float : numbered(writing);
    const name = part === undefined ? node.name : fresh(writing.taken.nodes, `${node.name}.${part}`);
    const inputs = [...node.inputs.map((input) => writing.readAs.get(input) as string), ...more];
    writing.nodes.push({ name, op, inputs, outputs: [before], attributes, ...(alone ? { note: OWN_NODE } : {}) });
    if (activation.kind !== "none") writing.nodes.push({ ...writeActivation(activation), inputs: [before], outputs: [float] });
    if (scale !== undefined) quantize(writing, output, float, scale);
  }
}
