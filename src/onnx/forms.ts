import type { Activation, OpName, Role } from "../graph/graph.js";
import { activationOf } from "../ops/activation.js";
import type { NodeOf } from "../ops/op.js";
import { float, int, ints, string } from "./attributes.js";
import { dequantizeLinear, quantizeLinear } from "./quantized.js";
import type { AttributeDraft } from "./schema.js";
import * as read from "./translate.js";

/** A node of the file, but for the values that it reads and makes. */
interface WrittenNode {
  op: string;
  attributes?: AttributeDraft[];
  /** Inputs behind the values: parameters and constants. */
  more?: string[];
  /** What its name ends in, where an op becomes several nodes. */
  part?: string;
  /** Reading must not merge it into the node before it. */
  alone?: boolean;
}

/** What a form may ask for while it is written. */
interface Writer {
  /** Tensors of those parameters that the node has. */
  params(...roles: Role[]): string[];
  /** A constant of the format; the same content is written once. */
  constant(name: string, dims: number[], data: Float32Array | number[]): string;
  /** Channels of the first input. */
  channels: number;
}

/** What an op is in ONNX: from which of its ops it is read, and as which node an output it is written. */
interface OnnxForm<N extends OpName> {
  read: { readonly [op: string]: read.Translator };
  write(node: NodeOf<N>, writer: Writer): WrittenNode[];
}

// What is the default (pads 0, stride 1, group 1) or follows from the weights (kernel_shape) is left out: it would be two hundredths of an int8 file.
function writeConv(writer: Writer, kernel: number, stride = 1, group = 1): WrittenNode[] {
  const attributes = [
    ...(group > 1 ? [int("group", group)] : []),
    ...(kernel > 1 ? [ints("pads", Array(4).fill(kernel >> 1))] : []),
    ...(stride > 1 ? [ints("strides", [stride, stride])] : []),
  ];
  return [{ op: "Conv", attributes, more: writer.params("weight", "bias") }];
}

/** An activation as a node. */
export function writeActivation(activation: Activation): { op: string; attributes: AttributeDraft[] } {
  if (activation.kind === "relu") return { op: "Relu", attributes: [] };
  return { op: "LeakyRelu", attributes: [float("alpha", activation.kind === "leaky" ? activation.slope : 1)] };
}

/** Resize by 2, by attributes. */
function writeResize(writer: Writer, attributes: { [name: string]: string }): WrittenNode[] {
  return [
    {
      op: "Resize",
      attributes: Object.entries(attributes).map(([name, value]) => string(name, value)),
      more: ["", writer.constant("double", [4], new Float32Array([1, 1, 2, 2]))],
    },
  ];
}

/** The largest int32, beyond every channel: a Slice that runs to the end. */
const TO_THE_END = 2 ** 31 - 1;

function writeSlice({ constant }: Writer, start: number, part: string): WrittenNode {
  const numbers = { [part]: start, end: TO_THE_END, channels: 1, two: 2 };
  return { op: "Slice", part, more: Object.entries(numbers).map(([name, value]) => constant(name, [1], [value])) };
}

/** Every op in ONNX. The mapped type makes the table total. */
const FORMS: { [N in OpName]: OnnxForm<N> } = {
  conv1x1: { read: { Conv: read.conv }, write: (_, writer) => writeConv(writer, 1) },
  conv3x3: { read: { Conv: read.conv }, write: ({ attributes: { stride } }, writer) => writeConv(writer, 3, stride) },
  dwconv: {
    read: { Conv: read.conv },
    write: ({ attributes: { kernel, stride } }, writer) => writeConv(writer, kernel, stride, writer.channels),
  },
  norm: {
    read: { BatchNormalization: read.batchNormalization },
    write: ({ attributes: { epsilon, momentum } }, writer) => [
      {
        op: "BatchNormalization",
        attributes: [float("epsilon", epsilon), float("momentum", 1 - momentum)],
        more: writer.params("gamma", "beta", "mean", "variance"),
      },
    ],
  },
  relu: {
    read: { Relu: read.activation, LeakyRelu: read.activation },
    write: ({ attributes: { slope } }) => [{ ...writeActivation(activationOf(slope)), alone: true }],
  },
  sigmoid: { read: { Sigmoid: read.sigmoid }, write: () => [{ op: "Sigmoid" }] },
  add: { read: { Add: read.add }, write: () => [{ op: "Add" }] },
  concat: { read: { Concat: read.concat }, write: () => [{ op: "Concat", attributes: [int("axis", 1)] }] },
  maxpool: {
    read: { MaxPool: read.maxPool },
    write: () => [{ op: "MaxPool", attributes: [ints("kernel_shape", [3, 3]), ints("pads", [1, 1, 1, 1]), ints("strides", [2, 2])] }],
  },
  globalmean: { read: { GlobalAveragePool: read.globalAveragePool }, write: () => [{ op: "GlobalAveragePool" }] },
  upsample2: {
    read: { Resize: read.resize, Upsample: read.resize },
    write: (_, writer) => writeResize(writer, { coordinate_transformation_mode: "asymmetric", mode: "nearest", nearest_mode: "floor" }),
  },
  bilinear2: {
    read: { Resize: read.resize },
    write: (_, writer) => writeResize(writer, { coordinate_transformation_mode: "half_pixel", mode: "linear" }),
  },
  dequantize: { read: { Identity: read.identity }, write: () => [{ op: "Identity", alone: true }] },
  split: { read: { Slice: read.slice }, write: (_, writer) => [writeSlice(writer, 0, "even"), writeSlice(writer, 1, "odd")] },
};

/** The form of a node's op, as one type. */
export function formOf(op: OpName): OnnxForm<OpName> {
  return FORMS[op] as unknown as OnnxForm<OpName>;
}

/** The ops of ONNX that are read, by op_type. */
export const TRANSLATORS: ReadonlyMap<string, read.Translator> = new Map(
  [
    ["Constant", read.constant] as const,
    ["DequantizeLinear", dequantizeLinear] as const,
    ["QuantizeLinear", quantizeLinear] as const,
    ...Object.values(FORMS).flatMap(({ read }) => Object.entries(read)),
  ].sort(([a], [b]) => (a < b ? -1 : 1)),
);
