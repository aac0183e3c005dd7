import { FourwayError } from "../core/errors.js";
import { type Graph, type GraphNode, INPUT_SCALE, type Param, paramOf } from "../graph/graph.js";
import { bestScale, type Calibration } from "./calibrate.js";

/** Bits of a weight scale's mantissa: products with scales of powers of two are then exact in the floats of other engines. */
const MANTISSA = 5;
/** A bias in steps of its sums stays below this. */
const LARGEST_BIAS = 2 ** 22;
const REACH = 127;

/** The scale rounded up to a short mantissa. */
export function shortScale(scale: number): number {
  const unit = 2 ** (Math.floor(Math.log2(scale)) - MANTISSA + 1);
  return Math.ceil(scale / unit) * unit;
}

/** Groups of values that must share one scale: what is only copied, and the inputs of nodes that share a bias. */
function groupsOf(graph: Graph): Map<string, string> {
  const parent = new Map<string, string>();
  const find = (name: string): string => {
    const up = parent.get(name) ?? name;
    return up === name ? name : find(up);
  };
  const join = (a: string, b: string): void => {
    parent.set(find(a), find(b));
  };
  const byBias = new Map<string, GraphNode>();
  for (const node of graph.nodes) {
    if (node.op === "split" || node.op === "concat" || node.op === "maxpool" || node.op === "upsample2")
      for (const name of [...node.inputs.slice(1), ...node.outputs]) join(name, node.inputs[0]!);
    const bias = node.params.bias;
    if (bias === undefined) continue;
    const other = byBias.get(bias);
    if (other) join(node.inputs[0]!, other.inputs[0]!);
    else byBias.set(bias, node);
  }
  const names = [graph.input, ...graph.nodes.flatMap(({ outputs }) => outputs)];
  return new Map(names.map((name) => [name, find(name)]));
}

/** Scales of all values but the outputs, which stay f32. */
function activationScales(graph: Graph, calibration: Calibration): Map<string, number> {
  const groups = groupsOf(graph);
  const outputs = new Set(graph.outputs);
  const members = new Map<string, string[]>();
  for (const [name, group] of groups) members.set(group, [...(members.get(group) ?? []), name]);
  const scales = new Map<string, number>();
  for (const [group, names] of members) {
    const fixed = groups.get(graph.input) === group;
    if (fixed && names.length > 1)
      throw new FourwayError("E_GRAPH", `quantize: expected the input to go into a convolution, got a copy of it in "${names[1]}"`);
    const errors = names.map((name) => calibration.get(name)).filter((each) => each !== undefined);
    const scale = fixed ? INPUT_SCALE : bestScale(errors);
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
    const scale = shortScale(Math.max(most / REACH, Math.abs(bias.data[o]!) / (LARGEST_BIAS * inputScale), 2 ** -30));
    for (let i = o * each; i < (o + 1) * each; i++) data[i] = Math.max(-REACH, Math.min(REACH, Math.round(weight.data[i]! / scale)));
    scales[o] = scale;
    offsets[o] = Math.round(bias.data[o]! / (scale * inputScale));
  }
  return { weight: { dims: weight.dims, data, scales }, bias: { dims: bias.dims, data: offsets } };
}

/**
 * The int8 twin of a folded f32 graph: symmetric, weights per output channel, activations per value with scales of powers of two, so that
 * every engine computes the same bits. The graph's outputs stay f32.
 * @param calibration of the same graph (`calibrate`)
 * @throws E_GRAPH where an op has no int8 form (norm: fold it; relu on its own: fuse it) or a convolution has no bias
 */
export function quantize(graph: Graph, calibration: Calibration): Graph {
  const scales = activationScales(graph, calibration);
  const params = new Map<string, Param>();
  for (const node of graph.nodes) {
    if (node.op === "norm" || node.op === "relu")
      throw new FourwayError(
        "E_GRAPH",
        `quantize: expected ops with an int8 form, got ${node.op} "${node.name}"; fold norms and fuse activations first`,
      );
    if (node.op !== "conv1x1" && node.op !== "conv3x3" && node.op !== "dwconv") continue;
    if (params.has(node.params.weight!)) continue;
    const quantized = quantizeWeights(paramOf(graph, node, "weight"), paramOf(graph, node, "bias"), scales.get(node.inputs[0]!)!);
    params.set(node.params.weight!, quantized.weight);
    params.set(node.params.bias!, quantized.bias);
  }
  return { ...graph, params, scales };
}
