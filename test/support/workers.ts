import { syncBuiltinESMExports } from "node:module";
import type { Worker } from "node:worker_threads";

/** Runs `start` and returns, beside what it gives, the worker threads that it started. */
export async function withWorkers<T>(start: () => T | Promise<T>): Promise<{ result: T; workers: Worker[] }> {
  const threads = process.getBuiltinModule("node:worker_threads");
  const original = threads.Worker;
  const workers: Worker[] = [];
  threads.Worker = class extends original {
    constructor(...args: ConstructorParameters<typeof original>) {
      super(...args);
      workers.push(this);
    }
  };
  syncBuiltinESMExports();
  try {
    return { result: await start(), workers };
  } finally {
    threads.Worker = original;
    syncBuiltinESMExports();
  }
}
