import { type Graph, type GraphNode, type Param, paramOf } from "../graph/graph.js";
import { ACTIVATIONS } from "../ops/activation.js";
import { opOf } from "../ops/table.js";
import { Sets } from "./sets.js";

/** The largest magnitude of each channel of each value. */
export type ChannelRanges = ReadonlyMap<string, Float64Array>;

/** How much of a channel's smallness is made up for; the weights that read it pay. Error of fourway-m's logits: 0.117 at 0.5, 0.097 at 0.7, 0.127 at 1. */
const MIGRATION_STRENGTH = 0.7;
/** A channel is taken for at least this part of the largest beside it: what calibration hardly saw may be larger elsewhere. */
const MIN_RANGE = 1 / 64;
/** The same for the weights that read a channel, beside the largest of their rows. */
const MIN_WEIGHT = 1e-3;
/** int8 reaches this far. */
export const INT8_MAX = 127;

/** Names of a value's channels. */
function channelsOf(value: string, reach: ChannelRanges): string[] {
  return Array.from(reach.get(value)!, (_, channel) => `${value} ${channel}`);
}

/** Channels that must have one factor: those that are copied or added, and those at nodes that share parameters. */
function sameFactor(graph: Graph, reach: ChannelRanges): Sets {
  const sets = new Sets();
  const join = (a: readonly string[], b: readonly string[]): void => {
    for (const [i, channel] of a.entries()) sets.join(channel, b[i]!);
  };
  const holders = new Map<string, GraphNode>();
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((value) => channelsOf(value, reach));
    const outputs = node.outputs.map((value) => channelsOf(value, reach));
    const [x, y] = [inputs[0]!, outputs[0]!];
    for (const [output, input] of opOf(node.op).follows(inputs, outputs)) sets.join(output, input);
    for (const [role, name] of Object.entries(node.params)) {
      const other = holders.get(name) ?? node;
      holders.set(name, other);
      if (role === "weight") join(x, channelsOf(other.inputs[0]!, reach));
      join(y, channelsOf(other.outputs[0]!, reach));
    }
  }
  return sets;
}

/** Values that must keep their size: what goes into and comes out of a function through which no factor passes. */
function unscalable(graph: Graph): string[] {
  return graph.nodes.flatMap(({ op, inputs, outputs, attributes }) => {
    if (!opOf(op).homogeneous) return [...inputs, ...outputs];
    return "activation" in attributes && !ACTIVATIONS[attributes.activation.kind].homogeneous ? outputs : [];
  });
}

/** Largest magnitude of the weights that read each input channel, each beside the largest of its output's row. */
function readingOf({ dims, data }: Param): Float64Array {
  const [outputs, inputs] = dims as [number, number];
  const row = data.length / outputs;
  const reading = new Float64Array(inputs);
  for (let start = 0; start < data.length; start += row) {
    const magnitudes = Float64Array.from(data.subarray(start, start + row), Math.abs);
    const most = Math.max(...magnitudes, Number.MIN_VALUE);
    for (const [i, v] of magnitudes.entries()) {
      const channel = Math.floor((i * inputs) / row);
      reading[channel] = Math.max(reading[channel]!, v / most);
    }
  }
  return reading;
}

/** Weights [co, ci, kh, kw], or [c, 1, kh, kw] where depthwise, for inputs and outputs that are so many times as large. */
function scaledWeight({ dims, data }: Param, depthwise: boolean, before: readonly number[], after: readonly number[]): Param {
  const [outputs, inputs] = dims as [number, number];
  const row = data.length / outputs;
  const scaled = Float32Array.from(data, (v, i) => {
    const output = Math.floor(i / row);
    const input = depthwise ? output : Math.floor(((i % row) * inputs) / row);
    return (v * after[output]!) / before[input]!;
  });
  return { dims, data: scaled };
}

/**
 * The same function with its inner channels scaled so that int8 represents them about equally well: the small ones of a value become larger, at the cost of the
 * weights that read them, and the largest comes to 127 times a power of two. Convolution weights and biases take the factors in, which pass
 * through what is homogeneous (ReLU). The graph's input and outputs, what is copied or added to them, and what goes into or comes out of
 * other functions (sigmoid) stay.
 * source: cross-layer equalization, arXiv 1906.04721; a share of each channel's reach, arXiv 2211.10438
 * @param graph folded, f32, without norms and activations of their own
 * @returns the graph and its reach
 */
export function equalize(graph: Graph, reach: ChannelRanges): { graph: Graph; reach: ChannelRanges } {
  const sets = sameFactor(graph, reach);
  const setsOf = (value: string): string[] => channelsOf(value, reach).map((channel) => sets.of(channel));

  const reaches = new Map<string, number>();
  const readings = new Map<string, number>();
  const raise = (most: Map<string, number>, value: string, by: Float64Array): void => {
    for (const [channel, set] of setsOf(value).entries()) most.set(set, Math.max(most.get(set) ?? 0, by[channel]!));
  };
  /** Sets whose factors are balanced together: those of a value, and of all that it is copied or added to. */
  const groups = new Sets();
  for (const [value, each] of reach) {
    raise(reaches, value, each);
    const [first, ...others] = setsOf(value);
    for (const set of others) groups.join(set, first!);
  }
  for (const node of graph.nodes)
    if (opOf(node.op).weight?.depthwise === false) raise(readings, node.inputs[0]!, readingOf(paramOf(graph, node, "weight")));
  const fixed = new Set(
    [...graph.inputs.map(({ name }) => name), ...graph.outputs, ...unscalable(graph)].map((value) => groups.of(setsOf(value)[0]!)),
  );
  const members = new Map<string, string[]>();
  for (const set of reaches.keys()) members.set(groups.of(set), [...(members.get(groups.of(set)) ?? []), set]);

  const factors = new Map<string, number>();
  for (const [group, each] of members) {
    const largest = Math.max(...each.map((set) => reaches.get(set)!));
    if (fixed.has(group) || largest === 0) continue;
    const wanted = each.map((set) => {
      const least = Math.max(reaches.get(set)!, MIN_RANGE * largest);
      const reading = readings.get(set);
      // what only depthwise convolutions read costs nothing
      return reading === undefined ? 1 / least : Math.max(reading, MIN_WEIGHT) ** (1 - MIGRATION_STRENGTH) / least ** MIGRATION_STRENGTH;
    });
    const most = Math.max(...each.map((set, i) => reaches.get(set)! * wanted[i]!));
    const all = (INT8_MAX * 2 ** Math.ceil(Math.log2(largest / INT8_MAX))) / most;
    for (const [i, set] of each.entries()) factors.set(set, wanted[i]! * all);
  }

  const factorsOf = (value: string): number[] => setsOf(value).map((set) => factors.get(set) ?? 1);
  const params = new Map(graph.params);
  for (const node of graph.nodes) {
    const { weight, bias } = node.params;
    const [before, after] = [factorsOf(node.inputs[0]!), factorsOf(node.outputs[0]!)];
    if (weight !== undefined)
      params.set(weight, scaledWeight(paramOf(graph, node, "weight"), opOf(node.op).weight!.depthwise, before, after));
    if (bias === undefined) continue;
    const { dims, data } = paramOf(graph, node, "bias");
    params.set(bias, { dims, data: Float32Array.from(data, (v, channel) => v * after[channel]!) });
  }
  const scaled = [...reach].map(([value, each]) => {
    const by = factorsOf(value);
    return [value, each.map((v, channel) => v * by[channel]!)] as const;
  });
  return { graph: { ...graph, params }, reach: new Map(scaled) };
}
