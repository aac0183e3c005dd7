import "./jaxGlobals.js";
import { defaultDevice, grad, init, jit, lax, nn, numpy as np, tree } from "@jax-js/jax";
import { type Graph, type GraphNode, paramOf, type Role } from "../src/graph/graph.js";
import { slopeOf } from "../src/ops/activation.js";
import { opOf } from "../src/ops/table.js";
import { shapesOf } from "../src/program/plan.js";
import type { Peer } from "./peer.js";

type Arrays = Record<string, np.Array>;

/**
 * The gradients of a graph's parameters by jax-js in WebAssembly, compiled, one thread: forward with batch statistics and backward, on one picture.
 * Ops are those of the reference net.
 * @param picture f32 [height, width, 3]
 * @param dOutputs the outputs' gradients, channels last
 */
export async function jaxGradients(
  name: string,
  graph: Graph,
  picture: Float32Array,
  dOutputs: ReadonlyMap<string, Float32Array>,
  { height, width }: { height: number; width: number },
): Promise<Peer> {
  await init("wasm");
  defaultDevice("wasm");
  const params: Arrays = {};
  for (const node of graph.nodes)
    for (const role of opOf(node.op).trained) {
      const param = node.params[role];
      if (param === undefined) continue;
      const { dims, data } = paramOf(graph, node, role);
      params[param] = np.array(data as Float32Array<ArrayBuffer>).reshape(dims);
    }
  const shapes = shapesOf(graph, height, width);
  const planes = (value: string, values: Float32Array): np.Array => {
    const { height, width, channels } = shapes.get(value)!;
    return np
      .array(values as Float32Array<ArrayBuffer>)
      .reshape([1, height, width, channels])
      .transpose([0, 3, 1, 2]);
  };
  const input = planes(graph.inputs[0]!.name, picture);
  const outer = Object.fromEntries([...dOutputs].map(([output, values]) => [output, planes(output, values)]));
  const loss = (params: Arrays, input: np.Array, outer: Arrays): np.Array => {
    const values = forward(graph, params, input);
    return graph.outputs.map((output) => values.get(output)!.mul(outer[output]!).sum()).reduce(np.add);
  };
  const gradients = jit(grad(loss));
  let results: Arrays = {};
  return {
    name,
    async run() {
      tree.dispose(results);
      results = gradients(tree.ref(params), input.ref, tree.ref(outer)) as Arrays;
      for (const gradient of Object.values(results)) await gradient.blockUntilReady();
    },
    outputs: () => new Map(Object.entries(results).map(([param, gradient]) => [param, gradient.ref.dataSync() as Float32Array])),
    dispose() {
      tree.dispose([params, input, outer, results]);
      gradients.dispose();
    },
  };
}

/** The values of a graph. Whoever reads an array frees it, so all readers but the last get a reference of their own. */
function forward(graph: Graph, params: Arrays, input: np.Array): Map<string, np.Array> {
  const values = new Map([[graph.inputs[0]!.name, input]]);
  const readers = new Map<string, number>();
  for (const value of [...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs]) readers.set(value, (readers.get(value) ?? 0) + 1);
  const read = (value: string): np.Array => {
    const left = readers.get(value)! - 1;
    readers.set(value, left);
    return left > 0 ? values.get(value)!.ref : values.get(value)!;
  };
  for (const node of graph.nodes) {
    const param = (role: Role): np.Array => params[node.params[role]!]!;
    values.set(node.outputs[0]!, compute(node, node.inputs.map(read), param));
  }
  return values;
}

function compute(node: GraphNode, [x, y]: np.Array[], param: (role: Role) => np.Array): np.Array {
  switch (node.op) {
    case "conv1x1":
    case "conv3x3":
    case "dwconv": {
      const stride = node.op === "conv1x1" ? 1 : node.attributes.stride;
      const kernel = node.op === "conv1x1" ? 1 : node.op === "conv3x3" ? 3 : node.attributes.kernel;
      const pad: [number, number] = [kernel >> 1, kernel >> 1];
      const featureGroupCount = node.op === "dwconv" ? x!.shape[1]! : 1;
      const sums = lax.convGeneralDilated(x!, param("weight"), [stride, stride], [pad, pad], { featureGroupCount });
      return node.params.bias === undefined ? sums : sums.add(perChannel(param("bias")));
    }
    case "norm": {
      const { epsilon, activation } = node.attributes;
      const even = nn.standardize(x!, [0, 2, 3], { epsilon });
      const z = even.mul(perChannel(param("gamma"))).add(perChannel(param("beta")));
      const slope = slopeOf(activation);
      return slope === 1 ? z : slope === 0 ? nn.relu(z) : nn.leakyRelu(z, slope);
    }
    case "add":
      return x!.add(y!);
    case "upsample2":
      return np.repeat(np.repeat(x!, 2, 2), 2, 3);
    default:
      throw new Error(`jax-js: expected the ops of the reference net, got ${node.op}`);
  }
}

function perChannel(values: np.Array): np.Array {
  return values.reshape([1, values.size, 1, 1]);
}
