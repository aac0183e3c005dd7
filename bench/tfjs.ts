import { setThreadsCount } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import type { Graph } from "../src/graph/graph.js";
import { lastReads } from "../src/program/plan.js";
import type { Peer } from "./peer.js";
import { layerOf } from "./tfjsLayers.js";

/**
 * TensorFlow.js's WASM backend on a folded graph: bias and activation fused, one thread, intermediates freed behind their last reader.
 * @param input f32 [height, width, 3]
 */
export async function tfjsPeer(
  name: string,
  graph: Graph,
  input: Float32Array,
  { height, width }: { height: number; width: number },
): Promise<Peer> {
  setThreadsCount(1);
  await tf.setBackend("wasm");
  const x = tf.tensor4d(input, [1, height, width, 3]);
  const constants: tf.Tensor[] = [x];
  const layers = graph.nodes.map((node) => layerOf(graph, node, constants));
  const reads = lastReads(graph);
  const spent = graph.nodes.map((node, i) =>
    [...new Set(node.inputs)].filter((value) => value !== graph.inputs[0]!.name && reads.get(value) === i),
  );
  const results = new Map<string, Float32Array>();
  return {
    name,
    run() {
      const values = new Map<string, tf.Tensor4D>([[graph.inputs[0]!.name, x]]);
      layers.forEach((layer, i) => {
        layer(values);
        for (const value of spent[i]!) values.get(value)!.dispose();
      });
      for (const output of graph.outputs) {
        const value = values.get(output)!;
        results.set(output, value.dataSync<"float32">());
        value.dispose();
      }
    },
    outputs: () => new Map(results),
    dispose: () => tf.dispose(constants),
  };
}
