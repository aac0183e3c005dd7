import { activationOf } from "../ops/activation.js";
import { opOf } from "../ops/table.js";
import { type Attributes, attributesOf, shortest } from "./attributes.js";
import { Fault, quote } from "./faults.js";
import {
  addNode,
  COARSEST_LEVEL,
  claim,
  constantAt,
  define,
  missing,
  numbersAt,
  onlyOutput,
  type PendingNode,
  type Reading,
  useParam,
  type Value,
  valueAt,
} from "./reading.js";
import { type OnnxNode, type OnnxTensor, OWN_NODE } from "./schema.js";
import { type Constant, readTensor } from "./tensors.js";

/** Reads one node of the file into the graph. Throws Fault. */
export type Translator = (reading: Reading, node: OnnxNode) => void;

function same(got: readonly number[] | undefined, expected: readonly number[]): boolean {
  return got?.length === expected.length && expected.every((value, i) => value === got[i]);
}

/** Throws Fault unless a list attribute is as expected, or absent where that means the same. */
function expectInts(attributes: Attributes, name: string, expected: readonly number[], absent: readonly number[]): void {
  const got = attributes.ints(name) ?? absent;
  if (!same(got, expected)) throw new Fault(`expected ${name} ${expected.join(", ")}, got ${got.slice(0, 8).join(", ") || "none"}`);
}

function strideOf(attributes: Attributes): number {
  const [down = 0, right = 0, ...more] = attributes.ints("strides") ?? [1, 1];
  if (down !== right || more.length > 0) throw new Fault(`expected one stride for both directions, got ${down}, ${right}`);
  return down;
}

const WINDOW = ["auto_pad", "dilations", "kernel_shape", "pads", "strides"];

function expectWindow(attributes: Attributes, kernel: number): void {
  const half = kernel >> 1;
  const padding = attributes.string("auto_pad", "NOTSET");
  if (padding !== "NOTSET" && padding !== "") throw new Fault(`expected pads in numbers, got auto_pad ${quote(padding)}`);
  expectInts(attributes, "dilations", [1, 1], [1, 1]);
  expectInts(attributes, "kernel_shape", [kernel, kernel], [kernel, kernel]);
  expectInts(attributes, "pads", [half, half, half, half], [0, 0, 0, 0]);
}

/** Conv: 1x1, 3x3 or depthwise. */
export function conv(reading: Reading, node: OnnxNode): void {
  const attributes = attributesOf(node, [...WINDOW, "group"]);
  const x = valueAt(reading, node, 0);
  const weight = constantAt(reading, node, 1);
  const bias = node.inputs[2] ? constantAt(reading, node, 2) : undefined;
  const [co = 0, inner = 0, kernel = 0] = weight.dims;
  const group = attributes.int("group", 1);
  const stride = strideOf(attributes);
  const depthwise = group === x.channels && co === group && inner === 1 && (group > 1 || kernel === 5);
  if (!depthwise && group !== 1)
    throw new Fault(`expected group 1, or one group a channel, got ${group} for ${x.channels} to ${co} channels`);
  if (co < 1) throw new Fault("expected at least one output channel, got none");
  expectWindow(attributes, kernel);
  const params: PendingNode["params"] = { weight: useParam(reading, weight, "weight", [co, depthwise ? 1 : x.channels, kernel, kernel]) };
  if (bias) params.bias = useParam(reading, bias, "bias", [co]);
  expectScales(x, weight, bias);
  const y = define(reading, onlyOutput(node), co, x.level + (stride === 2 ? 1 : 0));
  const rest = { name: node.name ?? "", inputs: [x], outputs: [y], params };
  const fits = stride === 1 || stride === 2;
  if (depthwise && fits && (kernel === 3 || kernel === 5))
    addNode(reading, { op: "dwconv", attributes: { kernel, stride, activation: { kind: "none" } }, ...rest });
  else if (!depthwise && fits && kernel === 3)
    addNode(reading, { op: "conv3x3", attributes: { stride, activation: { kind: "none" } }, ...rest });
  else if (!depthwise && stride === 1 && kernel === 1)
    addNode(reading, { op: "conv1x1", attributes: { activation: { kind: "none" } }, ...rest });
  else
    throw new Fault(
      `expected a 1x1 convolution of stride 1, 3x3 or depthwise 3x3 or 5x5 of stride 1 or 2, got ${kernel}x${kernel} of stride ${stride}`,
    );
}

/** How far a bias scale may be off input scale * weight scale, relative: what float32 loses, and no more. */
const BIAS_SCALE_TOLERANCE = 1e-5;

function expectScales(x: Value, weight: Constant, bias: Constant | undefined): void {
  if (x.scale === undefined && !weight.scales && !bias?.scales) return;
  if (x.scale === undefined || !weight.scales || !bias?.scales)
    throw new Fault("expected input, weight and bias all quantized (the bias must be there), or none of them");
  for (let c = 0; c < (bias.dims[0] ?? 0); c++) {
    const expected = x.scale * ((weight.scales.length === 1 ? weight.scales[0] : weight.scales[c]) ?? 0);
    const got = (bias.scales.length === 1 ? bias.scales[0] : bias.scales[c]) ?? 0;
    if (Math.abs(got - expected) > BIAS_SCALE_TOLERANCE * expected)
      throw new Fault(`expected the bias scale to be input scale * weight scale, ${expected} in channel ${c}, got ${got}`);
  }
}

/** BatchNormalization, as a model for inference has it. */
export function batchNormalization(reading: Reading, node: OnnxNode): void {
  const attributes = attributesOf(node, ["epsilon", "momentum", "training_mode"]);
  const x = valueAt(reading, node, 0);
  if (attributes.int("training_mode", 0) !== 0) throw new Fault("expected a model for inference, got training_mode 1");
  const epsilon = shortest(attributes.float("epsilon", 1e-5));
  const momentum = shortest(1 - shortest(attributes.float("momentum", 0.9)));
  if (!(epsilon > 0 && epsilon < 1)) throw new Fault(`expected epsilon in 0..1, got ${epsilon}`);
  if (!(momentum >= 0 && momentum <= 1)) throw new Fault(`expected momentum in 0..1, got ${1 - momentum}`);
  const params: PendingNode["params"] = {};
  for (const [i, role] of (["gamma", "beta", "mean", "variance"] as const).entries())
    params[role] = useParam(reading, constantAt(reading, node, i + 1), role, [x.channels]);
  const y = define(reading, onlyOutput(node), x.channels, x.level);
  addNode(reading, {
    op: "norm",
    name: node.name ?? "",
    inputs: [x],
    outputs: [y],
    attributes: { epsilon, momentum, activation: { kind: "none" } },
    params,
  });
}

/** Relu and LeakyRelu: merged into the node before it where that alone makes its input, otherwise a node of its own. */
export function activation(reading: Reading, node: OnnxNode): void {
  const leaky = node.op === "LeakyRelu";
  const slope = leaky ? shortest(attributesOf(node, ["alpha"]).float("alpha", 0.01)) : 0;
  if (!leaky) attributesOf(node, []);
  if (!(slope >= 0 && slope <= 1)) throw new Fault(`expected a slope in 0..1, got ${slope}`);
  const x = valueAt(reading, node, 0);
  const output = onlyOutput(node);
  const before = x.producer;
  const fused = activationOf(slope);
  const free = before && "activation" in before.attributes && before.attributes.activation.kind === "none" ? before.attributes : undefined;
  const fits = before && opOf(before.op).fuses.includes(fused.kind);
  if (free && fits && !x.shared && x.scale === undefined && node.note !== OWN_NODE) {
    claim(reading, output);
    free.activation = fused;
    x.name = output;
    x.shared = reading.uses.get(output) !== 1;
    reading.values.set(output, x);
    return;
  }
  const y = define(reading, output, x.channels, x.level);
  addNode(reading, { op: "relu", name: node.name ?? "", inputs: [x], outputs: [y], attributes: { slope }, params: {} });
}

/** Sigmoid. */
export function sigmoid(reading: Reading, node: OnnxNode): void {
  attributesOf(node, []);
  const x = valueAt(reading, node, 0);
  const y = define(reading, onlyOutput(node), x.channels, x.level);
  addNode(reading, { op: "sigmoid", name: node.name ?? "", inputs: [x], outputs: [y], attributes: {}, params: {} });
}

/** Add of two values of one shape. */
export function add(reading: Reading, node: OnnxNode): void {
  attributesOf(node, []);
  const [a, b] = twoInputs(reading, node);
  if (a.channels !== b.channels) throw new Fault(`expected inputs of one shape, got ${a.channels} and ${b.channels} channels`);
  const y = define(reading, onlyOutput(node), a.channels, a.level);
  addNode(reading, { op: "add", name: node.name ?? "", inputs: [a, b], outputs: [y], attributes: {}, params: {} });
}

function twoInputs(reading: Reading, node: OnnxNode): [Value, Value] {
  if (node.inputs.length !== 2) throw new Fault(`expected 2 inputs, got ${node.inputs.length}`);
  const [a, b] = [valueAt(reading, node, 0), valueAt(reading, node, 1)];
  if (a.level !== b.level) throw new Fault(`expected inputs of one size, got strides 2^${a.level} and 2^${b.level}`);
  return [a, b];
}

function expectChannelAxis(axis: number | undefined): void {
  if (axis !== 1 && axis !== -3) throw new Fault(`expected axis 1 (channels), got ${axis ?? "none"}`);
}

/** Concat of two values along the channels. */
export function concat(reading: Reading, node: OnnxNode): void {
  expectChannelAxis(attributesOf(node, ["axis"]).int("axis", 0));
  const [a, b] = twoInputs(reading, node);
  const y = define(reading, onlyOutput(node), a.channels + b.channels, a.level);
  addNode(reading, { op: "concat", name: node.name ?? "", inputs: [a, b], outputs: [y], attributes: {}, params: {} });
}

/** MaxPool 3x3 of stride 2. */
export function maxPool(reading: Reading, node: OnnxNode): void {
  const attributes = attributesOf(node, [...WINDOW, "ceil_mode", "storage_order"]);
  const x = valueAt(reading, node, 0);
  expectWindow(attributes, 3);
  expectInts(attributes, "strides", [2, 2], [1, 1]);
  if (attributes.int("ceil_mode", 0) !== 0) throw new Fault("expected sizes rounded down, got ceil_mode 1");
  const y = define(reading, onlyOutput(node), x.channels, x.level + 1);
  addNode(reading, { op: "maxpool", name: node.name ?? "", inputs: [x], outputs: [y], attributes: {}, params: {} });
}

/** GlobalAveragePool: its one cell is at a level of its own, where it meets nothing but others of its kind. */
export function globalAveragePool(reading: Reading, node: OnnxNode): void {
  attributesOf(node, []);
  const x = valueAt(reading, node, 0);
  const y = define(reading, onlyOutput(node), x.channels, COARSEST_LEVEL);
  addNode(reading, { op: "globalmean", name: node.name ?? "", inputs: [x], outputs: [y], attributes: {}, params: {} });
}

/** A Slice of every second channel is half of a split; it waits on its input's value for the other half. */
export function slice(reading: Reading, node: OnnxNode): void {
  attributesOf(node, []);
  const x = valueAt(reading, node, 0);
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) => numbersAt(reading, node, i)) as [number[], number[], number[], number[]];
  const [start = -1] = starts;
  const everySecond =
    starts.length === 1 && same(steps, [2]) && (start === 0 || start === 1) && ends.length === 1 && (ends[0] as number) >= x.channels;
  if (axes.length !== 1 || !everySecond || x.channels < 2)
    throw new Fault("expected every second one of two or more channels (start 0 or 1, step 2, to the end), got another slice");
  expectChannelAxis(axes[0]);
  const y = define(reading, onlyOutput(node), (x.channels + 1 - start) >> 1, x.level);
  const other = x.halfSplits.findIndex((split) => split.outputs[start] === undefined);
  const [split] = other >= 0 ? x.halfSplits.splice(other, 1) : [];
  const node2 = split ?? { op: "split", name: node.name ?? "", inputs: [x], outputs: [], attributes: {}, params: {} };
  node2.outputs[start] = y;
  y.producer = node2;
  if (split) split.name = commonName(split.name, node.name ?? "");
  else {
    x.halfSplits.push(node2);
    reading.nodes.push(node2);
  }
}

/** What two names have in common up to a dot: "stage2.1" of "stage2.1.kept" and "stage2.1.in"; the first where that is nothing. */
function commonName(first: string, second: string): string {
  let end = 0;
  for (let i = 0; i < first.length && first[i] === second[i]; i++) if (first[i] === ".") end = i;
  return end > 0 ? first.slice(0, end) : first;
}

/** Pairs of coordinate_transformation_mode and nearest_mode by which output i comes from input floor(i / 2). */
const NEAREST_DOUBLING = new Set(["asymmetric floor", "asymmetric round_prefer_floor"]);
for (const mode of ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel"])
  for (const nearest of ["round_prefer_floor", "round_prefer_ceil"]) NEAREST_DOUBLING.add(`${mode} ${nearest}`);

/** Modes of linear upsampling by 2 whose outputs lie a quarter of a pixel from their input. */
const LINEAR_DOUBLING = new Set(["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel"]);

/** Resize and Upsample by 2. */
export function resize(reading: Reading, node: OnnxNode): void {
  const attributes = attributesOf(node, [
    "mode",
    "coordinate_transformation_mode",
    "nearest_mode",
    "cubic_coeff_a",
    "exclude_outside",
    "antialias",
    "extrapolation_value",
  ]);
  const x = valueAt(reading, node, 0);
  const upsample = node.op === "Upsample";
  const mode = attributes.string("mode", "nearest");
  const places = attributes.string("coordinate_transformation_mode", upsample ? "asymmetric" : "half_pixel");
  const nearest = attributes.string("nearest_mode", upsample ? "floor" : "round_prefer_floor");
  const linear = mode === "linear" && LINEAR_DOUBLING.has(places);
  if (!(linear || (mode === "nearest" && NEAREST_DOUBLING.has(`${places} ${nearest}`))) || attributes.int("antialias", 0) !== 0)
    throw new Fault(
      `expected nearest upsampling (asymmetric, floor) or linear (half_pixel), got ${quote(mode)}, ${quote(places)}, ${quote(nearest)}`,
    );
  if (node.inputs[3]) throw new Fault("expected constant scales, got sizes");
  const scales = numbersAt(reading, node, upsample ? 1 : 2);
  if (!same(scales, [1, 1, 2, 2])) throw new Fault(`expected scales 1, 1, 2, 2, got ${scales.join(", ")}`);
  const y = define(reading, onlyOutput(node), x.channels, x.level - 1);
  addNode(reading, {
    op: linear ? "bilinear2" : "upsample2",
    name: node.name ?? "",
    inputs: [x],
    outputs: [y],
    attributes: {},
    params: {},
  });
}

/** Identity: another name, or a dequantize of ours. */
export function identity(reading: Reading, node: OnnxNode): void {
  attributesOf(node, []);
  const output = onlyOutput(node);
  if (node.note === OWN_NODE) {
    const x = valueAt(reading, node, 0);
    const y = define(reading, output, x.channels, x.level);
    addNode(reading, { op: "dequantize", name: node.name ?? "", inputs: [x], outputs: [y], attributes: {}, params: {} });
    return;
  }
  claim(reading, output);
  const tensor = node.inputs[0] ?? "";
  const [value, constant] = [reading.values.get(tensor), reading.constants.get(tensor)];
  if (value) {
    value.shared ||= reading.uses.get(output) !== 1;
    reading.values.set(output, value);
  } else if (constant) reading.constants.set(output, constant);
  else throw missing(reading, tensor, "an input");
}

/** Constant: a tensor within a node. */
export function constant(reading: Reading, node: OnnxNode): void {
  const attributes = attributesOf(node, ["value", "value_int", "value_ints", "value_float", "value_floats"]);
  if (node.attributes.length !== 1) throw new Fault(`expected one value, got ${node.attributes.length}`);
  const name = onlyOutput(node);
  claim(reading, name);
  const tensor = attributes.tensor("value");
  const kind = node.attributes[0]?.name ?? "";
  const floats =
    kind === "value_float" ? [attributes.float(kind, 0)] : kind === "value_floats" ? (attributes.floats(kind) ?? []) : undefined;
  const ints = kind === "value_int" ? [attributes.int(kind, 0)] : kind === "value_ints" ? (attributes.ints(kind) ?? []) : [];
  if (tensor) reading.constants.set(name, readTensor(tensor, name));
  else if (kind === "value") throw new Fault("expected a tensor, got none");
  else {
    const numbers = floats ?? ints;
    const listed: OnnxTensor = { ...EMPTY_TENSOR, dims: kind.endsWith("s") ? [numbers.length] : [], dataType: floats ? 1 : 7 };
    reading.constants.set(name, readTensor({ ...listed, floatData: floats ?? [], int64Data: ints }, name));
  }
}

const EMPTY_TENSOR: OnnxTensor = {
  dims: [],
  dataType: undefined,
  segment: undefined,
  name: undefined,
  rawData: undefined,
  floatData: [],
  int32Data: [],
  int64Data: [],
  externalData: [],
  dataLocation: undefined,
};
