import { Worker } from "node:worker_threads";
import { fromErrorData } from "../core/errors.js";
import type { Batch } from "../data/batch.js";
import type { BatchSource } from "../train/trainer.js";
import type { LoaderData, LoaderMessage } from "./loadWorker.js";
import { endedEarly } from "./workerEnd.js";

/** Batches made ahead of the step that needs them. */
const AHEAD = 3;

/**
 * Batches from a thread of their own that decodes, cuts and colours ahead of training.
 * @param onFault called once for each picture that cannot be used
 */
export function startBatchLoader(data: LoaderData, steps: number, onFault: (fault: string) => void): BatchSource {
  const worker = new Worker(new URL("./loadWorker.js", import.meta.url), { workerData: data });
  const waiting = new Map<number, { resolve(batch: Batch): void; reject(error: unknown): void }>();
  const promised = new Map<number, Promise<Batch>>();
  let failure: Error | undefined;
  worker.on("message", (message: LoaderMessage) => {
    if ("fault" in message) return onFault(message.fault);
    const asked = waiting.get(message.step);
    waiting.delete(message.step);
    if ("batch" in message) asked?.resolve(message.batch);
    else asked?.reject(fromErrorData(message.error));
  });
  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  worker.on("error", fail);
  worker.on("exit", (code) => fail(endedEarly("batch loader", code)));
  const ask = (step: number): void => {
    if (promised.has(step) || step > steps) return;
    const batch = failure
      ? Promise.reject<Batch>(failure)
      : new Promise<Batch>((resolve, reject) => waiting.set(step, { resolve, reject }));
    batch.catch(() => {}); // reported when it is awaited
    promised.set(step, batch);
    worker.postMessage(step);
  };
  return {
    next(step) {
      for (let ahead = step; ahead <= step + AHEAD; ahead++) ask(ahead);
      const batch = promised.get(step)!;
      promised.delete(step);
      return batch;
    },
    async close() {
      await worker.terminate();
    },
  };
}
