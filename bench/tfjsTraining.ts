import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import * as tf from "@tensorflow/tfjs-core";
import type { Graph } from "../src/graph/graph.js";
import type { Peer } from "./peer.js";
import { layerOf } from "./tfjsLayers.js";

/**
 * A training step of TensorFlow.js's CPU backend, the only one of its backends without a GPU that has gradients of convolutions: forward with
 * batch statistics, backward, Adam, on one picture.
 * @param input f32 [height, width, 3]
 */
export async function tfjsTrainingStep(
  graph: Graph,
  input: Float32Array,
  { height, width }: { height: number; width: number },
): Promise<Peer> {
  await tf.setBackend("cpu");
  const x = tf.tensor4d(input, [1, height, width, 3]);
  const variables: tf.Tensor[] = [];
  const layers = graph.nodes.map((node) => layerOf(graph, node, variables, (values) => tf.variable(values) as unknown as typeof values));
  const optimizer = tf.train.adam(1e-5);
  const results = new Map<string, Float32Array>();
  return {
    name: "tfjs-backend-cpu training step",
    run() {
      optimizer.minimize(() => {
        const values = new Map<string, tf.Tensor4D>([[graph.inputs[0]!.name, x]]);
        for (const layer of layers) layer(values);
        for (const output of graph.outputs) results.set(output, values.get(output)!.dataSync<"float32">());
        return tf.addN(graph.outputs.map((output) => tf.sum(values.get(output)!))) as tf.Scalar;
      });
    },
    outputs: () => new Map(results),
    dispose() {
      optimizer.dispose();
      tf.dispose([x, ...variables]);
    },
  };
}
