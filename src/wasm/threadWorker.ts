// A worker: instantiates the kernels on the shared memory, then sleeps until there is a run and takes chunks of it.
import { type StartAnswer, workerPort } from "../core/worker.js";
import { finishChunk, readRun, SIGNAL, SIGNALS, SPINS_BETWEEN_RUNS, type ThreadStart, takeChunk } from "./signals.js";

type Kernel = (...args: number[]) => unknown;
/** The kernel calls of a chunk. */
type Chunk = { kernel: Kernel; args: number[] }[];

/** A program from its words, as `Script` has them. */
function decode(words: Float64Array, chunks: number, kernels: Kernel[]): Chunk[] {
  let at = 0;
  const next = () => words[at++]!;
  const call = () => {
    const kernel = kernels[next()]!;
    const start = at + 1;
    at = start + next();
    return { kernel, args: [...words.subarray(start, at)] };
  };
  return Array.from({ length: chunks }, () => Array.from({ length: next() }, call));
}

function work({ memory, own }: ThreadStart, kernels: Kernel[]): never {
  const signals = new Int32Array(memory.buffer, 0, SIGNALS);
  let seen = 0;
  let number = 0;
  let program: Chunk[] = [];
  for (;;) {
    for (let looks = 0; looks < SPINS_BETWEEN_RUNS && Atomics.load(signals, SIGNAL.run) === seen; looks++);
    Atomics.wait(signals, SIGNAL.run, seen);
    const run = Atomics.load(signals, SIGNAL.run);
    if (run % 2 !== 0) continue;
    const shape = readRun(signals);
    const current = signals[SIGNAL.program]!;
    if (current !== number) program = decode(new Float64Array(memory.buffer, signals[SIGNAL.room]!), shape.steps * shape.parts, kernels);
    number = Atomics.load(signals, SIGNAL.run) === run ? current : -1;
    if (number < 0) continue; // the next run began while this one was read
    seen = run;
    for (;;) {
      const i = takeChunk(signals, shape, own, true, Number.POSITIVE_INFINITY);
      if (i < 0) break;
      for (const { kernel, args } of program[i]!) kernel(...args);
      finishChunk(signals);
    }
  }
}

const port = workerPort<ThreadStart>();

port.onmessage = async ({ data }) => {
  try {
    const { exports } = await WebAssembly.instantiate(data.module, { env: { memory: data.memory } });
    port.postMessage({} satisfies StartAnswer);
    work(data, Object.values(exports) as Kernel[]);
  } catch (error) {
    port.postMessage({ error: (error as Error).message } satisfies StartAnswer);
  }
};
