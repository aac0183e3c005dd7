import { FourwayError } from "../core/errors.js";
import { type Graph, type GraphNode, type Param, paramOf } from "../graph/graph.js";

/**
 * The graph for inference: every batch normalisation is folded into the convolution before it
 * (w' = w gamma / sqrt(variance + epsilon), b' = beta + (b - mean) gamma / sqrt(variance + epsilon)), with its activation. The input graph stays as it is.
 * Nodes that share parameters share the folded ones.
 * @throws E_GRAPH where a norm does not follow a convolution of which it is the only reader, or where nodes share weights but not their norm
 */
export function foldNorms(graph: Graph): Graph {
  const readers = new Map<string, GraphNode[]>();
  for (const node of graph.nodes) for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  const params = new Map<string, Param>();
  const nodes: GraphNode[] = [];
  const folded = new Set<GraphNode>();
  /** The norm's gamma that is in each weight, undefined where none is. */
  const within = new Map<string, string | undefined>();
  for (const node of graph.nodes) {
    if (node.op === "norm") {
      if (!folded.has(node))
        throw new FourwayError("E_GRAPH", `norm "${node.name}": expected a convolution before it, got something else; it cannot be folded`);
      continue;
    }
    const next = readers.get(node.outputs[0]!) ?? [];
    const norm = next.length === 1 && next[0]!.op === "norm" && !graph.outputs.includes(node.outputs[0]!) ? next[0]! : undefined;
    const weightName = node.params.weight;
    if (weightName !== undefined) {
      if (within.has(weightName) && within.get(weightName) !== norm?.params.gamma)
        throw new FourwayError(
          "E_GRAPH",
          `${node.op} "${node.name}": expected one norm behind all that share "${weightName}", got several; it cannot be folded`,
        );
      within.set(weightName, norm?.params.gamma);
    }
    if (!norm || weightName === undefined) {
      nodes.push({ ...node });
      for (const name of Object.values(node.params)) params.set(name, graph.params.get(name)!);
      continue;
    }
    const { slope: before } = node.attributes as { slope: number };
    if (before !== 1) throw new FourwayError("E_GRAPH", `${node.op} "${node.name}": expected no activation before a norm, got one`);
    folded.add(norm);
    const biasName = `${norm.params.beta!.replace(/\.?beta$/, "")}.bias`;
    if (!params.has(weightName)) {
      const weight = paramOf(graph, node, "weight");
      const [gamma, beta, mean, variance] = (["gamma", "beta", "mean", "variance"] as const).map((role) => paramOf(graph, norm, role).data);
      const bias = node.params.bias === undefined ? undefined : paramOf(graph, node, "bias").data;
      const { epsilon } = norm.attributes as { epsilon: number };
      const channels = weight.dims[0]!;
      const each = weight.data.length / channels;
      const data = new Float32Array(weight.data.length);
      const shift = new Float32Array(channels);
      for (let o = 0; o < channels; o++) {
        const scale = gamma![o]! / Math.sqrt(variance![o]! + epsilon);
        for (let i = o * each; i < (o + 1) * each; i++) data[i] = weight.data[i]! * scale;
        shift[o] = beta![o]! + ((bias?.[o] ?? 0) - mean![o]!) * scale;
      }
      params.set(weightName, { dims: weight.dims, data });
      params.set(biasName, { dims: [channels], data: shift });
    }
    const { slope } = norm.attributes as { slope: number };
    nodes.push({
      ...node,
      outputs: norm.outputs,
      attributes: { ...node.attributes, slope },
      params: { weight: weightName, bias: biasName },
    } as GraphNode);
  }
  return { ...graph, nodes, params };
}
