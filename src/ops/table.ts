import type { Graph, GraphNode, OpName } from "../graph/graph.js";
import { add } from "./add.js";
import { bilinear2 } from "./bilinear2.js";
import { concat } from "./concat.js";
import { conv1x1 } from "./conv1x1.js";
import { conv3x3 } from "./conv3x3.js";
import { dequantize } from "./dequantize.js";
import { dwconv } from "./dwconv.js";
import { globalmean } from "./globalmean.js";
import { maxpool } from "./maxpool.js";
import { norm } from "./norm.js";
import type { Op } from "./op.js";
import { relu } from "./relu.js";
import { sigmoid } from "./sigmoid.js";
import { split } from "./split.js";
import { upsample2 } from "./upsample2.js";

/** Every op. The mapped type makes the table total: a missing op or gradient does not compile. */
export const OPS: { [N in OpName]: Op<N> } = {
  conv1x1,
  conv3x3,
  dwconv,
  norm,
  relu,
  sigmoid,
  add,
  upsample2,
  bilinear2,
  maxpool,
  globalmean,
  split,
  concat,
  dequantize,
};

/** Channels of a node's outputs; sizes do not matter. */
export function channelsAfter(
  { op, inputs, params }: GraphNode,
  graph: Pick<Graph, "params">,
  channels: ReadonlyMap<string, number>,
): number[] {
  const weight = params.weight === undefined ? undefined : graph.params.get(params.weight);
  return opOf(op).channels(
    inputs.map((name) => channels.get(name)!),
    weight,
  );
}

/** Whether an op can make an f32 value of an int8 one. */
export function leavesInt8(op: OpName): boolean {
  return op === "conv1x1" || OPS[op].int8 === "ends";
}

/** The op of a node, as one type, for callers that treat all ops the same. */
export function opOf(name: OpName): Op<OpName> {
  return OPS[name] as unknown as Op<OpName>;
}
