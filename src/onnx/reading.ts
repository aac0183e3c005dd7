import type { Graph, GraphNode, Role } from "../graph/graph.js";
import { Fault, type Faults, quote } from "./faults.js";
import type { OnnxNode } from "./schema.js";
import { type Constant, dimsText } from "./tensors.js";

/** Bounds on what a small file may ask for: a chain of concats or of upsamplings doubles its value with each node. */
export const MAX_CHANNELS = 65536;
/** The largest value: its side at most 2^4 times the input's. */
const FINEST_LEVEL = -4;
/** The smallest value: its side at least 2^-16 of the input's. Also the level of means over the whole picture. */
export const COARSEST_LEVEL = 16;

/** A value of the graph being read. Several tensors of the file may be the same value (Identity, Conv and its Relu, Q and DQ). */
export interface Value {
  /** Its name in the graph; the last tensor that is this value gives it. */
  name: string;
  channels: number;
  /** log2 of input side / side. */
  level: number;
  /** Present once it was quantized. */
  scale?: number;
  /** Whether another than one node reads it as it is now, so that a node after it must not be merged into its producer. */
  shared: boolean;
  producer?: PendingNode;
  /** Splits of it of which only one half was seen. */
  halfSplits: PendingNode[];
}

/** A node whose values still may be renamed. */
export type PendingNode = {
  [N in GraphNode["op"]]: Omit<Extract<GraphNode, { op: N }>, "inputs" | "outputs"> & { inputs: Value[]; outputs: Value[] };
}[GraphNode["op"]];

/** What is known while a file is read, front to back. */
export interface Reading {
  faults: Faults;
  /** The float tensors so far, by their names in the file. */
  values: Map<string, Value>;
  /** The outputs of QuantizeLinear. */
  quantized: Map<string, Value>;
  constants: Map<string, Constant>;
  /** Tensors that could not be made; the reason has been reported. */
  broken: Set<string>;
  /** How often each tensor is read, graph outputs included. */
  uses: Map<string, number>;
  nodes: PendingNode[];
  params: Graph["params"];
  /** What each parameter was made from. */
  sources: Map<string, { role: Role; data: Constant["data"]; scales: Float32Array | undefined }>;
}

/** Makes `tensor` the name of something. Throws Fault where it already names another. */
export function claim(reading: Reading, tensor: string): void {
  if (tensor === "") throw new Fault("expected an output, got none");
  if (reading.values.has(tensor) || reading.quantized.has(tensor) || reading.constants.has(tensor))
    throw new Fault(`expected each tensor to be made once, got ${quote(tensor)} twice`);
}

/** A new value under the name of the tensor that holds it. Throws Fault where it is too large or the name is taken. */
export function define(reading: Reading, tensor: string, channels: number, level: number): Value {
  claim(reading, tensor);
  if (channels > MAX_CHANNELS) throw new Fault(`expected at most ${MAX_CHANNELS} channels, got ${channels}`);
  if (level < FINEST_LEVEL || level > COARSEST_LEVEL) throw new Fault(`expected sides of 2^-16 to 2^4 times the input's, got 2^${-level}`);
  const value: Value = { name: tensor, channels, level, shared: reading.uses.get(tensor) !== 1, halfSplits: [] };
  reading.values.set(tensor, value);
  return value;
}

/** A node's input, a value computed from the graph's input. Throws Fault where there is none. */
export function valueAt(reading: Reading, node: OnnxNode, index: number): Value {
  const tensor = node.inputs[index] ?? "";
  const value = reading.values.get(tensor);
  if (value) return value;
  throw missing(reading, tensor, `a computed value as input ${index}`);
}

/** A node's input, a tensor whose values are in the file. Throws Fault where there is none. */
export function constantAt(reading: Reading, node: OnnxNode, index: number): Constant {
  const tensor = node.inputs[index] ?? "";
  const constant = reading.constants.get(tensor);
  if (constant) return constant;
  throw missing(reading, tensor, `a constant as input ${index}`);
}

/** The Fault for an input that is not what it should be; without words where its own making failed already. */
export function missing(reading: Reading, tensor: string, expected: string): Fault {
  if (reading.broken.has(tensor)) return new Fault("");
  const known = reading.values.has(tensor) || reading.quantized.has(tensor) || reading.constants.has(tensor);
  const got =
    tensor === "" ? "none" : known ? `${quote(tensor)}, which is another kind` : `${quote(tensor)}, which nothing before this node makes`;
  return new Fault(`expected ${expected}, got ${got}`);
}

/** The numbers of a small constant input (axes, scales, sizes). */
export function numbersAt(reading: Reading, node: OnnxNode, index: number): number[] {
  return [...constantAt(reading, node, index).data.subarray(0, 16)];
}

/** Adds a node to the graph and makes its outputs; their number and order is the op's. */
export function addNode(reading: Reading, node: PendingNode): void {
  for (const output of node.outputs) output.producer = node;
  reading.nodes.push(node);
}

/** The only output of a node. */
export function onlyOutput(node: OnnxNode): string {
  const [first, ...others] = node.outputs;
  if (others.some((name) => name !== "")) throw new Fault(`expected one output, got ${node.outputs.length}`);
  return first ?? "";
}

/**
 * Makes a constant a parameter of the graph; returns its name there. Nodes that use it in one role share it; another role gets a
 * copy (exporters merge equal tensors, but training moves a variance and not a gamma).
 * Throws Fault where it is not what the role needs.
 */
export function useParam(reading: Reading, constant: Constant, role: Role, dims: readonly number[]): string {
  const { type, data, scales } = constant;
  const quoted = `${role} ${quote(constant.name)}`;
  const expected =
    type === "float32" || (role === "weight" && type === "int8" && scales) || (role === "bias" && type === "int32" && scales);
  if (!expected) throw new Fault(`expected ${quoted} as float32, or as int8 (bias: int32) through DequantizeLinear, got ${type}`);
  if (dims.length !== constant.dims.length || dims.some((dim, i) => dim !== constant.dims[i]))
    throw new Fault(`expected ${quoted} with dims ${dimsText(dims)}, got ${dimsText(constant.dims)}`);
  if (role === "variance" && data.some((value) => value < 0)) throw new Fault(`expected a variance of 0 or more in ${quoted}, got less`);
  const first = reading.sources.get(constant.name);
  const name = first && first.role !== role ? `${constant.name}.${role}` : constant.name;
  const source = reading.sources.get(name);
  if (source && (source.data !== data || source.role !== role))
    throw new Fault(`expected ${quote(name)} to be free for a copy, got it twice`);
  if (source && source.scales !== scales && source.scales?.some((scale, i) => scale !== scales?.[i]))
    throw new Fault(`expected one meaning of ${quoted}, got it with other scales`);
  if (!source) {
    reading.sources.set(name, { role, data, scales: role === "weight" ? scales : undefined });
    const own = (first ? data.slice() : data) as Float32Array | Int8Array | Int32Array;
    const channelScales = scales?.length === 1 ? new Float32Array(dims[0] ?? 0).fill(scales[0] as number) : scales;
    reading.params.set(
      name,
      type === "int8" ? { dims: constant.dims, data: own, scales: channelScales } : { dims: constant.dims, data: own },
    );
  }
  return name;
}
