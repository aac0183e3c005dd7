import { FourwayError } from "../core/errors.js";
import { type Graph, type GraphNode, INPUT_SCALE, imageOf, type Param, paramOf, valuesOf } from "../graph/graph.js";
import { opOf } from "../ops/table.js";
import type { Engine } from "../wasm/load.js";
import { type ChannelRanges, equalize, INT8_MAX } from "./equalize.js";
import { ParamStore } from "./paramStore.js";
import { type CalibrationInput, measureRanges } from "./ranges.js";
import { Sets } from "./sets.js";

/** Bits of a weight scale's mantissa: products with scales of powers of two are then exact in the floats of other engines. */
const MANTISSA = 5;
/** A bias in steps of its sums stays below this. */
const MAX_BIAS = 2 ** 22;
/** Scales of activations are 2^k for k from here. */
const MIN_EXPONENT = -20;
/** Of a power of two, by which a reach may be off. */
const ROUNDING = 1e-6;

/** The scale rounded up to a short mantissa. */
function shortScale(scale: number): number {
  const unit = 2 ** (Math.floor(Math.log2(scale)) - MANTISSA + 1);
  return Math.ceil(scale / unit) * unit;
}

/** Groups of values that must share one scale: what is only copied, and the inputs of nodes that share their parameters. */
function groupsOf(graph: Graph): Map<string, string> {
  const sets = new Sets();
  const byParams = new Map<string, GraphNode>();
  for (const node of graph.nodes) {
    if (opOf(node.op).int8 === "copies") for (const name of [...node.inputs.slice(1), ...node.outputs]) sets.join(name, node.inputs[0]!);
    const { weight, bias } = node.params;
    if (weight === undefined) continue;
    const key = JSON.stringify([weight, bias]);
    const other = byParams.get(key);
    if (other) sets.join(node.inputs[0]!, other.inputs[0]!);
    else byParams.set(key, node);
  }
  return new Map(valuesOf(graph).map((name) => [name, sets.of(name)]));
}

/** The least power of two of which so much is at most 127 times; a rounding error more is as much. */
function scaleFor(reach: number): number {
  return 2 ** Math.max(MIN_EXPONENT, Math.ceil(Math.log2(reach / INT8_MAX) - ROUNDING));
}

/** Scales of all values but the outputs, which stay f32. */
function activationScales(graph: Graph, reach: ChannelRanges): Map<string, number> {
  const groups = groupsOf(graph);
  const image = imageOf(graph);
  const outputs = new Set(graph.outputs);
  const members = new Map<string, string[]>();
  for (const [name, group] of groups) members.set(group, [...(members.get(group) ?? []), name]);
  const scales = new Map<string, number>();
  for (const [group, names] of members) {
    const fixed = groups.get(image) === group;
    if (fixed && names.length > 1)
      throw new FourwayError("E_GRAPH", `quantize: expected the input to go into a convolution, got a copy of it in "${names[1]}"`);
    const scale = fixed ? INPUT_SCALE : scaleFor(Math.max(...names.flatMap((name) => [...reach.get(name)!])));
    for (const name of names) {
      if (!outputs.has(name)) scales.set(name, scale);
      else if (names.length > 1)
        throw new FourwayError("E_GRAPH", `quantize: expected the output "${name}" to come from a convolution, got a copy`);
    }
  }
  return scales;
}

/** A convolution's weights and bias in int8 and int32, for inputs of a scale. */
function quantizeWeights(weight: Param, bias: Param, inputScale: number): { weight: Param; bias: Param } {
  const channels = weight.dims[0]!;
  const each = weight.data.length / channels;
  const data = new Int8Array(weight.data.length);
  const scales = new Float32Array(channels);
  const offsets = new Int32Array(channels);
  for (let o = 0; o < channels; o++) {
    let most = 0;
    for (let i = o * each; i < (o + 1) * each; i++) most = Math.max(most, Math.abs(weight.data[i]!));
    const scale = shortScale(Math.max(most / INT8_MAX, Math.abs(bias.data[o]!) / (MAX_BIAS * inputScale), 2 ** -30));
    for (let i = o * each; i < (o + 1) * each; i++) data[i] = Math.max(-INT8_MAX, Math.min(INT8_MAX, Math.round(weight.data[i]! / scale)));
    scales[o] = scale;
    offsets[o] = Math.round(bias.data[o]! / (scale * inputScale));
  }
  return { weight: { dims: weight.dims, data, scales }, bias: { dims: bias.dims, data: offsets } };
}

/**
 * A folded f32 graph in int8 at the given scales of its values: only weights are quantized, channels stay as they are. So a part of an int8
 * graph that learned in f32 is put back at the scales of the values about it.
 * @param scales one for each value but the outputs that stay f32
 * @throws E_GRAPH where an op has no int8 form (norm: fold it; relu on its own: fuse it), a convolution has no bias or its input no scale
 */
export function quantizeAt(graph: Graph, scales: ReadonlyMap<string, number>): Graph {
  expectInt8Forms(graph);
  const store = new ParamStore(graph);
  const nodes = graph.nodes.map((node) => {
    if (opOf(node.op).int8 !== "convolves") return node;
    const inputScale = scales.get(node.inputs[0]!);
    if (inputScale === undefined)
      throw new FourwayError("E_GRAPH", `quantize: expected a scale for "${node.inputs[0]}", got none; give one for each inner value`);
    const sources = [node.params.weight, node.params.bias, inputScale];
    let made: { weight: Param; bias: Param } | undefined;
    const both = () => (made ??= quantizeWeights(paramOf(graph, node, "weight"), paramOf(graph, node, "bias"), inputScale));
    const weight = store.add(node.params.weight!, ["weight", ...sources], () => both().weight);
    const bias = store.add(node.params.bias ?? "", ["bias", ...sources], () => both().bias);
    return { ...node, params: { weight, bias } } as GraphNode;
  });
  return { ...graph, nodes, params: store.params, scales: new Map(scales) };
}

/**
 * The scales of an int8 network's part that changed: those of values that now reach more than `slack` times as far as int8 does are doubled as
 * often as it takes; what is copied has one scale, and the part's inputs keep theirs.
 * @param graph the part, f32
 * @param reach the largest magnitude of each value
 */
export function grownScales(
  graph: Graph,
  scales: ReadonlyMap<string, number>,
  reach: ReadonlyMap<string, number>,
  slack: number,
): Map<string, number> {
  const groups = groupsOf(graph);
  const fixed = new Set(graph.inputs.map(({ name }) => groups.get(name)!));
  const needed = new Map<string, number>();
  for (const [name, group] of groups) needed.set(group, Math.max(needed.get(group) ?? 0, reach.get(name) ?? 0));
  return new Map(
    [...scales].map(([name, scale]) => {
      const group = groups.get(name);
      const most = group === undefined || fixed.has(group) ? 0 : needed.get(group)!;
      return [name, most > slack * INT8_MAX * scale ? scaleFor(most) : scale];
    }),
  );
}

function expectInt8Forms(graph: Graph): void {
  for (const { op, name } of graph.nodes)
    if (opOf(op).int8 === "none")
      throw new FourwayError(
        "E_GRAPH",
        `quantize: expected ops with an int8 form, got ${op} "${name}"; fold norms and fuse activations first`,
      );
}

/**
 * The int8 twin of a folded f32 graph: symmetric, weights per output channel, activations per value with scales of powers of two, so that
 * every engine computes the same bits; channels are brought to similar ranges first (`equalize`). The graph's outputs stay f32.
 * @param inputs what the network is to see, to measure its values on: train pictures, a hundred or so
 * @throws E_ARGUMENT without inputs; E_GRAPH where an op has no int8 form (norm: fold it; relu on its own: fuse it) or a convolution has no bias
 */
export function quantize(engine: Engine, graph: Graph, inputs: readonly CalibrationInput[]): Graph {
  if (inputs.length === 0) throw new FourwayError("E_ARGUMENT", "quantize: expected at least one picture to calibrate on, got none");
  expectInt8Forms(graph);
  const { graph: equal, reach } = equalize(graph, measureRanges(engine, graph, inputs));
  return quantizeAt(equal, activationScales(equal, reach));
}
