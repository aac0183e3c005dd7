import { FourwayError } from "../core/errors.js";
import type { Graph, GraphNode, OpName, Param, Role } from "../graph/graph.js";
import { type Layout, pack, stored, VECTOR } from "../ops/layout.js";
import { type Site, type SiteI8, tableOf } from "../ops/op.js";
import { opOf } from "../ops/table.js";
import type { Engine } from "../wasm/load.js";
import { roomFor } from "../wasm/memory.js";
import { INT8, precisionOfNode } from "./precision.js";

/** A parameter in the kernels' memory. */
interface PlacedParam {
  name: string;
  role: Role;
  param: Param;
  layout: Layout;
  /** Byte offset and number of values, padding included. */
  offset: number;
  length: number;
  use: ParamUse;
}

/** What training does with a parameter: moves it along its gradient, keeps it as running statistics, or leaves it alone. */
type ParamUse = "trained" | "state" | "frozen";

/** Whether training may move a parameter. */
export type Trains = (param: { name: string; role: Role }) => boolean;

/** A graph's parameters in memory, packed once for the kernels that read them. */
export interface PlacedParams {
  byName: Map<string, PlacedParam>;
  /** First those that are trained, then running statistics, then frozen ones: bytes from `offset`. */
  offset: number;
  trainedBytes: number;
  stateBytes: number;
  frozenBytes: number;
  /** Offset of a block of zeros, as long as the widest op. */
  zeros: number;
  /** int8: offsets of the requantization scales of convolutions and the tables of pointwise ops, a node each. */
  scales: Map<GraphNode, number>;
  /** How these weights are multiplied, as `Engine.byteFlip`. */
  byteFlip: number;
  /** Offset of the room where other threads read their script. */
  script: number;
}

function layoutOf(node: GraphNode, role: Role, kind: WeightKind): Layout {
  if (role !== "weight") return VECTOR;
  const { weight } = opOf(node.op);
  if (!weight) throw new FourwayError("E_GRAPH", `${node.op} "${node.name}": expected no weights, got some`);
  return weight[kind];
}

/** What weights are multiplied as. */
type WeightKind = "f32" | "pairs" | "quads";
/** Bytes a weight. */
const WEIGHT_BYTES: Record<WeightKind, number> = { f32: 4, pairs: 2, quads: 1 };
/** Two products of it with itself are 2^15: too much for the 16 bits that compilers for ARM may keep them in, V8's first one for certain. */
const INT8_MIN = -128;

/** The engine's way to multiply bytes, or pairs where it takes signed bytes and some weight is the least there is. */
function byteFlipFor({ byteFlip }: Engine, { params }: Graph): number {
  const isLeast = ({ data, scales }: Param): boolean => scales !== undefined && data.includes(INT8_MIN);
  return byteFlip === 0 && [...params.values()].some(isLeast) ? -1 : byteFlip;
}

/** The same, but for parameters that are not f32: these never move. */
export function trainable({ params }: Graph, trains: Trains = () => true): Trains {
  return (param) => params.get(param.name)?.data instanceof Float32Array && trains(param);
}

/** A graph's parameters before they are placed, and how many bytes they take. */
interface ListedParams {
  byName: Map<string, PlacedParam>;
  byteFlip: number;
  integers: WeightKind;
  bytes: Record<ParamUse, number>;
  /** Values of the widest op. */
  widest: number;
}

function listParams(engine: Engine, graph: Graph, trains?: Trains): ListedParams {
  const moves = trainable(graph, trains);
  const byteFlip = byteFlipFor(engine, graph);
  const integers: WeightKind = byteFlip < 0 ? "pairs" : "quads";
  const byName = new Map<string, PlacedParam>();
  let widest = 8;
  for (const node of graph.nodes) {
    const quantized = precisionOfNode(graph, node) === INT8;
    const kind = quantized ? integers : "f32";
    for (const [key, name] of Object.entries(node.params)) {
      const role = key as Role;
      const param = graph.params.get(name);
      if (!param) throw new FourwayError("E_GRAPH", `${node.op} "${node.name}": expected a parameter "${name}", got none`);
      if (param.data instanceof Float32Array === quantized)
        throw new FourwayError(
          "E_GRAPH",
          `parameter "${name}": expected ${quantized ? "int8" : "f32"} values, got others; the graph is half quantized`,
        );
      const layout = layoutOf(node, role, kind);
      const known = byName.get(name);
      if (known && known.layout !== layout)
        throw new FourwayError("E_GRAPH", `parameter "${name}": expected one use, got ${known.role} and ${role} of different ops`);
      widest = Math.max(widest, stored(param.dims[0]!), stored(param.dims[1] ?? 0) * (node.op === "conv3x3" ? 9 : 1));
      const state = !opOf(node.op).trained.includes(role);
      const use = state ? "state" : moves({ name, role }) ? "trained" : "frozen";
      if (!known) byName.set(name, { name, role, param, layout, offset: 0, length: layout.length(param.dims), use });
    }
  }
  const sum = (use: ParamUse): number => {
    let bytes = 0;
    for (const placed of byName.values()) if (placed.use === use) bytes += bytesOf(placed, integers);
    return bytes;
  };
  return { byName, byteFlip, integers, bytes: { trained: sum("trained"), state: sum("state"), frozen: sum("frozen") }, widest };
}

/** Bytes of a parameter as it lies in memory. */
function bytesOf({ role, length, param }: PlacedParam, integers: WeightKind): number {
  return (role === "weight" && !(param.data instanceof Float32Array) ? WEIGHT_BYTES[integers] : 4) * length;
}

/** Bytes of the requantization scales or the table of a node; 0 where it has neither. */
function scaleBytes(graph: Graph, node: GraphNode, byName: ReadonlyMap<string, PlacedParam>): number {
  if (precisionOfNode(graph, node) !== INT8) return 0;
  if (opOf(node.op).pointwise) return 256;
  const weight = node.params.weight === undefined ? undefined : byName.get(node.params.weight);
  return weight ? 4 * stored(weight.param.dims[0]!) : 0;
}

/** How much memory `placeParams` takes without threads, and of that the bytes of what is trained. */
export function paramBytes(engine: Engine, graph: Graph, trains?: Trains): { room: number; trained: number } {
  const { bytes, widest, byName } = listParams(engine, graph, trains);
  const scales = graph.nodes.map((node) => scaleBytes(graph, node, byName)).filter((count) => count > 0);
  const room = [bytes.trained + bytes.state + bytes.frozen, 4 * widest, ...scales].reduce((sum, count) => sum + roomFor(count), 0);
  return { room, trained: bytes.trained };
}

/**
 * Packs a graph's parameters into memory: those of f32 nodes as floats, those of int8 nodes with weights as the engine multiplies them and,
 * for each convolution, the scale that turns its int32 sums into its output's steps.
 * @param trains which f32 parameters training may move; without it all, running statistics aside
 * @throws E_GRAPH where a parameter is missing, or shared between ops that need different layouts
 */
export function placeParams(engine: Engine, graph: Graph, trains?: Trains): PlacedParams {
  const { memory, threads } = engine;
  const { byName, byteFlip, integers, bytes, widest } = listParams(engine, graph, trains);
  const { trained: trainedBytes, state: stateBytes, frozen: frozenBytes } = bytes;
  const offset = memory.reserve(trainedBytes + stateBytes + frozenBytes);
  let next = offset;
  for (const use of ["trained", "state", "frozen"])
    for (const placed of byName.values()) {
      if (placed.use !== use) continue;
      placed.offset = next;
      next += bytesOf(placed, integers);
      const { param, layout, length, role } = placed;
      const at = placed.offset;
      if (param.data instanceof Float32Array) pack(param, layout, memory.f32.subarray(at >> 2, (at >> 2) + length));
      else if (role === "weight")
        pack(param, layout, integers === "quads" ? memory.i8.subarray(at, at + length) : memory.i16.subarray(at >> 1, (at >> 1) + length));
      else pack(param, layout, memory.i32.subarray(at >> 2, (at >> 2) + length));
    }
  const zeros = memory.reserve(4 * widest);
  memory.u8.fill(0, zeros, zeros + 4 * widest);
  const scales = new Map<GraphNode, number>();
  for (const node of graph.nodes) {
    if (precisionOfNode(graph, node) !== INT8) continue;
    const weight = node.params.weight === undefined ? undefined : byName.get(node.params.weight)?.param;
    const { pointwise } = opOf(node.op);
    if (pointwise) {
      const [from, to] = [node.inputs[0]!, node.outputs[0]!].map((value) => Math.fround(graph.scales!.get(value) ?? 0));
      const table = memory.reserve(256);
      memory.i8.set(
        tableOf((x) => pointwise(node, x), from!, to!),
        table,
      );
      scales.set(node, table);
    }
    if (!weight) continue;
    const c = weight.dims[0]!;
    const at = memory.reserve(4 * stored(c));
    const block = memory.f32.subarray(at >> 2, (at >> 2) + stored(c)).fill(0);
    const input = Math.fround(graph.scales!.get(node.inputs[0]!) ?? 0);
    const output = graph.scales!.get(node.outputs[0]!);
    for (let i = 0; i < c; i++) {
      const sums = Math.fround(input * weight.scales![i]!);
      block[i] = output === undefined ? sums : Math.fround(sums / Math.fround(output));
    }
    scales.set(node, at);
  }
  const script = threads ? memory.reserve(threads.roomFor(graph.nodes.length)) : 0;
  return { byName, offset, trainedBytes, stateBytes, frozenBytes, zeros, scales, byteFlip, script };
}

/** What int8 kernels ask for beside what all do. */
export function int8Site(graph: Graph, node: GraphNode, params: PlacedParams): Omit<SiteI8<OpName>, keyof Site<OpName>> {
  return {
    inputScales: node.inputs.map((name) => graph.scales?.get(name) ?? 0),
    outputScales: node.outputs.map((name) => graph.scales?.get(name) ?? 0),
    scales: params.scales.get(node) ?? 0,
    byteFlip: params.byteFlip,
  };
}

/** Byte offsets of a node's parameters by role; a missing one is the block of zeros. */
export function paramOffsets(node: GraphNode, { byName, zeros }: PlacedParams): Record<Role, number> {
  const at = (role: Role): number => {
    const name = node.params[role];
    return name === undefined ? zeros : byName.get(name)!.offset;
  };
  return { weight: at("weight"), bias: at("bias"), gamma: at("gamma"), beta: at("beta"), mean: at("mean"), variance: at("variance") };
}

/** Byte offsets of the gradients of a node's trained parameters, `shift` bytes from the parameters. */
export function gradientOffsets(node: GraphNode, { byName }: PlacedParams, shift: number): Partial<Record<Role, number>> {
  const trained = Object.entries(node.params).filter(([, name]) => byName.get(name)!.use === "trained");
  return Object.fromEntries(trained.map(([role, name]) => [role, byName.get(name)!.offset + shift]));
}
