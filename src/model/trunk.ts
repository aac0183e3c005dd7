import { FourwayError } from "../core/errors.js";
import { Random } from "../core/random.js";
import { type Graph, type GraphNode, INPUT_SCALE, INPUT_ZERO, type OpAttributes, type Param } from "../graph/graph.js";
import { shapesOf } from "../program/plan.js";
import { Builder, EPSILON, MOMENTUM } from "./blocks.js";
import { TRUNK_PREFIX as PREFIX } from "./build.js";
import { STRIDES } from "./head.js";
import { pruned } from "./surgery.js";

/** Channels of a ShuffleNetV2's stem and of its stages at strides 8, 16 and 32, and its activation. */
const WIDTHS = {
  "0.25": { channels: [24, 24, 48, 96], slope: 0 },
  "0.5": { channels: [24, 48, 96, 192], slope: 0 },
  "1.0": { channels: [24, 116, 232, 464], slope: 0.1 },
  "1.5": { channels: [24, 176, 352, 704], slope: 0.1 },
} as const;

/** A trunk's width. */
export type TrunkWidth = keyof typeof WIDTHS;

/** The widths, from narrow to wide. */
export const TRUNK_WIDTHS = Object.keys(WIDTHS) as TrunkWidth[];

/**
 * A ShuffleNetV2 trunk with random weights and norms: outputs at strides 8, 16, 32.
 * In every unit the even channels are kept and the odd ones go through 1x1, depthwise 3x3 (linear), 1x1; at stride 2 both ways see all.
 * source: arXiv 1807.11164
 */
export function shuffleTrunk(width: TrunkWidth, seed: number): Graph {
  const {
    channels: [stem, ...stages],
    slope,
  } = WIDTHS[width];
  const b = new Builder(new Random(seed, 1), "input");
  let x = b.plain("maxpool", "pool", [b.convNorm("stem", b.input, stem, { kernel: 3, stride: 2, slope })]);
  const outputs = stages.map((co, i) => {
    for (let unit = 0; unit < [4, 8, 4][i]!; unit++) {
      const name = `stage${i + 2}.${unit}`;
      const stride = unit === 0 ? 2 : 1;
      let kept: string;
      if (stride === 2) {
        const short = b.convNorm(`${name}.short.depthwise`, x, co, { kernel: 3, stride, depthwise: true, slope: 1 });
        kept = b.convNorm(`${name}.short.pointwise`, short, co / 2, { slope });
      } else {
        kept = b.plain("split", `${name}.split`, [x], [`${name}.even`, `${name}.odd`]);
        x = `${name}.odd`;
      }
      const expanded = b.convNorm(`${name}.expand`, x, co / 2, { slope });
      const deep = b.convNorm(`${name}.depthwise`, expanded, co / 2, { kernel: 3, stride, depthwise: true, slope: 1 });
      x = b.plain("concat", name, [kept, b.convNorm(`${name}.project`, deep, co / 2, { slope })]);
    }
    return x;
  });
  return b.graph(outputs);
}

/**
 * The trunk of a network that `buildNetwork` made, to build another one on: names lose their "trunk." again.
 * @throws E_MODEL for int8, and for another network
 */
export function trunkOf({ inputs, nodes, params, scales }: Graph): Graph {
  const bare = (name: string): string => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name);
  const outputs = STRIDES.map((stride) => nodes.find(({ name }) => name === `path.lateral${stride}`)?.inputs[0]);
  if (scales || !outputs.every((name) => name?.startsWith(PREFIX)))
    throw new FourwayError("E_MODEL", "trunk: expected an f32 model of Fourway's, with a trunk and a path, got another; give another file");
  const own = nodes.filter(({ name }) => name.startsWith(PREFIX));
  const read = new Set(own.flatMap((node) => Object.values(node.params)));
  return {
    inputs,
    outputs: outputs.map((name) => bare(name!)),
    nodes: own.map((node) => ({
      ...node,
      name: bare(node.name),
      inputs: node.inputs.map(bare),
      outputs: node.outputs.map(bare),
      params: Object.fromEntries(Object.entries(node.params).map(([role, name]) => [role, bare(name)])),
    })) as GraphNode[],
    params: new Map([...params].filter(([name]) => read.has(name)).map(([name, param]) => [bare(name), param])),
  };
}

/**
 * A network of `buildNetwork` whose coarsest map is read from an earlier value of the trunk; what came behind is left out.
 * @param end with as many channels as the trunk's last value
 * @throws E_MODEL where there is no such value
 */
export function endTrunkAt(graph: Graph, end: string): Graph {
  const reader = graph.nodes.find(({ name }) => name === "path.lateral32");
  const shapes = shapesOf(graph, 32, 32);
  const ends = graph.nodes
    .filter(({ op, name }) => op === "concat" && name.startsWith(PREFIX))
    .map(({ outputs }) => outputs[0]!)
    .filter((value) => shapes.get(value)!.channels === shapes.get(reader?.inputs[0] ?? "")?.channels);
  if (!ends.includes(end))
    throw new FourwayError(
      "E_MODEL",
      `trunk: expected to end at one of ${ends.join(", ") || "no values"}, got "${end}"; name one of those`,
    );
  const nodes = graph.nodes.map((node) => (node === reader ? { ...node, inputs: [end] } : node)) as GraphNode[];
  return pruned({ ...graph, nodes }, graph.outputs);
}

/** Bytes in RGB of 0..1, as foreign trunks take it. */
const WHITE = 255;

/**
 * A trunk for inputs of RGB in 0..1 turned into one for Fourway's input, (byte - 128) / 256: scale and offset go into the first
 * convolution. Exact but at the picture's border, where the padding turns from black to grey.
 * @throws E_MODEL where the trunk does not begin with a biased 3x3 convolution
 */
export function recentred(trunk: Graph): Graph {
  const stem = trunk.nodes[0];
  const weight = stem && trunk.params.get(stem.params.weight ?? "");
  const bias = stem && trunk.params.get(stem.params.bias ?? "");
  if (stem?.op !== "conv3x3" || !weight || !bias)
    throw new FourwayError(
      "E_MODEL",
      `trunk: expected to begin with a 3x3 convolution with bias, got ${stem?.op}; export the trunk with batch norm folded`,
    );
  const each = weight.data.length / weight.dims[0]!;
  const scaled = Float32Array.from(weight.data, (w) => w / (INPUT_SCALE * WHITE));
  const moved = Float32Array.from(bias.data, (b, o) => {
    let sum = 0;
    for (let i = o * each; i < (o + 1) * each; i++) sum += weight.data[i]!;
    return b + (INPUT_ZERO / WHITE) * sum;
  });
  const params = new Map(trunk.params);
  params.set(stem.params.weight!, { dims: weight.dims, data: scaled });
  params.set(stem.params.bias!, { dims: bias.dims, data: moved });
  return { ...trunk, params };
}

/**
 * Puts a norm behind every convolution that carries a bias: the inverse of quant/fold.ts but for the norms' statistics, which
 * `Replica.restoreNorms` fills from pictures. Until then gamma is 1, beta the bias, mean 0 and variance 1 - epsilon: in inference form the same function.
 * Convolutions listed in the graph's outputs keep their bias.
 */
export function unfoldNorms(graph: Graph): Graph {
  const params = new Map<string, Param>();
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes) {
    const biasName = node.params.bias;
    if (
      biasName === undefined ||
      (graph.outputs.includes(node.outputs[0]!) && (node.attributes as OpAttributes["conv1x1"]).activation.kind === "none")
    ) {
      nodes.push(node);
      for (const name of Object.values(node.params)) params.set(name, graph.params.get(name)!);
      continue;
    }
    const weightName = node.params.weight!;
    const bias = graph.params.get(biasName)!;
    const stem = biasName.replace(/\.?bias$/, "");
    const constant = (value: number): Param => ({ dims: bias.dims, data: new Float32Array(bias.data.length).fill(value) });
    params.set(weightName, graph.params.get(weightName)!);
    params.set(`${stem}.gamma`, constant(1));
    params.set(`${stem}.beta`, { dims: bias.dims, data: Float32Array.from(bias.data) });
    params.set(`${stem}.mean`, constant(0));
    params.set(`${stem}.variance`, constant(1 - EPSILON));
    const { activation } = node.attributes as OpAttributes["conv1x1"];
    const inner = `${node.outputs[0]}.conv`;
    nodes.push({
      ...node,
      outputs: [inner],
      attributes: { ...node.attributes, activation: { kind: "none" } },
      params: { weight: weightName },
    } as GraphNode);
    nodes.push({
      op: "norm",
      name: `${node.name}.norm`,
      inputs: [inner],
      outputs: node.outputs,
      attributes: { epsilon: EPSILON, momentum: MOMENTUM, activation },
      params: { gamma: `${stem}.gamma`, beta: `${stem}.beta`, mean: `${stem}.mean`, variance: `${stem}.variance` },
    });
  }
  return { ...graph, nodes, params };
}
