import { type Graph, type GraphNode, INPUT_CHANNELS } from "../graph/graph.js";
import { leavesInt8, opOf } from "../ops/table.js";
import { Fault, Faults, quote } from "./faults.js";
import { TRANSLATORS } from "./forms.js";
import { define, type PendingNode, type Reading, type Value } from "./reading.js";
import { DATA_TYPE, type Model, model, type OnnxNode, type OnnxValueInfo, OPSETS_READ } from "./schema.js";
import { readTensor } from "./tensors.js";
import { readMessage } from "./wire.js";

/**
 * Reads an ONNX model (opset 13 to 22, float32 or symmetric int8 QDQ) into a graph and its metadata. Front to back: the wire,
 * what the model says of itself, the tensors, node by node, the outputs.
 *
 * A Relu or LeakyRelu that alone follows a convolution or normalisation becomes its activation; two Slices of every second channel
 * become a split; Identity and Constant vanish (an Identity that `writeOnnx` made is a dequantize); tensors that no node uses and nodes that no output needs are left out. Names are the file's; a node without
 * one, or with one that was given before, gets a name made from its op and place. Attributes that are not exact in float32
 * come back as the shortest decimal (0.1); scales come back as the float32 they are.
 *
 * Safe on any bytes: nothing is allocated or repeated by a number that the file's length does not bear out, parts of the file are counted
 * while it is read, and a frame asks for at most `MAX_WORK` multiplications a pixel of the input.
 * @param bytes the whole file; not kept, not changed.
 * @throws E_ONNX whose message lists the faults, each with its place.
 */
export function readOnnx(bytes: Uint8Array): { graph: Graph; metadata: Record<string, string> } {
  const faults = new Faults();
  const file = readMessage(bytes, model, "model", faults);
  faults.throwIfAny();
  const metadata = readMetadata(file, faults);
  expectKnown(file, faults);
  if (!file.graph) faults.throwIfAny();

  const reading = startReading(file, faults);
  const inputs = readInputs(file, reading);
  for (const [index, node] of (file.graph?.nodes ?? []).entries()) readNode(reading, node, index);
  const outputs = readOutputs(file, reading);
  expectWhole(reading, outputs);
  leaveOutUnused(reading, outputs);
  expectBounded(reading);
  faults.throwIfAny();

  return { graph: finish(reading, inputs, outputs), metadata };
}

function readMetadata(file: Model, faults: Faults): Record<string, string> {
  const entries = new Map<string, string>();
  for (const { key = "", value = "" } of file.metadata) {
    if (entries.has(key)) faults.add(`metadata: expected each key once, got ${quote(key)} twice`);
    entries.set(key, value);
  }
  return Object.fromEntries(entries);
}

function expectKnown(file: Model, faults: Faults): void {
  const opsets = file.operatorSets.filter(({ domain }) => !domain || domain === "ai.onnx").map(({ version }) => version ?? 0);
  const [opset = 0] = opsets;
  if (opsets.length !== 1 || !(opset >= OPSETS_READ.first && opset <= OPSETS_READ.last))
    faults.add(`model: expected one opset, ${OPSETS_READ.first} to ${OPSETS_READ.last}, got ${opsets.slice(0, 4).join(", ") || "none"}`);
  if (!file.graph) faults.add("model: expected a graph, got none");
  if (file.functions.length > 0) faults.add(`model: expected no functions, got ${file.functions.length}`);
  if (file.graph?.sparseInitializers.length)
    faults.add(`graph: expected dense tensors, got ${file.graph.sparseInitializers.length} sparse`);
}

function startReading(file: Model, faults: Faults): Reading {
  const reading: Reading = {
    faults,
    values: new Map(),
    quantized: new Map(),
    constants: new Map(),
    broken: new Set(),
    uses: new Map(),
    nodes: [],
    params: new Map(),
    sources: new Map(),
  };
  const use = (name: string): void => void reading.uses.set(name, (reading.uses.get(name) ?? 0) + 1);
  for (const node of file.graph?.nodes ?? []) node.inputs.forEach(use);
  for (const { name = "" } of file.graph?.outputs ?? []) use(name);
  for (const [index, tensor] of (file.graph?.initializers ?? []).entries()) {
    const name = tensor.name ?? "";
    attempt(reading, `tensor ${index} ${quote(name)}`, [name], () => {
      if (name === "" || reading.constants.has(name)) throw new Fault("expected a name of its own, got none or one given before");
      reading.constants.set(name, readTensor(tensor, name));
    });
  }
  return reading;
}

/** Runs a step; a Fault is reported with its place, and what the step should have made is marked as broken. */
function attempt(reading: Reading, where: string, made: readonly string[], step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.message) reading.faults.add(`${where}: ${error.message}`);
    for (const name of made) reading.broken.add(name);
  }
}

/** A side that says its input's stride, as `writeOnnx` names it. */
const SIDE = /^(?:height|width)\/(\d{1,5})$/;

/**
 * The inputs that are not tensors of the file: [any, channels, any, any] of float32; channels that stand open are a picture's. A stride
 * other than 1 is in the sides' names.
 */
function readInputs(file: Model, reading: Reading): Value[] {
  const inputs = (file.graph?.inputs ?? []).filter(({ name = "" }) => !reading.constants.has(name) && !reading.broken.has(name));
  if (inputs.length === 0 && file.graph) reading.faults.add("graph: expected an input, got none");
  const values: Value[] = [];
  for (const input of inputs) {
    const { name = "" } = input;
    attempt(reading, `graph input ${quote(name)}`, [name], () => {
      expectFloat(input);
      const dims = input.type?.tensor?.shape?.dims;
      const channels = dims?.[1]?.value ?? INPUT_CHANNELS;
      if ((dims && dims.length !== 4) || channels < 1)
        throw new Fault(`expected [batch, channels, height, width], got ${dims?.length ?? 4} dims with ${channels} channels`);
      const [down = 1, across = 1] = [dims?.[2], dims?.[3]].map((dim) => Number(SIDE.exec(dim?.name ?? "")?.[1] ?? 1));
      const level = Math.log2(down);
      if (down !== across || !Number.isInteger(level))
        throw new Fault(`expected one stride for both sides, a power of 2, got ${down}, ${across}`);
      values.push(define(reading, name, channels, level));
    });
  }
  return values;
}

function expectFloat({ type }: OnnxValueInfo): void {
  const elementType = type?.tensor?.elementType ?? DATA_TYPE.float32;
  if (elementType !== DATA_TYPE.float32) throw new Fault(`expected float32, got data type ${elementType}`);
}

function readNode(reading: Reading, node: OnnxNode, index: number): void {
  const op = node.op ?? "";
  attempt(reading, `node ${index} ${op.slice(0, 40)} ${quote(node.name ?? "")}`, node.outputs, () => {
    const known = !node.domain || node.domain === "ai.onnx";
    const translate = known ? TRANSLATORS.get(op) : undefined;
    if (!translate)
      throw new Fault(`expected an op among ${[...TRANSLATORS.keys()].join(", ")}, got ${quote(known ? op : `${node.domain}.${op}`)}`);
    translate(reading, { ...node, name: node.name || `${op}_${index}` });
  });
}

function readOutputs(file: Model, reading: Reading): Value[] {
  const outputs: Value[] = [];
  for (const info of file.graph?.outputs ?? []) {
    const { name = "" } = info;
    attempt(reading, `graph output ${quote(name)}`, [], () => {
      expectFloat(info);
      const value = reading.values.get(name);
      if (!value && reading.broken.has(name)) throw new Fault("");
      if (!value) throw new Fault("expected a float32 tensor that a node makes, got none");
      if (!value.producer) throw new Fault("expected a computed value, got an input");
      if (outputs.includes(value)) throw new Fault(`expected each value once, got ${quote(value.name)} again`);
      value.name = name;
      outputs.push(value);
    });
  }
  if ((file.graph?.outputs.length ?? 0) === 0) reading.faults.add("graph: expected outputs, got none");
  return outputs;
}

/**
 * What can be seen at the end alone: splits have both halves, and a node is int8 throughout or not at all.
 * Where a part could not be made, what is missing may be missing for that.
 */
function expectWhole(reading: Reading, outputs: readonly Value[]): void {
  if (reading.broken.size > 0) return;
  const fault = (node: PendingNode, message: string): void => reading.faults.add(`${node.op} ${quote(node.name)}: ${message}`);
  for (const node of reading.nodes) {
    const { op, inputs } = node;
    if (inputs.some(({ halfSplits }) => halfSplits.includes(node))) {
      const tensor = (node.outputs[0] ?? node.outputs[1])?.name ?? "";
      fault(node, `expected slices of the even and of the odd channels, got ${quote(tensor)} alone`);
      continue;
    }
    if (inputs.every(({ scale }) => scale === undefined)) {
      const output = node.outputs.find(({ scale }) => scale !== undefined);
      if (output) fault(node, `expected quantized inputs, as its output ${quote(output.name)} is, got float ones`);
      if (op === "dequantize") fault(node, "expected a quantized input, got a float one");
      continue;
    }
    const form = opOf(op).int8;
    if (form === "none")
      fault(node, "expected an op with an int8 form, got another; fold normalisation into the convolutions of a quantized model");
    if (inputs.some(({ scale }) => scale === undefined)) fault(node, "expected inputs that are all quantized or all float, got both");
    for (const output of node.outputs) {
      if (output.scale === undefined && !outputs.includes(output) && !leavesInt8(op))
        fault(node, `expected a quantized output, got ${quote(output.name)} as float`);
      if (form === "copies" && output.scale !== undefined && inputs.some(({ scale }) => scale !== output.scale))
        fault(node, "expected one scale for all inputs and outputs, got several");
    }
  }
}

/** Leaves out the nodes that no output needs, and their parameters. */
function leaveOutUnused(reading: Reading, outputs: readonly Value[]): void {
  const needed = new Set<Value>(outputs);
  const nodes = reading.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((output) => needed.has(output))) return false;
    for (const input of node.inputs) needed.add(input);
    return true;
  });
  reading.nodes = nodes.reverse();
  const params = new Set(reading.nodes.flatMap((node) => Object.values(node.params)));
  for (const name of reading.params.keys()) if (!params.has(name)) reading.params.delete(name);
}

/** Multiplications and values written that a graph may ask for, a pixel of its input: a dozen times those of a ResNet-50. */
const MAX_WORK = 2 ** 20;

/** Adds a fault where a frame asks for more work than MAX_WORK a pixel. */
function expectBounded(reading: Reading): void {
  if (reading.broken.size > 0) return;
  let work = 0;
  for (const { params, outputs } of reading.nodes) {
    const weight = "weight" in params && params.weight !== undefined ? reading.params.get(params.weight) : undefined;
    for (const { channels, level } of outputs) work += (weight ? weight.data.length : channels) / 4 ** level;
  }
  if (work > MAX_WORK)
    reading.faults.add(`graph: expected at most ${MAX_WORK} multiplications a pixel of the input, got ${Math.round(work)}`);
}

function finish(reading: Reading, inputs: readonly Value[], outputs: readonly Value[]): Graph {
  const names = new Set<string>();
  const copies = new Map<string, number>();
  const nodes = reading.nodes.map((node) => {
    let name = node.name;
    while (names.has(name)) {
      const copy = (copies.get(node.name) ?? 1) + 1;
      copies.set(node.name, copy);
      name = `${node.name}_${copy}`;
    }
    names.add(name);
    return { ...node, name, inputs: node.inputs.map((value) => value.name), outputs: node.outputs.map((value) => value.name) } as GraphNode;
  });
  const graph: Graph = {
    inputs: inputs.map(({ name, channels, level }) => ({ name, channels, stride: 2 ** level })),
    outputs: outputs.map(({ name }) => name),
    nodes,
    params: reading.params,
  };
  const scales = new Map<string, number>();
  for (const value of new Set([...inputs, ...reading.nodes.flatMap((node) => node.outputs)]))
    if (value.scale !== undefined) scales.set(value.name, value.scale);
  return scales.size > 0 ? { ...graph, scales } : graph;
}
