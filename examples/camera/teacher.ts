import type { FromLearner, LearnerCalls } from "./learnWorker.js";

/** The page's end of the learner's worker (learnWorker.ts), which holds what one model was taught. */
export class Teacher {
  /** Hears how far learning is. */
  onProgress: (step: number, steps: number) => void = () => {};
  private readonly worker = new Worker(new URL("learnWorker.js", document.baseURI), { type: "module" });
  private readonly waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  private calls = 0;

  /** @param model "n", "s" or "m" */
  constructor(readonly model: string) {
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = ({ message }) => {
      for (const { reject } of this.waiting.values()) reject(new Error(message));
    };
  }

  /** Whether anything was ever taught to a model here. */
  static async knows(model: string): Promise<boolean> {
    try {
      const files = await navigator.storage.getDirectory();
      await files.getDirectoryHandle(`fourway-camera-${model}`);
      return true;
    } catch {
      return false;
    }
  }

  /** Asks the worker. @throws Error whose message is for the person */
  ask<K extends keyof LearnerCalls>(name: K, ...values: Parameters<LearnerCalls[K]>): Promise<Awaited<ReturnType<LearnerCalls[K]>>> {
    return new Promise((resolve, reject) => {
      const call = this.calls++;
      this.waiting.set(call, { resolve: resolve as (result: unknown) => void, reject });
      this.worker.postMessage({ call, name, values });
    });
  }

  close(): void {
    this.worker.terminate();
  }

  private hear(message: FromLearner): void {
    if ("step" in message) {
      this.onProgress(message.step, message.steps);
      return;
    }
    const { call, error, result } = message;
    const { resolve, reject } = this.waiting.get(call)!;
    this.waiting.delete(call);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  }
}
