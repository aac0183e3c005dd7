import { type Graph, type Param, paramOf } from "../graph/graph.js";

/**
 * The f32 graph of an int8 one: weights = scale * int8, biases = input scale * weight scale * int32. Activations are rounded no more, so that
 * its outputs are nearly, not exactly, those of the int8 graph; a `dequantize` goes. An f32 graph is returned as it is.
 * @throws E_GRAPH where a parameter is missing
 */
export function dequantized(graph: Graph): Graph {
  const { scales, ...rest } = graph;
  if (!scales) return graph;
  const sources = new Map(graph.nodes.flatMap(({ op, inputs, outputs }) => (op === "dequantize" ? [[outputs[0]!, inputs[0]!]] : [])));
  const nodes = graph.nodes
    .filter(({ op }) => op !== "dequantize")
    .map((node) => ({ ...node, inputs: node.inputs.map((name) => sources.get(name) ?? name) }));
  const params = new Map<string, Param>();
  for (const node of graph.nodes) {
    const { weight: weightName, bias: biasName } = node.params;
    if (weightName === undefined || biasName === undefined || !scales.has(node.inputs[0]!)) {
      for (const name of Object.values(node.params)) params.set(name, graph.params.get(name)!);
      continue;
    }
    const [weight, bias] = [paramOf(graph, node, "weight"), paramOf(graph, node, "bias")];
    const inputScale = scales.get(node.inputs[0]!)!;
    const each = weight.data.length / weight.scales!.length;
    params.set(weightName, {
      dims: weight.dims,
      data: Float32Array.from(weight.data, (value, i) => value * weight.scales![Math.floor(i / each)]!),
    });
    params.set(biasName, { dims: bias.dims, data: Float32Array.from(bias.data, (value, o) => value * inputScale * weight.scales![o]!) });
  }
  return { ...rest, nodes, params };
}
