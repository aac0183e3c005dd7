import { FourwayError } from "../core/errors.js";
import type { WasmModule } from "../core/globals.js";
import { type RunningWorker, startWorker, type WorkerScript } from "../core/worker.js";
import type { Kernels } from "./generated/kernels.js";
import type { Memory } from "./memory.js";
import { type Chunk, chunksFor, finishChunk, readRun, SIGNAL, SIGNALS, type ThreadStart, takeChunk, waitForChunks } from "./signals.js";

/** A worker that does not finish a chunk for so long has died. */
const WORKER_TIMEOUT_MS = 10_000;
/** Kernel calls of a chunk, on average, for which a script has room even if each takes the most arguments. */
const CALLS_PER_CHUNK = 2;

const SCRIPT: WorkerScript = {
  name: "threadWorker.js",
  text: async () => (await import("../generated/workers/threadWorker.js")).default,
  fromFile: () => new Worker(new URL("./threadWorker.js", import.meta.url), { type: "module" }),
};

/** Whether this thread may sleep; a page's main one may not. */
function mayWait(signals: Int32Array): boolean {
  try {
    return Atomics.wait(signals, SIGNAL.run, -1) === "not-equal";
  } catch {
    return false;
  }
}

/** A program for workers: as many chunks a step as there are parts. */
interface Script {
  /** For each chunk the number of its kernel calls; for each call the kernel's number, the number of arguments, the arguments. */
  words: Float64Array;
  steps: number;
  /** Byte offset of the room where workers read it. */
  room: number;
}

/** Workers that run kernels on this memory beside the thread that owns it. Between runs they sleep. */
export class Threads {
  private current: Script | undefined;
  private readonly signals: Int32Array;
  private readonly mayWait: boolean;
  /** Into which chunks a step is cut. */
  readonly parts: readonly Chunk[];

  /** @param count threads, of which one is the owner */
  private constructor(
    readonly count: number,
    private readonly memory: Memory,
    private readonly kernels: Kernels,
    private readonly mates: readonly RunningWorker[],
  ) {
    this.parts = chunksFor(count);
    this.signals = new Int32Array(memory.wasm.buffer, 0, SIGNALS);
    this.signals[SIGNAL.parts] = this.parts.length;
    this.mayWait = mayWait(this.signals);
  }

  /** Starts `count` - 1 workers. @throws Error whose message is the reason where they cannot be had */
  static async start(count: number, module: WasmModule, memory: Memory, kernels: Kernels): Promise<Threads> {
    const starts = Array.from({ length: count - 1 }, (_, i): ThreadStart => ({ module, memory: memory.wasm, own: i + 1 }));
    const started = await Promise.allSettled(starts.map((start) => startWorker(SCRIPT, start)));
    const mates = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const failed = started.find((each) => each.status === "rejected");
    for (const mate of mates)
      if (failed) mate.end();
      else mate.keepAlive(false); // a process ends while its workers sleep
    if (failed) throw new Error(`a worker could not be started: ${failed.reason.message}`, { cause: failed.reason });
    return new Threads(count, memory, kernels, mates);
  }

  /** Bytes of room for the script of a graph of so many nodes, `CALLS_PER_CHUNK` calls a chunk on average. */
  roomFor(nodes: number): number {
    const most = Math.max(...Object.values(this.kernels).map((kernel: (...args: number[]) => unknown) => kernel.length));
    return 8 * nodes * this.parts.length * (1 + CALLS_PER_CHUNK * (2 + most));
  }

  /**
   * The script of chunks that `build` makes for the kernels it is given, which note their calls in place of running.
   * A chunk may make any number of calls, with the same arguments each time.
   * @param room byte offset of `roomFor` bytes
   * @throws E_GRAPH where the script is longer than its room
   */
  record(build: (kernels: Kernels) => readonly (() => void)[], room: number): Script {
    const words: number[] = [];
    let count = 0;
    const record = (number: number, args: number[]): void => {
      count++;
      words.push(number, args.length, ...args);
    };
    const calls = Object.keys(this.kernels).map((name, number) => [name, (...args: number[]) => record(number, args)]);
    const chunks = build(Object.fromEntries(calls) as Kernels);
    for (const chunk of chunks) {
      const start = words.push(0) - 1;
      count = 0;
      chunk();
      words[start] = count;
    }
    const steps = chunks.length / this.parts.length;
    const [bytes, most] = [8 * words.length, this.roomFor(steps)];
    if (bytes > most)
      throw new FourwayError("E_GRAPH", `threads: expected a script of at most ${most} bytes, got ${bytes}; run it on one thread`);
    return { words: Float64Array.from(words), steps, room };
  }

  /** Says that a run is near: waking takes a while. */
  wake(): void {
    Atomics.notify(this.signals, SIGNAL.run);
  }

  /**
   * Runs all chunks, each once, in any thread, those of a step at once.
   * @param own the script's chunks for this thread
   * @throws E_RUNTIME where a worker has died in the middle of one
   */
  run(script: Script, own: readonly (() => void)[]): void {
    const { signals, mayWait } = this;
    Atomics.add(signals, SIGNAL.run, 1);
    if (script !== this.current) {
      new Float64Array(this.memory.wasm.buffer, script.room).set(script.words);
      signals[SIGNAL.room] = script.room;
      signals[SIGNAL.steps] = script.steps;
      signals[SIGNAL.program]!++;
      this.current = script;
    }
    signals[SIGNAL.end]! += script.steps;
    const run = readRun(signals);
    Atomics.add(signals, SIGNAL.run, 1);
    Atomics.notify(signals, SIGNAL.run);
    for (;;) {
      const i = takeChunk(signals, run, 0, mayWait, WORKER_TIMEOUT_MS);
      if (i < 0) break;
      own[i]!();
      finishChunk(signals);
    }
    if (!waitForChunks(signals, run.endChunk, false, 0))
      // for as long as that it was waited for a chunk already
      throw new FourwayError("E_RUNTIME", `threads: expected every worker's part within ${WORKER_TIMEOUT_MS} ms, got none; load again`);
  }

  /** Ends the workers. */
  close(): void {
    for (const mate of this.mates) mate.end();
  }
}
