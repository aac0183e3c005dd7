import { Worker } from "node:worker_threads";
import { fromErrorData } from "../core/errors.js";
import type { Example } from "../data/example.js";
import type { Graph } from "../graph/graph.js";
import type { ReplicaOptions } from "../train/replica.js";
import type { Replicas } from "../train/trainer.js";
import type { SliceLoss } from "../train/trainingStep.js";
import type { Reply, Request, Started } from "./trainWorker.js";
import { endedEarly } from "./workerEnd.js";

/** A worker that answers requests in order. */
class WorkerHandle {
  private readonly worker = new Worker(new URL("./trainWorker.js", import.meta.url));
  private readonly waiting: { resolve(value: unknown): void; reject(error: unknown): void }[] = [];
  private failure: unknown;

  constructor() {
    this.worker.on("message", (reply: Reply) => {
      const next = this.waiting.shift();
      if ("error" in reply) {
        this.failure = fromErrorData(reply.error);
        next?.reject(this.failure);
      } else next?.resolve(reply.value);
    });
    this.worker.on("error", (error) => this.fail(error));
    this.worker.on("exit", (code) => this.fail(endedEarly("training worker", code)));
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.failure);
  }

  ask<T>(request: Request, transfer: ArrayBuffer[] = []): Promise<T> {
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve: resolve as (value: unknown) => void, reject });
      this.worker.postMessage(request, transfer);
    });
  }

  tell(request: Request): void {
    this.worker.postMessage(request);
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }
}

function buffersOf(examples: readonly Example[]): ArrayBuffer[] {
  return [...new Set(examples.map(({ pixels }) => pixels.buffer as ArrayBuffer))];
}

/**
 * Replicas in worker threads. Gradients are exchanged through shared memory, in two alternating slots, so that a fast worker does not overwrite
 * what a slow one still reads.
 * @param threads how many; `options.batch` is each one's slice of a batch
 * @throws E_GRAPH, E_SHAPE where the graph cannot be trained as it is; E_RUNTIME out of memory
 */
export async function startReplicas(graph: Graph, threads: number, options: ReplicaOptions): Promise<Replicas> {
  const handles = Array.from({ length: threads }, () => new WorkerHandle());
  const close = async (): Promise<void> => {
    await Promise.all(handles.map((handle) => handle.close()));
  };
  let started: Started[];
  try {
    started = await Promise.all(handles.map((handle, index) => handle.ask<Started>({ kind: "start", graph, options, index })));
    const slots = [0, 1].map(() => started.map(({ floats }) => new SharedArrayBuffer(4 * floats)));
    await Promise.all(handles.map((handle) => handle.ask({ kind: "slots", slots })));
  } catch (error) {
    await close();
    throw error;
  }
  let parity = 0;
  const first = handles[0]!;
  const save = (): Promise<Float32Array> => first.ask<Float32Array>({ kind: "save" });
  const restore = async (state: Float32Array): Promise<void> => {
    await Promise.all(handles.map((handle) => handle.ask({ kind: "restore", state })));
  };
  return {
    bytes: started[0]!.bytes,
    compute({ slices, width, height }) {
      parity = 1 - parity;
      return Promise.all(
        handles.map((handle, i) =>
          handle.ask<SliceLoss>({ kind: "compute", examples: slices[i]!, width, height, parity }, buffersOf(slices[i]!)),
        ),
      );
    },
    gradientProducts: ({ slices, width, height }) => first.ask<number[]>({ kind: "gradientProducts", examples: slices[0]!, width, height }),
    apply(update) {
      for (const handle of handles) handle.tell({ kind: "apply", update, parity });
    },
    async restoreNorms({ slices, width, height }) {
      await first.ask({ kind: "restoreNorms", examples: slices[0]!, width, height });
      await restore(await save());
    },
    save,
    restore,
    export: () => first.ask<Graph>({ kind: "export" }),
    close,
  };
}
