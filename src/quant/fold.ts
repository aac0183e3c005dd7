import { FourwayError } from "../core/errors.js";
import { type Graph, type GraphNode, type Param, paramOf } from "../graph/graph.js";
import type { NodeOf } from "../ops/op.js";
import { ParamStore } from "./paramStore.js";

/**
 * The graph for inference: every batch normalisation is folded into the convolution before it
 * (w' = w gamma / sqrt(variance + epsilon), b' = beta + (b - mean) gamma / sqrt(variance + epsilon)), with its activation. The input graph stays as it is.
 * Convolutions share a folded weight and bias where they share all that these are made from, and have their own otherwise.
 * @throws E_GRAPH where a norm does not follow a convolution of which it is the only reader
 */
export function foldNorms(graph: Graph): Graph {
  const norms = normsBehind(graph);
  const folded = new Set(norms.values());
  const store = new ParamStore(graph);
  for (const node of graph.nodes) {
    if (node.op === "norm") {
      if (!folded.has(node))
        throw new FourwayError("E_GRAPH", `norm "${node.name}": expected a convolution before it, got something else; it cannot be folded`);
    } else if (!norms.has(node)) {
      // first, so that what is not folded keeps its name
      for (const role of Object.keys(node.params) as (keyof GraphNode["params"])[])
        store.add(node.params[role]!, [node.params[role]], () => paramOf(graph, node, role));
    }
  }
  const nodes = graph.nodes.flatMap((node) => {
    if (node.op === "norm") return [];
    const norm = norms.get(node);
    return norm ? [foldNode(graph, node, norm, store)] : [{ ...node }];
  });
  return { ...graph, nodes, params: store.params };
}

/** The norm of each node with weights whose output that norm alone reads. */
function normsBehind(graph: Graph): Map<GraphNode, NodeOf<"norm">> {
  const readers = new Map<string, GraphNode[]>();
  for (const node of graph.nodes) for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  const norms = new Map<GraphNode, NodeOf<"norm">>();
  for (const node of graph.nodes) {
    const [next, ...others] = readers.get(node.outputs[0]!) ?? [];
    if (next?.op === "norm" && others.length === 0 && node.params.weight !== undefined && !graph.outputs.includes(node.outputs[0]!))
      norms.set(node, next);
  }
  return norms;
}

function foldNode(graph: Graph, node: GraphNode, norm: NodeOf<"norm">, store: ParamStore): GraphNode {
  if ("activation" in node.attributes && node.attributes.activation.kind !== "none")
    throw new FourwayError("E_GRAPH", `${node.op} "${node.name}": expected no activation before a norm, got one`);
  const { epsilon, activation } = norm.attributes;
  const { gamma, beta, mean, variance } = norm.params;
  const sources = [node.params.weight, node.params.bias ?? null, gamma, beta, mean, variance, epsilon];
  let made: { weight: Param; bias: Param } | undefined;
  const both = () => (made ??= foldParams(graph, node, norm));
  const weight = store.add(node.params.weight!, ["weight", ...sources], () => both().weight);
  const bias = store.add(`${beta!.replace(/\.?beta$/, "")}.bias`, ["bias", ...sources], () => both().bias);
  return { ...node, outputs: norm.outputs, attributes: { ...node.attributes, activation }, params: { weight, bias } } as GraphNode;
}

function foldParams(graph: Graph, node: GraphNode, norm: NodeOf<"norm">): { weight: Param; bias: Param } {
  const weight = paramOf(graph, node, "weight");
  const [gamma, beta, mean, variance] = (["gamma", "beta", "mean", "variance"] as const).map((role) => paramOf(graph, norm, role).data);
  const bias = node.params.bias === undefined ? undefined : paramOf(graph, node, "bias").data;
  const channels = weight.dims[0]!;
  const each = weight.data.length / channels;
  const data = new Float32Array(weight.data.length);
  const shift = new Float32Array(channels);
  for (let o = 0; o < channels; o++) {
    const scale = gamma![o]! / Math.sqrt(variance![o]! + norm.attributes.epsilon);
    for (let i = o * each; i < (o + 1) * each; i++) data[i] = weight.data[i]! * scale;
    shift[o] = beta![o]! + ((bias?.[o] ?? 0) - mean![o]!) * scale;
  }
  return { weight: { dims: weight.dims, data }, bias: { dims: [channels], data: shift } };
}
