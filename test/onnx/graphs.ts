import { Random } from "../../src/core/random.js";
import { type Graph, type GraphNode, INPUT_SCALE, imageInput, type Param } from "../../src/graph/graph.js";
import { activationOf } from "../../src/ops/activation.js";
import { runGraph } from "../oracle/graph.js";

/** A picture of random bytes as the network sees it: (byte - 128) / 256 in float32, channels last. */
export function randomInput(random: Random, height: number, width: number): Float32Array {
  return Float32Array.from({ length: height * width * 3 }, () => (random.below(256) - 128) / 256);
}

/** A float32 parameter of Gaussian noise around `mean`. */
export function noise(random: Random, dims: number[], deviation: number, mean = 0): Param {
  const count = dims.reduce((a, b) => a * b, 1);
  return { dims, data: Float32Array.from({ length: count }, () => mean + random.normal() * deviation) };
}

/** Puts a graph together node by node; parameters are random and named after their node. */
export class GraphMaker {
  readonly graph: Graph = { inputs: [imageInput("input")], outputs: [], nodes: [], params: new Map() };
  private readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  private param(node: string, role: string, value: Param): string {
    const name = `${node}.${role}`;
    this.graph.params.set(name, value);
    return name;
  }

  private push(node: GraphNode): string {
    this.graph.nodes.push(node);
    return node.outputs[0] as string;
  }

  conv(
    op: "conv1x1" | "conv3x3" | "dwconv",
    name: string,
    input: string,
    [ci, co]: [number, number],
    { stride = 1, slope = 1, kernel = 3, bias = true }: { stride?: 1 | 2; slope?: number; kernel?: 3 | 5; bias?: boolean } = {},
  ): string {
    const side = op === "conv1x1" ? 1 : kernel;
    const inner = op === "dwconv" ? 1 : ci;
    const params: GraphNode["params"] = {
      weight: this.param(name, "weight", noise(this.random, [co, inner, side, side], 1.4 / Math.sqrt(inner * side * side))),
    };
    if (bias) params.bias = this.param(name, "bias", noise(this.random, [co], 0.1));
    const rest = { name, inputs: [input], outputs: [name], params };
    const activation = activationOf(slope);
    if (op === "conv1x1") return this.push({ op, attributes: { activation }, ...rest });
    if (op === "conv3x3") return this.push({ op, attributes: { stride, activation }, ...rest });
    return this.push({ op, attributes: { kernel, stride, activation }, ...rest });
  }

  norm(name: string, input: string, channels: number, slope: number): string {
    const params = {
      gamma: this.param(name, "gamma", noise(this.random, [channels], 0.1, 1)),
      beta: this.param(name, "beta", noise(this.random, [channels], 0.1)),
      mean: this.param(name, "mean", noise(this.random, [channels], 0.1)),
      variance: this.param(name, "variance", noise(this.random, [channels], 0.02, 0.5)),
    };
    return this.push({
      op: "norm",
      name,
      inputs: [input],
      outputs: [name],
      attributes: { epsilon: 1e-5, momentum: 0.03, activation: activationOf(slope) },
      params,
    });
  }

  relu(name: string, input: string, slope: number): string {
    return this.push({ op: "relu", name, inputs: [input], outputs: [name], attributes: { slope }, params: {} });
  }

  simple(
    op: "add" | "upsample2" | "bilinear2" | "sigmoid" | "maxpool" | "globalmean" | "concat",
    name: string,
    ...inputs: string[]
  ): string {
    return this.push({ op, name, inputs, outputs: [name], attributes: {}, params: {} });
  }

  split(name: string, input: string): [string, string] {
    const outputs: [string, string] = [`${name}.kept`, `${name}.in`];
    this.push({ op: "split", name, inputs: [input], outputs, attributes: {}, params: {} });
    return outputs;
  }
}

/** A graph with every op: channels 24, 29, 5 and 58, ReLU and LeakyReLU, strides 2 to 8. `norms` false leaves norms out, for int8. */
export function everyOp(seed: number, norms: boolean): Graph {
  const make = new GraphMaker(seed);
  const stem = make.conv("conv3x3", "stem", "input", [3, 24], { stride: 2, slope: norms ? 1 : 0, bias: !norms });
  const start = norms ? make.norm("stem.norm", stem, 24, 0) : stem;
  const pool = make.simple("maxpool", "pool", start);
  const [kept, through] = make.split("block", pool);
  const wide = make.conv("conv1x1", "block.expand", through, [12, 17], { slope: 0.1 });
  const deep = make.conv("dwconv", "block.depthwise", wide, [17, 17], { kernel: 5, bias: !norms });
  // In int8, a slope like 0.25 between equal scales would put a quarter of all products on halves, where engines round apart.
  const active = norms ? make.norm("block.norm", deep, 17, 0.1) : make.relu("block.relu", deep, 0.137);
  const joined = make.simple("concat", "block.concat", kept, active);
  const [even, odd] = make.split("odd", joined);
  const evenAgain = make.conv("conv1x1", "even.project", even, [15, 5]);
  const oddAgain = make.conv("conv1x1", "odd.project", odd, [14, 5], { slope: 0 });
  const total = make.simple("add", "sum", evenAgain, oddAgain);
  const down = make.conv("dwconv", "down", total, [5, 5], { stride: 2, slope: 0 });
  const coarse = make.conv("conv3x3", "coarse", down, [5, 5], { slope: 0.1 });
  const up = make.simple("upsample2", "up", coarse);
  const smooth = make.simple("bilinear2", "smooth", coarse);
  const fine = make.simple("add", "fine", make.simple("add", "ups", up, smooth), make.simple("sigmoid", "gate", total));
  const alone = make.relu("alone", fine, 0);
  const last = make.conv("conv1x1", "wide", alone, [5, 58], { slope: 0 });
  const mean = make.simple("globalmean", "mean", coarse);
  make.graph.outputs = [
    make.conv("conv1x1", "head", last, [58, 5]),
    make.conv("conv3x3", "coarse.head", coarse, [5, 7], { stride: 2 }),
    make.conv("conv1x1", "whole", mean, [5, 4]),
  ];
  return make.graph;
}

/** The next number upwards whose mantissa has so many bits; with one bit a power of two. */
function upTo(bits: number, x: number): number {
  const unit = 2 ** (Math.floor(Math.log2(x)) + 1 - bits);
  return Math.ceil(x / unit) * unit;
}

/**
 * A simple int8 twin of a float graph without norms: scales from the largest values on `input`, weights per output channel.
 * `exact`: scales of values are powers of two (the input's 1/256), of weights have five bits; then float32 arithmetic on what
 * QDQ dequantizes loses nothing while |acc| < 2^19, so that every engine must come to the same bits.
 */
export function quantized(graph: Graph, input: Float32Array, height: number, width: number, exact = false): Graph {
  const values = runGraph(graph, input, height, width);
  const group = new Map([...values.keys()].map((name) => [name, new Set([name])]));
  for (const node of graph.nodes) {
    if (!["maxpool", "upsample2", "split", "concat"].includes(node.op)) continue;
    const joined = new Set([...node.inputs, ...node.outputs].flatMap((name) => [...(group.get(name) ?? [])]));
    for (const name of joined) group.set(name, joined);
  }
  const largest = (name: string): number =>
    (values.get(name)?.data ?? new Float64Array()).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const scales = new Map<string, number>();
  const valueScale = (scale: number): number => (exact ? upTo(1, scale) : Math.fround(scale));
  for (const [name, names] of group)
    if (!graph.outputs.includes(name)) scales.set(name, valueScale(Math.max(...[...names].map(largest)) / 127));
  scales.set(graph.inputs[0]!.name, exact ? 1 / 256 : Math.fround(INPUT_SCALE));
  const params = new Map<string, Param>();
  for (const node of graph.nodes) {
    const weight = graph.params.get(node.params.weight ?? "");
    const bias = graph.params.get(node.params.bias ?? "");
    if (!weight || !bias) continue;
    const [channels = 0] = weight.dims;
    const each = weight.data.length / channels;
    const weightScales = Float32Array.from({ length: channels }, (_, c) => {
      const scale = Math.max(...weight.data.slice(c * each, (c + 1) * each).map(Math.abs)) / 127;
      return exact ? upTo(5, scale) : scale;
    });
    const inputScale = scales.get(node.inputs[0] as string) as number;
    const unit = (c: number): number => weightScales[c] as number;
    params.set(node.params.weight as string, {
      dims: weight.dims,
      data: Int8Array.from(weight.data, (v, i) => Math.round(v / unit(Math.floor(i / each)))),
      scales: weightScales,
    });
    params.set(node.params.bias as string, {
      dims: bias.dims,
      data: Int32Array.from(bias.data, (v, c) => Math.round(v / (inputScale * unit(c)))),
    });
  }
  return { ...graph, params, scales };
}

/**
 * A trunk in int8 with heads in f32 behind it, on its values of strides 2 and 4, as one graph and as the heads alone, whose inputs are those
 * values. Trunk: 24 and 29 channels; heads "near" of 5 and "far" of 7 channels.
 */
export function mixed(seed: number): { whole: Graph; heads: Graph } {
  const make = new GraphMaker(seed);
  const stem = make.conv("conv3x3", "stem", "input", [3, 24], { stride: 2, slope: 0 });
  const down = make.conv("dwconv", "down", stem, [24, 24], { stride: 2, slope: 0.1 });
  const deep = make.conv("conv1x1", "deep", down, [24, 29], { slope: 0 });
  const trunk = make.graph.nodes.length;
  make.conv("conv3x3", "near.conv", stem, [24, 8], { slope: 0 });
  make.graph.outputs = [make.conv("conv1x1", "near", "near.conv", [8, 5]), make.conv("conv1x1", "far", deep, [29, 7])];
  const { graph } = make;
  const { scales, params, nodes } = quantized(graph, randomInput(new Random(seed), 64, 96), 64, 96, true);
  const kept = new Set(nodes.slice(0, trunk).flatMap((node) => Object.values(node.params)));
  const shared = [
    { name: stem, channels: 24, stride: 2 },
    { name: deep, channels: 29, stride: 4 },
  ];
  const floats = shared.map(({ name, ...rest }) => ({ name: `${name}.float`, ...rest }));
  const learned = graph.nodes.slice(trunk).map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => (shared.some((value) => value.name === name) ? `${name}.float` : name)),
  }));
  return {
    whole: {
      ...graph,
      nodes: [
        ...nodes.slice(0, trunk),
        ...shared.map(
          ({ name }): GraphNode => ({
            op: "dequantize",
            name: `${name}.dq`,
            inputs: [name],
            outputs: [`${name}.float`],
            attributes: {},
            params: {},
          }),
        ),
        ...learned,
      ],
      params: new Map([...graph.params].map(([name, param]) => [name, kept.has(name) ? params.get(name)! : param])),
      scales: new Map([...scales!].filter(([name]) => ["input", stem, down, deep].includes(name))),
    },
    heads: {
      inputs: floats,
      outputs: graph.outputs,
      nodes: learned,
      params: new Map([...graph.params].filter(([name]) => !kept.has(name))),
    },
  };
}
