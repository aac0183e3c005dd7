import type { Graph } from "../graph/graph.js";
import { createEngine } from "../wasm/load.js";
import { Replica, type ReplicaOptions } from "./replica.js";
import type { Replicas } from "./trainer.js";

/** Lets timers, events and rendering run between two steps. */
const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/**
 * One replica in the calling thread, for runtimes without worker threads. The same weights as one replica in a worker.
 * @throws E_GRAPH, E_SHAPE where the graph cannot be trained as it is; E_RUNTIME out of memory
 */
export async function startLocalReplica(graph: Graph, options: ReplicaOptions): Promise<Replicas> {
  const replica = new Replica(await createEngine(), graph, options);
  return {
    bytes: replica.bytes,
    async compute({ slices, width, height }) {
      await breathe();
      return [replica.compute(slices[0]!, width, height)];
    },
    gradientProducts: async ({ slices, width, height }) => replica.gradientProducts(slices[0]!, width, height),
    apply(update) {
      replica.apply(update);
    },
    async restoreNorms({ slices, width, height }) {
      replica.restoreNorms(slices[0]!, width, height);
    },
    save: async () => replica.save(),
    restore: async (state) => replica.restore(state),
    export: async () => replica.export(true),
    close: async () => {},
  };
}
