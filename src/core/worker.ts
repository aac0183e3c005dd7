// Workers of the runtime's kind: worker threads in Node, Deno and Bun, Web workers elsewhere. They start from the text of their script, which
// travels with the code, so that no bundler has to find a file; in a page whose policy forbids that, from a file beside the code.

import type { WorkerObject } from "./globals.js";

/** A worker's script. */
export interface WorkerScript {
  /** Of its file, for messages. */
  name: string;
  /** A script in one piece that imports nothing (scripts/build.mjs makes it). */
  text(): Promise<string>;
  /** The same from its file; spelled `new Worker(new URL(FILE, import.meta.url), { type: "module" })`, which bundlers understand. */
  fromFile(): WorkerObject;
}

/** A worker's answer to the message that starts it: nothing, or why it cannot start. */
export type StartAnswer = { error?: string };

/** A worker that has answered its start. */
export interface RunningWorker {
  post(message: unknown, transfer?: readonly object[]): void;
  /** Called with each message that follows the answer. */
  onMessage: (message: unknown) => void;
  /** Called with the reason where the worker throws or ends by itself. */
  onFailure: (reason: string) => void;
  /** Lets the process end while the worker waits for messages, or not; pages end in any case. */
  keepAlive(needed: boolean): void;
  end(): void;
}

/** A worker that does not answer for so long never will. */
const START_TIMEOUT_MS = 10_000;

/** Asked for at run time, so that bundlers for browsers find no import to resolve. */
const nodeThreads = () => globalThis.process?.getBuiltinModule?.("node:worker_threads");
type NodeWorker = InstanceType<NonNullable<ReturnType<typeof nodeThreads>>["Worker"]>;

/** How many threads the machine can run at once; 1 where the runtime does not tell. */
export function coreCount(): number {
  return globalThis.navigator?.hardwareConcurrency ?? globalThis.process?.getBuiltinModule?.("node:os").availableParallelism() ?? 1;
}

/** The end of a worker's line to who started it, in the worker. */
interface Port<T> {
  onmessage: ((event: { data: T }) => void) | null;
  postMessage(message: unknown, transfer?: readonly object[]): void;
}

/** That end. */
export function workerPort<T>(): Port<T> {
  return (nodeThreads()?.parentPort ?? globalThis) as unknown as Port<T>;
}

/**
 * Starts a worker and waits for its answer.
 * @param start its first message, sent again where it has to be started another way: nothing of it is transferred
 * @throws Error whose message is the reason where it cannot be had
 */
export async function startWorker(script: WorkerScript, start: unknown): Promise<RunningWorker> {
  const node = nodeThreads();
  if (!node && typeof Worker === "undefined")
    throw new Error("workers cannot be started here (a service worker, or a runtime without them)");
  const text = await script.text();
  if (node) return answered(new node.Worker(text, { eval: true, execArgv: [] }), start);
  const forbidden: string[] = [];
  const note = (event: Event): void => void forbidden.push((event as SecurityPolicyViolationEvent).effectiveDirective);
  globalThis.addEventListener("securitypolicyviolation", note);
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await answered(new Worker(address, { type: "module" }), start);
  } catch (cause) {
    const reason = forbidden.length > 0 ? `the policy's ${forbidden.join(" and ")} must allow blob:` : (cause as Error).message;
    return await fromFile(script, start, reason);
  } finally {
    URL.revokeObjectURL(address);
    globalThis.removeEventListener("securitypolicyviolation", note);
  }
}

async function fromFile(script: WorkerScript, start: unknown, reason: string): Promise<RunningWorker> {
  try {
    return await answered(script.fromFile(), start);
  } catch (cause) {
    throw new Error(`from a blob: ${reason}; from the file ${script.name}: ${(cause as Error).message}`, { cause });
  }
}

/** The worker, once it has answered. */
function answered(worker: NodeWorker | Worker, start: unknown): Promise<RunningWorker> {
  const running: RunningWorker = {
    post: (message, transfer = []) => worker.postMessage(message, transfer as ArrayBuffer[]),
    onMessage: () => {},
    onFailure: () => {},
    keepAlive(needed) {
      if ("ref" in worker) needed ? worker.ref() : worker.unref();
    },
    end() {
      running.onFailure = () => {};
      worker.terminate();
    },
  };
  return new Promise((resolve, reject) => {
    let isRunning = false;
    const fail = (reason: string): void => {
      clearTimeout(timer);
      worker.terminate();
      reject(new Error(reason));
    };
    const timer = setTimeout(() => fail(`no answer within ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
    const failure = (reason: string): void => {
      if (isRunning) running.onFailure(reason);
      else fail(reason);
    };
    const message = (data: unknown): void => {
      const { error } = data as StartAnswer;
      if (isRunning) running.onMessage(data);
      else if (error !== undefined) fail(error);
      else {
        clearTimeout(timer);
        isRunning = true;
        resolve(running);
      }
    };
    if ("on" in worker) {
      worker.on("message", (data) => message(data));
      worker.on("error", (error) => failure(error.message));
      worker.on("exit", (code) => failure(`it ended with exit code ${code}`));
    } else {
      worker.onmessage = ({ data }) => message(data);
      worker.onmessageerror = () => failure("a message could not be read");
      worker.onerror = (event) => {
        event.preventDefault();
        failure(event.message || "it could not be loaded");
      };
    }
    worker.postMessage(start);
  });
}
