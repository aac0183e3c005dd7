import { FourwayError } from "../core/errors.js";
import type { Activation, GraphNode, OpName, Param, Role, Shape } from "../graph/graph.js";
import type { Kernels } from "../wasm/generated/kernels.js";
import type { Chunk } from "../wasm/signals.js";
import { type Layout, stored } from "./layout.js";

/** Kernel calls, one or a few, with every argument fixed: running it allocates nothing. Other threads run the same calls (`Threads.record`). */
export type Step = () => void;

/** A node of one op. */
export type NodeOf<N extends OpName> = Extract<GraphNode, { op: N }>;

/** A value in memory: byte offset and shape, [batch, height, width, stored(channels)]. */
export interface Place extends Shape {
  offset: number;
}

/** All of it. */
export const WHOLE: Chunk = { from: 0, to: 1, of: 1 };

/** The rows of `total` that a part does, [from, to), cut between tiles. */
export function rowsOf({ from, to, of }: Chunk, total: number, tile = 1): [number, number] {
  const cut = (i: number): number => Math.min(total, tile * Math.floor((Math.ceil(total / tile) * i) / of));
  return [cut(from), cut(to)];
}

/** The number of an op's inputs and outputs where it is not one. */
interface Arity {
  add: { inputs: 2 };
  concat: { inputs: 2 };
  split: { outputs: 2 };
}

type Two<N extends OpName, Side extends string> = N extends keyof Arity ? (Arity[N] extends { [S in Side]: 2 } ? true : false) : false;

/** One thing an input of an op; a list for ops in general. */
type Inputs<N extends OpName, T> = OpName extends N ? T[] : Two<N, "inputs"> extends true ? [T, T] : [T];

/** One thing an output of an op; a list for ops in general. */
type Outputs<N extends OpName, T> = OpName extends N ? T[] : Two<N, "outputs"> extends true ? [T, T] : [T];

/** The weight of an op that has one. */
type Weight<N extends OpName> = OpName extends N ? Param | undefined : N extends "conv1x1" | "conv3x3" | "dwconv" ? Param : undefined;

/** A node with every buffer placed, ready to be turned into a step. */
export interface Site<N extends OpName> {
  node: NodeOf<N>;
  kernels: Kernels;
  batch: number;
  inputs: Inputs<N, Place>;
  outputs: Outputs<N, Place>;
  /** Byte offsets of the packed parameters; a missing bias points at zeros. */
  params: Record<Role, number>;
  /** Bytes that only this step uses while it runs. */
  scratch: number;
  /** Bytes kept from the forward to the backward step. */
  saved: number;
  /** What of the forward step to do; the backward one is always whole. */
  part: Chunk;
  /** At least as many zeros as any op has channels. */
  zeros: number;
}

/** The same, for the backward pass. */
export interface BackwardSite<N extends OpName> extends Site<N> {
  /** Gradients to write, one an input; undefined where nobody needs it. */
  dInputs: Inputs<N, number | undefined>;
  dOutputs: Outputs<N, number>;
  /** Gradients to add to; none of a parameter that is missing or frozen. */
  dParams: Partial<Record<Role, number>>;
}

/** The same, in int8. */
export interface SiteI8<N extends OpName> extends Site<N> {
  /** Scales of inputs and outputs; an f32 output has scale 0. */
  inputScales: Inputs<N, number>;
  outputScales: Outputs<N, number>;
  /** Byte offset of the f32 requantization scales of a convolution, or of the table of an op that is `pointwise`. */
  scales: number;
  /** As `Engine.byteFlip`. */
  byteFlip: number;
}

/** What becomes of scales in int8. */
type Int8Form =
  /** int8 weights with a scale an output channel, an int32 bias, an output scale of its own. */
  | "convolves"
  /** No weights; an output scale of its own. */
  | "computes"
  /** Inputs and outputs share one scale. */
  | "copies"
  /** An int8 input, an f32 output. */
  | "ends"
  /** It does not occur in an int8 graph. */
  | "none";

/** What it takes to be an op: shape, cost, parameters, forward and backward in one place. */
export interface Op<N extends OpName> {
  /** Shapes of the outputs. @throws E_SHAPE where the inputs or the weight do not fit */
  shape(node: NodeOf<N>, inputs: Inputs<N, Shape>, weight: Weight<N>): Outputs<N, Shape>;
  /** Channels of the outputs. */
  channels(inputs: Inputs<N, number>, weight: Weight<N>): Outputs<N, number>;
  /**
   * Pairs of an output's channel and the input's channel that it comes from without a weight between them.
   * @param inputs for each, its channels by any names
   */
  follows(inputs: Inputs<N, string[]>, outputs: Outputs<N, string[]>): [string, string][];
  /** Multiply-accumulates of one picture. */
  macs(node: NodeOf<N>, inputs: Inputs<N, Shape>, outputs: Outputs<N, Shape>): number;
  /** Layout of the weight in f32 and in int8, as 16-bit pairs or quads of bytes; all other parameters are vectors. */
  weight?: { f32: Layout; pairs: Layout; quads: Layout; depthwise: boolean };
  /** Parameters that training moves; the others (running statistics) are state. */
  trained: readonly Role[];
  /** Activations that its kernels apply to what they compute. */
  fuses: readonly Activation["kind"][];
  /** f(c x) = c f(x) for c > 0, with its bias scaled too and without its activation: the factor of a channel passes through. */
  homogeneous: boolean;
  int8: Int8Form;
  /** What the backward step reads again. */
  keeps: { inputs: boolean; outputs: boolean };
  /** The gradient of the first input may be written over that of the output. */
  inPlaceBackward: boolean;
  /** Bytes of scratch, forward and backward. */
  scratch(node: NodeOf<N>, inputs: Inputs<N, Shape>, outputs: Outputs<N, Shape>): { forward: number; backward: number; i8: number };
  /** Bytes kept between forward and backward. */
  saved(outputs: Outputs<N, Shape>): number;
  forward(site: Site<N>): Step;
  backward(site: BackwardSite<N>): Step;
  /** The function of one value that the op is; in int8 its table takes the op's place (`lookup`). */
  pointwise?(node: NodeOf<N>, x: number): number;
  /** Missing where `int8` is none. */
  forwardI8?(site: SiteI8<N>): Step;
}

/** No scratch. */
export const NO_SCRATCH = { forward: 0, backward: 0, i8: 0 };

type First<T> = readonly [T, ...T[]];

/** What ops without parameters have in common, unless they say otherwise: one output like the inputs, channel by channel, and no memory. */
export const PLAIN = {
  shape: (_: unknown, [x]: First<Shape>): [Shape] => [{ ...x }],
  channels: ([x]: First<number>): [number] => [x],
  follows: (inputs: First<string[]>, [y]: [string[]]) => inputs.flatMap((x) => x.map((channel, i): [string, string] => [y[i]!, channel])),
  macs: () => 0,
  trained: [],
  fuses: [],
  homogeneous: true,
  keeps: { inputs: false, outputs: false },
  inPlaceBackward: false,
  scratch: () => NO_SCRATCH,
  saved: () => 0,
};

/** What convolutions have in common. */
export const CONVOLUTION = {
  channels: (_: unknown, { dims: [co] }: Param): [number] => [co!],
  follows: () => [],
  trained: ["weight", "bias"],
  fuses: ["none", "relu", "leaky"],
  homogeneous: true,
  int8: "convolves",
  keeps: { inputs: true, outputs: false },
  inPlaceBackward: false,
  saved: () => 0,
} as const;

/** @throws E_GRAPH where a node's output is f32 in an int8 graph */
export function int8Output({ op, name }: GraphNode, outputScales: readonly number[]): void {
  if (outputScales[0] === 0)
    throw new FourwayError("E_GRAPH", `${op} "${name}": expected an int8 output, got f32; only a 1x1 convolution may end an int8 graph`);
}

/** A pointwise op in int8. */
export function lookup(site: SiteI8<"relu"> | SiteI8<"sigmoid">): Step {
  const { node, kernels, batch, part, inputs, outputs, scales, outputScales } = site;
  int8Output(node, outputScales);
  const c = stored(outputs[0].channels);
  const [from, to] = rowsOf(part, batch * outputs[0].height * outputs[0].width);
  const [y, x, n] = [outputs[0].offset + from * c, inputs[0].offset + from * c, (to - from) * c];
  return () => kernels.lookupI8(y, x, scales, n);
}

/**
 * What a pointwise op makes of each int8 from -128 on, rounded half to even. float32 in between, as engines have it.
 * @param f of one value; inputs come in units of `inputScale`, results go in units of `outputScale`
 */
export function tableOf(f: (x: number) => number, inputScale: number, outputScale: number): Int8Array {
  return Int8Array.from({ length: 256 }, (_, i) => {
    const v = Math.fround(Math.fround(f(Math.fround((i - 128) * inputScale))) / outputScale);
    const below = Math.floor(v);
    const up = v - below > 0.5 || (v - below === 0.5 && below % 2 !== 0);
    return Math.max(-128, Math.min(127, up ? below + 1 : below));
  });
}
