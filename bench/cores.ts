// What a second thread can win on this machine: bare kernels on two threads that share nothing but a count of what is left.
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { createEngine } from "../src/wasm/load.js";
import { bareKernels } from "./roofline.js";

/** Runs that are shared, each of so many calls: together about as long as a frame. */
const RUNS = 48;
const CALLS = 10;
/** The same in both threads, whatever is fastest: rows, input and output channels. */
const SHAPE = [32, 64, 64] as const;
/** Words that the threads share: runs that are left, whether the worker is at one. */
const [LEFT, BUSY] = [0, 1];

/** Runs until none is left. */
function work(words: Int32Array, run: () => void): void {
  while (Atomics.sub(words, LEFT, 1) > 0) run();
}

if (!isMainThread) {
  const words = workerData as Int32Array;
  const { f32 } = bareKernels(await createEngine(), CALLS, [SHAPE]);
  parentPort!.postMessage("ready");
  for (;;) {
    Atomics.wait(words, BUSY, 0);
    work(words, f32.run);
    Atomics.store(words, BUSY, 0);
  }
}

/** The same work on one thread and on two. */
export async function bareCores(): Promise<{ one(): void; two(): void; close(): Promise<unknown> }> {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL(import.meta.url), { workerData: words });
  await once(worker, "message");
  const { f32 } = bareKernels(await createEngine(), CALLS, [SHAPE]);
  return {
    one() {
      for (let i = 0; i < RUNS; i++) f32.run();
    },
    two() {
      Atomics.store(words, LEFT, RUNS);
      Atomics.store(words, BUSY, 1);
      Atomics.notify(words, BUSY);
      work(words, f32.run);
      while (Atomics.load(words, BUSY) === 1);
    },
    close: () => worker.terminate(),
  };
}
