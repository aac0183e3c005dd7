import { FourwayError } from "../core/errors.js";
import type { GraphNode, OpName, Param, Role, Shape } from "../graph/graph.js";
import type { Kernels } from "../wasm/kernels.js";
import type { Chunk } from "../wasm/signals.js";
import type { Layout } from "./layout.js";

/** One kernel call or a few, with every argument fixed: running it allocates nothing. */
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

/** A node with every buffer placed, ready to be turned into a step. */
export interface Site<N extends OpName> {
  node: NodeOf<N>;
  kernels: Kernels;
  batch: number;
  inputs: Place[];
  outputs: Place[];
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

/** The same, for the way back. */
export interface BackwardSite<N extends OpName> extends Site<N> {
  /** Gradients to write, one an input; undefined where nobody needs it. */
  dInputs: (number | undefined)[];
  dOutputs: number[];
  /** Gradients to add to; none of a parameter that is missing or frozen. */
  dParams: Partial<Record<Role, number>>;
}

/** The same, in int8. */
export interface SiteI8<N extends OpName> extends Site<N> {
  /** Scales of inputs and outputs; an f32 output has scale 0. */
  inputScales: number[];
  outputScales: number[];
  /** Byte offset of the f32 requantization scales of a convolution. */
  scales: number;
  /** As `Engine.byteFlip`. */
  byteFlip: number;
}

/** What it takes to be an op: shape, cost, parameters, forward and backward in one place. */
export interface Op<N extends OpName> {
  /** Shapes of the outputs. @throws E_SHAPE where the inputs or the weight do not fit */
  shape(node: NodeOf<N>, inputs: Shape[], weight: Param | undefined): Shape[];
  /** Multiply-accumulates of one picture. */
  macs(node: NodeOf<N>, inputs: Shape[], outputs: Shape[]): number;
  /** Layout of the weight in f32 and in int8, as 16-bit pairs or quads of bytes; all other parameters are vectors. */
  weight?: { f32: Layout; pairs: Layout; quads: Layout };
  /** Parameters that training moves; the others (running statistics) are state. */
  trained: readonly Role[];
  /** What the backward step reads again. */
  keeps: { inputs: boolean; outputs: boolean };
  /** The gradient of the first input may be written over that of the output. */
  inPlaceBackward: boolean;
  /** Bytes of scratch, forward and backward. */
  scratch(node: NodeOf<N>, inputs: Shape[], outputs: Shape[]): { forward: number; backward: number; i8: number };
  /** Bytes kept between forward and backward. */
  saved(outputs: Shape[]): number;
  forward(site: Site<N>): Step;
  backward(site: BackwardSite<N>): Step;
  /** Missing where an op does not occur in an int8 graph (norm is folded, relu fused). */
  forwardI8?(site: SiteI8<N>): Step;
}

/** No scratch. */
export const NO_SCRATCH = { forward: 0, backward: 0, i8: 0 };

/** @throws E_GRAPH where a node's output is f32 in an int8 graph */
export function int8Output({ op, name }: GraphNode, outputScales: readonly number[]): void {
  if (outputScales[0] === 0)
    throw new FourwayError("E_GRAPH", `${op} "${name}": expected an int8 output, got f32; only a 1x1 convolution may end an int8 graph`);
}
