// Holds the learner of the camera app: the page stays free while it learns. What was taught is kept in the browser's own files, a store for each model.

import type { DetectedObject, Frame } from "../../src/index.js"; // "fourway"
import { type Evaluation, type FitReport, type FrameLabels, Learner, opfsStore } from "../../src/learn/index.js"; // "fourway/learn"

/** What was taught so far. */
export interface Lessons {
  tasks: readonly string[];
  pictures: number;
  /** Pictures in which something was said of a task. */
  of: Record<string, number>;
  /** Whether the model in use has learned something, which can be undone. */
  learned: boolean;
}

/** What came of learning. */
export interface Outcome {
  report: FitReport;
  evaluation: Evaluation;
  /** Whether anything got better: it waits for `keep` or `drop`. */
  waits: boolean;
}

/** From the worker: an answer to a call, or how far learning is. */
export type FromLearner = { call: number; result?: unknown; error?: string } | { step: number; steps: number };

/** Of kernels and features together: what a phone can spare. */
const MEMORY_BYTES = 64e6;
/** Learning takes about so long at most. */
const SECONDS = 60;
const storeOf = (model: string): string => `camera-${model}`;

let learner: Learner;
let stopping = new AbortController();

function lessons(): Lessons {
  const of: Record<string, number> = {};
  for (const { labels } of learner.frames) for (const task of Object.keys(labels)) of[task] = (of[task] ?? 0) + 1;
  return { tasks: learner.tasks, pictures: learner.frames.length, of, learned: learner.version.parent !== null };
}

const calls = {
  /** Goes on with what a model was taught. @param model one of MODELS */
  async open(model: string): Promise<Lessons> {
    const store = await opfsStore(storeOf(model));
    try {
      learner = await Learner.open(fetch(`models/fourway-${model}.onnx`), { store, memoryBytes: MEMORY_BYTES });
    } catch (error) {
      await store.close();
      throw error;
    }
    return lessons();
  },
  /** What the model in use is sure enough of. */
  suggest(frame: Frame): DetectedObject[] {
    const { balanced } = learner.model.info.thresholds;
    return learner.suggest(frame).filter(({ task, score }) => score >= balanced[task]!);
  },
  async add(frame: Frame, labels: FrameLabels): Promise<Lessons> {
    await learner.add(frame, labels, { sure: true }); // somebody looked at each box that was said to be wrong
    return lessons();
  },
  async learn(): Promise<Outcome> {
    stopping = new AbortController();
    const onProgress = ({ step, steps }: { step: number; steps: number }): void => postMessage({ step, steps } satisfies FromLearner);
    const report = await learner.fit({ seconds: SECONDS, signal: stopping.signal, onProgress });
    return { report, evaluation: await learner.evaluate(), waits: Object.keys(report.guard).length > report.refused.length };
  },
  stop(): void {
    stopping.abort(new Error("Stopped."));
  },
  async keep(): Promise<Lessons> {
    await learner.commit();
    return lessons();
  },
  drop(): Lessons {
    learner.discard();
    return lessons();
  },
  async undo(): Promise<Lessons> {
    await learner.rollback(learner.version.parent!);
    return lessons();
  },
  file(): Promise<Uint8Array> {
    return learner.export();
  },
  /** Deletes all that a model was taught. */
  async forget(model: string): Promise<void> {
    await learner?.close();
    const files = await navigator.storage.getDirectory();
    await files.removeEntry(`fourway-${storeOf(model)}`, { recursive: true });
  },
};
/** What can be asked of the worker. */
export type LearnerCalls = typeof calls;

addEventListener("message", async ({ data: { call, name, values } }) => {
  try {
    const result = await (calls[name as keyof LearnerCalls] as (...values: unknown[]) => unknown)(...values);
    postMessage({ call, result } satisfies FromLearner);
  } catch (error) {
    postMessage({ call, error: (error as Error).message } satisfies FromLearner);
  }
});
