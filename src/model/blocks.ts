import type { Random } from "../core/random.js";
import {
  type Graph,
  type GraphNode,
  INPUT_CHANNELS,
  imageInput,
  imageOf,
  type OpAttributes,
  type OpName,
  type Param,
} from "../graph/graph.js";
import { activationOf } from "../ops/activation.js";
import { channelsAfter } from "../ops/table.js";

/** Batch norm's epsilon and momentum for all blocks (momentum: the share of the new batch). */
export const EPSILON = 1e-5;
export const MOMENTUM = 0.03;

/** Ops without attributes. */
type PlainOp = { [N in OpName]: Record<never, never> extends OpAttributes[N] ? N : never }[OpName];

/** Builds a graph value by value; parameters are drawn as they are needed, once a name, so that blocks of one name share them. */
export class Builder {
  readonly nodes: GraphNode[] = [];
  readonly params = new Map<string, Param>();
  /** Channels of each value. */
  readonly channels = new Map<string, number>();

  constructor(
    private readonly random: Random,
    readonly input: string,
  ) {
    this.channels.set(input, INPUT_CHANNELS);
  }

  /** Takes over another graph's nodes and params, with a prefix before all its names but its input's. */
  graft(graph: Graph, prefix: string): Map<string, string> {
    const renamed = new Map([[imageOf(graph), this.input]]);
    const rename = (name: string): string => {
      if (!renamed.has(name)) renamed.set(name, prefix + name);
      return renamed.get(name)!;
    };
    for (const [name, param] of graph.params) this.params.set(prefix + name, { ...param, data: param.data.slice() });
    for (const node of graph.nodes) {
      const params = Object.fromEntries(Object.entries(node.params).map(([role, name]) => [role, prefix + name]));
      this.push({
        ...node,
        name: prefix + node.name,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
        params,
      } as GraphNode);
    }
    return renamed;
  }

  private push(node: GraphNode): string {
    this.nodes.push(node);
    for (const [i, channels] of channelsAfter(node, this, this.channels).entries()) this.channels.set(node.outputs[i]!, channels);
    return node.outputs[0]!;
  }

  private param(name: string, dims: number[], draw: () => number): string {
    if (!this.params.has(name)) this.params.set(name, { dims, data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, draw) });
    return name;
  }

  /** Weights uniform in +-1 / sqrt(fan in), PyTorch's default for convolutions. */
  private weight(name: string, dims: number[]): string {
    const bound = 1 / Math.sqrt(dims[1]! * dims[2]! * dims[3]!);
    return this.param(name, dims, () => this.random.uniform(-bound, bound));
  }

  /** A node without parameters. */
  plain(op: PlainOp, name: string, inputs: string[], outputs = [name]): string {
    return this.push({ op, name, inputs, outputs, attributes: {}, params: {} } as GraphNode);
  }

  /** Convolution and norm. kernel 1 or 3; depthwise 3 or 5. Shared parameters: pass their name. */
  convNorm(name: string, x: string, co: number, { kernel = 1, stride = 1, depthwise = false, slope = 0, shared = name }): string {
    const ci = this.channels.get(x)!;
    const weight = this.weight(`${shared}.weight`, depthwise ? [ci, 1, kernel, kernel] : [co, ci, kernel, kernel]);
    const op = depthwise ? "dwconv" : kernel === 1 ? "conv1x1" : "conv3x3";
    const attributes = { ...(depthwise ? { kernel } : {}), ...(op === "conv1x1" ? {} : { stride }), activation: { kind: "none" } };
    const y = this.push({ op, name, inputs: [x], outputs: [`${name}.conv`], attributes, params: { weight } } as GraphNode);
    return this.norm(name, y, shared, slope);
  }

  private norm(name: string, x: string, shared: string, slope: number): string {
    const c = this.channels.get(x)!;
    const params = {
      gamma: this.param(`${shared}.gamma`, [c], () => 1),
      beta: this.param(`${shared}.beta`, [c], () => 0),
      mean: this.param(`${shared}.mean`, [c], () => 0),
      variance: this.param(`${shared}.variance`, [c], () => 1),
    };
    const attributes: OpAttributes["norm"] = { epsilon: EPSILON, momentum: MOMENTUM, activation: activationOf(slope) };
    return this.push({ op: "norm", name: `${name}.norm`, inputs: [x], outputs: [name], attributes, params });
  }

  /** Depthwise then 1x1, each with norm and ReLU. */
  separable(name: string, x: string, co: number, { kernel = 3, stride = 1, shared = name }): string {
    const deep = this.convNorm(`${name}.depthwise`, x, co, { kernel, stride, depthwise: true, shared: `${shared}.depthwise` });
    return this.convNorm(name, deep, co, { shared: `${shared}.pointwise` });
  }

  /** 1x1 convolution with bias and no norm: a head's end. */
  output(name: string, x: string, co: number, shared: string, deviation: number, bias: (channel: number) => number): string {
    const weight = this.param(`${shared}.weight`, [co, this.channels.get(x)!, 1, 1], () => this.random.normal() * deviation);
    let channel = 0;
    const offset = this.param(`${shared}.bias`, [co], () => bias(channel++));
    return this.push({
      op: "conv1x1",
      name,
      inputs: [x],
      outputs: [name],
      attributes: { activation: { kind: "none" } },
      params: { weight, bias: offset },
    });
  }

  /** The graph so far. */
  graph(outputs: string[]): Graph {
    return { inputs: [imageInput(this.input)], outputs, nodes: this.nodes, params: this.params };
  }
}
