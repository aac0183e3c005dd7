import { FourwayError } from "../core/errors.js";
import { type Graph, type GraphNode, INPUT_CHANNELS, type Shape } from "../graph/graph.js";
import { stored } from "../ops/layout.js";
import { WHOLE } from "../ops/op.js";
import { opOf } from "../ops/table.js";
import { roomFor } from "../wasm/memory.js";
import type { Chunk } from "../wasm/signals.js";
import { precisionOf, precisionOfNode } from "./precision.js";

/** A buffer's need: how many bytes, from which moment to which (both included). */
export interface BufferRequest {
  bytes: number;
  first: number;
  last: number;
}

/** Values are whole vectors of channels, so that kernels touch no more bytes than these past a buffer's end. */
const SPARE = 16;

/**
 * Lays buffers into one arena: those whose lifetimes overlap do not overlap in space, the others may.
 * Largest first, each at the lowest offset that is free during its life. Offsets are multiples of 64.
 * source: greedy by size, Pisarchyk and Lee, arXiv 2001.03288
 */
export function placeBuffers(requests: readonly BufferRequest[]): { offsets: number[]; bytes: number } {
  const size = requests.map(({ bytes }) => roomFor(bytes, SPARE));
  const order = requests.map((_, i) => i).sort((a, b) => size[b]! - size[a]! || a - b);
  const offsets = new Array<number>(requests.length).fill(0);
  const placed: number[] = []; // by offset
  let bytes = 0;
  for (const i of order) {
    const { first, last } = requests[i]!;
    let offset = 0;
    for (const j of placed) {
      const other = requests[j]!;
      if (other.last < first || other.first > last) continue;
      if (offset + size[i]! <= offsets[j]!) break;
      offset = Math.max(offset, offsets[j]! + size[j]!);
    }
    offsets[i] = offset;
    bytes = Math.max(bytes, offset + size[i]!);
    let at = placed.length;
    while (at > 0 && offsets[placed[at - 1]!]! > offset) at--;
    placed.splice(at, 0, i);
  }
  return { offsets, bytes };
}

/**
 * Shapes of all values for a picture of `height` x `width`.
 * @throws E_GRAPH for values that are read before they are written, written twice, or missing; E_SHAPE where sizes do not fit, or where
 * 3 channels, which are stored without padding and which only a 3x3 convolution reads, are not an input's
 */
export function shapesOf(graph: Graph, height: number, width: number): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const { name, channels, stride } of graph.inputs) {
    if (shapes.has(name)) throw new FourwayError("E_GRAPH", `graph: expected inputs of different names, got "${name}" twice`);
    if (!(Number.isInteger(channels) && channels > 0 && Number.isInteger(stride) && stride > 0))
      throw new FourwayError(
        "E_SHAPE",
        `input "${name}": expected channels and a stride of whole numbers above 0, got ${channels} channels of stride ${stride}`,
      );
    shapes.set(name, { height: Math.ceil(height / stride), width: Math.ceil(width / stride), channels });
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => {
      const shape = shapes.get(name);
      if (!shape)
        throw new FourwayError(
          "E_GRAPH",
          `${node.op} "${node.name}": expected "${name}" to be computed before, got nothing; order the nodes`,
        );
      if (shape.channels === INPUT_CHANNELS && node.op !== "conv3x3")
        throw new FourwayError("E_SHAPE", `${node.op} "${node.name}": expected more than 3 channels, got 3; begin with a 3x3 convolution`);
      return shape;
    });
    const weight = node.params.weight === undefined ? undefined : graph.params.get(node.params.weight);
    const op = opOf(node.op);
    if (op.weight && !weight) throw new FourwayError("E_GRAPH", `${node.op} "${node.name}": expected weights, got none`);
    const outputs = op.shape(node, inputs, weight);
    if (outputs.length !== node.outputs.length)
      throw new FourwayError("E_GRAPH", `${node.op} "${node.name}": expected ${outputs.length} outputs, got ${node.outputs.length}`);
    node.outputs.forEach((name, i) => {
      if (outputs[i]!.channels === INPUT_CHANNELS)
        throw new FourwayError("E_SHAPE", `${node.op} "${node.name}": expected other than 3 channels behind it, got 3; only inputs have 3`);
      if (shapes.has(name)) throw new FourwayError("E_GRAPH", `${node.op} "${node.name}": expected a new name, got "${name}" twice`);
      shapes.set(name, outputs[i]!);
    });
  }
  for (const name of graph.outputs)
    if (!shapes.has(name)) throw new FourwayError("E_GRAPH", `graph: expected the output "${name}" to be computed, got nothing`);
  return shapes;
}

/** Sizes of one run. */
export interface Size {
  batch: number;
  height: number;
  width: number;
}

/** A planned forward pass: where every buffer lies in an arena of `bytes`, relative to its start. */
export interface Plan extends Size {
  graph: Graph;
  /** Into which parts that may run at once each step can be cut. */
  parts: readonly Chunk[];
  shapes: Map<string, Shape>;
  /** Offsets of the values. */
  values: Map<string, number>;
  /** Offsets of each node's scratch, a place each part. */
  scratch: number[][];
  bytes: number;
}

/** The moment at which each value is read last; outputs are read after the last node. */
export function lastReads(graph: Graph): Map<string, number> {
  const reads = new Map<string, number>();
  graph.nodes.forEach((node, i) => {
    for (const name of node.inputs) reads.set(name, i);
  });
  for (const name of graph.outputs) reads.set(name, graph.nodes.length);
  return reads;
}

/** Throws E_GRAPH unless batch, height and width are whole and the input a multiple of 32. */
export function checkSize({ batch, height, width }: Size): void {
  if (![batch, height, width].every((v) => Number.isInteger(v) && v > 0) || height % 32 || width % 32 || batch * height * width > 1 << 28)
    throw new FourwayError(
      "E_GRAPH",
      `plan: expected a batch of inputs whose sides are multiples of 32, got ${batch} x ${height} x ${width}; letterbox to such a size`,
    );
}

/** How many picture elements a buffer of a value has. */
export function elements(shape: Shape, batch: number): number {
  return batch * shape.height * shape.width * stored(shape.channels);
}

/**
 * Plans a forward pass.
 * @param keepAll every value keeps a buffer of its own to the end (for calibration and tests)
 * @param parts of a step that may run at once, each with a scratch of its own
 * @throws E_GRAPH, E_SHAPE as `shapesOf` and `checkSize`
 */
export function planForward(graph: Graph, size: Size, keepAll = false, parts: readonly Chunk[] = [WHOLE]): Plan {
  checkSize(size);
  const shapes = shapesOf(graph, size.height, size.width);
  const reads = lastReads(graph);
  const end = graph.nodes.length;
  const requests: BufferRequest[] = [];
  const values = new Map<string, number>();
  const request = (name: string, first: number): void => {
    values.set(name, requests.length);
    requests.push({
      bytes: precisionOf(graph, name).bytes * elements(shapes.get(name)!, size.batch),
      first: keepAll ? 0 : first,
      last: keepAll ? end : (reads.get(name) ?? first),
    });
  };
  for (const { name } of graph.inputs) request(name, 0);
  const scratch: number[][] = [];
  graph.nodes.forEach((node, i) => {
    for (const name of node.outputs) request(name, i);
    const bytes = scratchOf(graph, node, shapes);
    scratch.push(parts.map(() => requests.push({ bytes, first: i, last: i }) - 1));
  });
  const { offsets, bytes } = placeBuffers(requests);
  for (const [name, at] of values) values.set(name, offsets[at]!);
  return { ...size, graph, parts, shapes, values, scratch: scratch.map((each) => each.map((at) => offsets[at]!)), bytes };
}

/** A node's scratch in inference, in bytes. */
export function scratchOf(graph: Graph, node: GraphNode, shapes: Map<string, Shape>): number {
  const of = (name: string): Shape => shapes.get(name)!;
  return precisionOfNode(graph, node).scratch(node, node.inputs.map(of), node.outputs.map(of));
}

/** Multiply-accumulates of one picture, a node each. */
export function macsOf(graph: Graph, shapes: Map<string, Shape>): number[] {
  const of = (name: string): Shape => shapes.get(name)!;
  return graph.nodes.map((node) => opOf(node.op).macs(node, node.inputs.map(of), node.outputs.map(of)));
}
