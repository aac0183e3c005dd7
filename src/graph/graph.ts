import { FourwayError } from "../core/errors.js";

/** Height, width and channels of a value; the batch comes first and is chosen when the graph is planned. */
export interface Shape {
  height: number;
  width: number;
  channels: number;
}

/** What an op does to its results before it writes them; leaky: y > 0 ? y : slope * y, with a slope in 0..1. */
export type Activation = { kind: "none" } | { kind: "relu" } | { kind: "leaky"; slope: number };

/** The ops' names and attributes. */
export interface OpAttributes {
  /** 1x1 convolution. params: weight [co, ci, 1, 1], bias? [co] */
  conv1x1: { activation: Activation };
  /** 3x3 convolution, padding 1. params: weight [co, ci, 3, 3], bias? [co] */
  conv3x3: { stride: 1 | 2; activation: Activation };
  /** Depthwise convolution, padding kernel / 2. params: weight [c, 1, kernel, kernel], bias? [c] */
  dwconv: { kernel: 3 | 5; stride: 1 | 2; activation: Activation };
  /** Batch normalisation. params: gamma, beta, mean, variance, each [c]; momentum is the weight of the new statistics */
  norm: { epsilon: number; momentum: number; activation: Activation };
  /** y = x > 0 ? x : slope * x */
  relu: { slope: number };
  /** y = 1 / (1 + e^-x) */
  sigmoid: Record<never, never>;
  /** Elementwise sum of two inputs of one shape. */
  add: Record<never, never>;
  /** Nearest upsampling by 2. */
  upsample2: Record<never, never>;
  /** Bilinear upsampling by 2, pixel centres aligned. */
  bilinear2: Record<never, never>;
  /** 3x3 max pooling, stride 2, padding 1. */
  maxpool: Record<never, never>;
  /** The mean of each channel over the picture: 1 x 1. */
  globalmean: Record<never, never>;
  /** Two outputs: the even channels (0, 2, ..) and the odd ones. */
  split: Record<never, never>;
  /** Two inputs, joined along the channels. */
  concat: Record<never, never>;
  /** From int8 to f32: the first op behind int8 values that f32 nodes read. */
  dequantize: Record<never, never>;
}

/** The ops by name. */
export type OpName = keyof OpAttributes;

/** One op applied. `params` maps a role (weight, bias, gamma, ..) to a name in `Graph.params`. */
export type GraphNode = {
  [N in OpName]: {
    op: N;
    name: string;
    inputs: string[];
    outputs: string[];
    attributes: OpAttributes[N];
    params: Partial<Record<Role, string>>;
  };
}[OpName];

/** What a parameter is to its node. */
export type Role = "weight" | "bias" | "gamma" | "beta" | "mean" | "variance";

/**
 * A parameter in the layout of ONNX (row-major over `dims`).
 * f32: `data` Float32Array. int8: weights Int8Array with one scale an output channel (value = scale * data);
 * bias Int32Array in units of input scale * weight scale.
 */
export interface Param {
  dims: number[];
  data: Float32Array | Int8Array | Int32Array;
  scales?: Float32Array;
}

/** A value that the caller writes. */
export interface GraphInput {
  name: string;
  channels: number;
  /** Pixels of the picture to one of the input, along each side: 1 for the picture itself, 8 for features of a layer of that stride. */
  stride: number;
}

/**
 * A network: nodes in order of execution over named values.
 * Fully convolutional: heights and widths come with the picture (`shapesOf`), channels from the inputs and params.
 *
 * A value with a scale is int8, any other f32; a node computes in the precision of what it reads. From int8 to f32 lead 1x1 convolutions
 * whose output has no scale, and `dequantize`.
 */
export interface Graph {
  /** Of a whole network one, `imageInput`. */
  inputs: GraphInput[];
  /** Names of the values that the caller reads. */
  outputs: string[];
  nodes: GraphNode[];
  params: Map<string, Param>;
  /** The scale of each int8 value (value = scale * int8). */
  scales?: Map<string, number>;
}

/** The input's channels: RGB. */
export const INPUT_CHANNELS = 3;
/** The input's scale, one step of a byte: a power of two, so that engines that compute int8 in floats make no rounding error here. */
export const INPUT_SCALE = 1 / 256;
/** The byte that the input calls zero. */
export const INPUT_ZERO = 128;

/** The input of a network for pictures: RGB, (byte - 128) / 256. */
export function imageInput(name: string): GraphInput {
  return { name, channels: INPUT_CHANNELS, stride: 1 };
}

/** The name of the picture's value. @throws E_GRAPH where the graph has other inputs than a picture */
export function imageOf({ inputs }: Graph): string {
  const [input, ...others] = inputs;
  if (!input || others.length > 0 || input.channels !== INPUT_CHANNELS || input.stride !== 1)
    throw new FourwayError(
      "E_GRAPH",
      `graph: expected a picture of ${INPUT_CHANNELS} channels as its one input, got ${inputs.map(({ name, channels }) => `"${name}" of ${channels}`).join(", ") || "none"}; give a whole network`,
    );
  return input.name;
}

/** The names of all values. */
export function valuesOf({ inputs, nodes }: Graph): string[] {
  return [...inputs.map(({ name }) => name), ...nodes.flatMap(({ outputs }) => outputs)];
}

/** The parameter that a node holds in a role; throws E_GRAPH where it is missing. */
export function paramOf(graph: Graph, node: GraphNode, role: Role): Param {
  const name = node.params[role];
  const param = name === undefined ? undefined : graph.params.get(name);
  if (!param) throw new FourwayError("E_GRAPH", `${node.op} "${node.name}": expected a ${role}, got none; the graph is damaged`);
  return param;
}
