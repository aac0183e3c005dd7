// How threads share a program without locks. A program is a list of chunks, `parts` of them a step: for each thread a large one and a small
// one behind it. When a step is done, each thread takes its own of the next one, which read what that thread wrote before, and then those of
// the others that nobody has begun: a thread that the system has put aside holds nobody up but in the middle of a chunk, and one whose core
// is slower leaves its small chunk to the others.
// Steps are numbered on from run to run, so that a late thread can never take a chunk of another run.

import type { WasmMemory, WasmModule } from "../core/globals.js";

/** int32 words in the unused bottom of the shared memory; those that are written often lie on cache lines of their own. */
export const SIGNAL = {
  /** Counts up twice a run: odd while the words after it are being written. Workers sleep on it. */
  run: 16,
  /** Number of the program, byte offset of its words, how many steps it has and how many chunks are a step. */
  program: 17,
  room: 18,
  steps: 19,
  parts: 20,
  /** Number of the step behind the run's last. */
  end: 21,
  /** How many chunks are done; who waits long sleeps on it. */
  done: 32,
  /** How many sleep on `done`. */
  sleeping: 48,
  /** For each part, the number of the step of which it is to be taken next. */
  next: 64,
} as const;

/** Chunks of a step that are a thread's own. */
const CHUNKS = 2;
/** Of how much of a thread's share, and the first of them. */
const [SHARE, FIRST] = [4, 3];

/** A chunk's part of a step's work, from..to of `of`. */
export interface Chunk {
  from: number;
  to: number;
  of: number;
}

/** The parts of a step for so many threads, in the order of its work. */
export function chunksFor(threads: number): Chunk[] {
  const of = SHARE * threads;
  return Array.from({ length: threads }, (_, own) => SHARE * own).flatMap((from) => [
    { from, to: from + FIRST, of },
    { from: from + FIRST, to: from + SHARE, of },
  ]);
}

/** The signals' words. */
export const SIGNALS = 128;

/** Looks that a thread takes at a counter before it sleeps: some ten microseconds. */
const SPINS = 1 << 14;
/** The same of a worker between runs, some tenths of a millisecond: waking it takes as long where its core has gone to sleep. */
export const SPINS_BETWEEN_RUNS = 1 << 18;

/** The message that starts a worker. */
export interface ThreadStart {
  module: WasmModule;
  memory: WasmMemory;
  /** Its number; the owner's is 0. */
  own: number;
}

function missing(signals: Int32Array, target: number): number {
  return (target - Atomics.load(signals, SIGNAL.done)) | 0;
}

/**
 * Waits until so many chunks are done (counts may wrap round).
 * @param mayWait false where a thread may not sleep: a page's main one
 * @param patience milliseconds to wait, at least
 * @returns whether they are
 */
export function waitForChunks(signals: Int32Array, target: number, mayWait: boolean, patience: number): boolean {
  for (let looks = 0; looks < SPINS; looks++) if (missing(signals, target) <= 0) return true;
  const end = performance.now() + patience;
  if (mayWait) Atomics.add(signals, SIGNAL.sleeping, 1);
  let left = missing(signals, target);
  while (left > 0 && performance.now() < end) {
    if (mayWait) Atomics.wait(signals, SIGNAL.done, (target - left) | 0, patience);
    left = missing(signals, target);
  }
  if (mayWait) Atomics.sub(signals, SIGNAL.sleeping, 1);
  return left <= 0;
}

/** A run as a thread sees it: how many steps, how many parts each, the numbers of the step and of the chunk behind the last. */
interface Run {
  steps: number;
  parts: number;
  end: number;
  endChunk: number;
}

/** The run that the signals tell of. */
export function readRun(signals: Int32Array): Run {
  const [steps, parts, end] = [signals[SIGNAL.steps]!, signals[SIGNAL.parts]!, signals[SIGNAL.end]!];
  return { steps, parts, end, endChunk: Math.imul(end, parts) };
}

/**
 * Takes a chunk that may be run: thread `own`'s if it can, in their order, else another's, the last ones first.
 * @returns its place in the program, or -1 where none is left (or patience is)
 */
export function takeChunk(
  signals: Int32Array,
  { steps, parts, end, endChunk }: Run,
  own: number,
  mayWait: boolean,
  patience: number,
): number {
  for (;;) {
    const left = missing(signals, endChunk);
    if (left <= 0) return -1;
    const stepsLeft = Math.ceil(left / parts);
    const step = (end - stepsLeft) | 0;
    for (let k = 0; k < parts; k++) {
      const part = (CHUNKS * own + (k < CHUNKS ? k : CHUNKS - 1 - k) + parts) % parts;
      const at = SIGNAL.next + part;
      if (Atomics.load(signals, at) === step && Atomics.compareExchange(signals, at, step, (step + 1) | 0) === step)
        return (steps - stepsLeft) * parts + part;
    }
    if (!waitForChunks(signals, (endChunk - (stepsLeft - 1) * parts) | 0, mayWait, patience)) return -1;
  }
}

/** Says that a chunk is done. */
export function finishChunk(signals: Int32Array): void {
  Atomics.add(signals, SIGNAL.done, 1);
  if (Atomics.load(signals, SIGNAL.sleeping) > 0) Atomics.notify(signals, SIGNAL.done);
}
