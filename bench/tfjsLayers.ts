import * as tf from "@tensorflow/tfjs-core";
import { type Graph, type GraphNode, type Param, paramOf } from "../src/graph/graph.js";
import { slopeOf } from "../src/ops/activation.js";

/** Puts what a node makes beside the values there are. */
export type Layer = (values: Map<string, tf.Tensor4D>) => void;

/** What becomes of a parameter: itself, or a variable that moves. */
export type Make = <T extends tf.Tensor>(values: T) => T;

/** A node as a step from the values it reads to those it makes. */
export function layerOf(graph: Graph, node: GraphNode, params: tf.Tensor[], make?: Make): Layer {
  const compute = computeOf(graph, node, params, make);
  return (values) => {
    const outputs = compute(node.inputs.map((name) => values.get(name)!));
    for (const [i, name] of node.outputs.entries()) values.set(name, outputs[i]!);
  };
}

type Activation = { activation?: "relu" | "leakyrelu"; leakyreluAlpha?: number };

function fusedOf(slope: number): Activation {
  if (slope === 1) return {};
  return slope === 0 ? { activation: "relu" } : { activation: "leakyrelu", leakyreluAlpha: slope };
}

/** Weights [co, ci, k, k] as [k, k, ci, co], or [c, 1, k, k] as [k, k, c, 1]. */
function filterOf({ dims, data }: Param, depthwise: boolean): tf.Tensor4D {
  const weights = tf.tensor4d(data as Float32Array, dims as [number, number, number, number]);
  const turned = depthwise ? tf.transpose(weights, [2, 3, 0, 1]) : tf.transpose(weights, [2, 3, 1, 0]);
  weights.dispose();
  return turned;
}

function computeOf(
  graph: Graph,
  node: GraphNode,
  params: tf.Tensor[],
  make: Make = (values) => values,
): (inputs: tf.Tensor4D[]) => tf.Tensor4D[] {
  const param = <T extends tf.Tensor>(values: T): T => {
    const made = make(values);
    params.push(made);
    return made;
  };
  switch (node.op) {
    case "conv1x1":
    case "conv3x3":
    case "dwconv": {
      const filter = param(filterOf(paramOf(graph, node, "weight"), node.op === "dwconv"));
      const bias = node.params.bias === undefined ? undefined : param(tf.tensor1d(paramOf(graph, node, "bias").data as Float32Array));
      const strides = node.op === "conv1x1" ? 1 : node.attributes.stride;
      const pad = node.op === "conv1x1" ? 0 : node.op === "conv3x3" ? 1 : node.attributes.kernel >> 1;
      const fixed = { filter, bias, strides, pad, ...fusedOf(slopeOf(node.attributes.activation)) };
      const convolve = node.op === "dwconv" ? tf.fused.depthwiseConv2d : tf.fused.conv2d;
      return ([x]) => [convolve({ x: x!, ...fixed })];
    }
    case "norm": {
      const { epsilon, activation } = node.attributes;
      const slope = slopeOf(activation);
      const [gamma, beta] = (["gamma", "beta"] as const).map((role) => param(tf.tensor1d(paramOf(graph, node, role).data as Float32Array)));
      return ([x]) => {
        const { mean, variance } = tf.moments(x!, [0, 1, 2]);
        const y = tf.batchNorm(x!, mean as tf.Tensor1D, variance as tf.Tensor1D, beta, gamma, epsilon);
        return [slope === 1 ? y : slope === 0 ? tf.relu(y) : tf.leakyRelu(y, slope)];
      };
    }
    case "relu": {
      const { slope } = node.attributes;
      return ([x]) => [slope === 0 ? tf.relu(x!) : tf.leakyRelu(x!, slope)];
    }
    case "sigmoid":
      return ([x]) => [tf.sigmoid(x!)];
    case "bilinear2":
      return ([x]) => [tf.image.resizeBilinear(x!, [2 * x!.shape[1], 2 * x!.shape[2]], false, true)];
    case "add":
      return ([a, b]) => [tf.add(a!, b!)];
    case "upsample2":
      return ([x]) => [tf.image.resizeNearestNeighbor(x!, [2 * x!.shape[1], 2 * x!.shape[2]])];
    case "maxpool":
      return ([x]) => [tf.maxPool(x!, 3, 2, 1)];
    case "globalmean":
      return ([x]) => [tf.mean(x!, [1, 2], true) as tf.Tensor4D];
    case "split":
      return ([x]) => [0, 1].map((first) => tf.stridedSlice(x!, [0, 0, 0, first], x!.shape, [1, 1, 1, 2]) as tf.Tensor4D);
    case "dequantize":
      throw new Error("bench: expected an f32 graph, got an int8 one");
    case "concat":
      return ([a, b]) => [tf.concat([a!, b!], 3)];
  }
}
