import type { Box } from "../core/box.js";
import type { Task } from "../core/task.js";
import type { Part } from "./cut.js";
import type { GuardResult } from "./guard.js";
import type { Question } from "./questions.js";
import type { LearnStore } from "./store.js";

/** How a learner is to work. */
export interface LearnerOptions {
  /** Where versions and frames are kept. Default: in memory, as long as the program runs. */
  store?: LearnStore;
  /** Of the kernels' memory and cached features together; what learns follows from it. Default 16 MB. */
  memoryBytes?: number;
  /** The same seed and frames give the same weights. Default 1. */
  seed?: number;
  /** About so many pixels the network learns from; more learn smaller things. Default: the model's. */
  pixels?: number;
}

/** Options of `Learner.add`. */
export interface AddOptions {
  /** Regions of a task that are neither learned nor measured, in frame pixels. */
  ignore?: Readonly<Record<Task, readonly Box[]>>;
  /** The labels are right even where the detector surely sees something else: no questions. */
  sure?: boolean;
}

/** A frame that was added. */
export interface Added {
  /** SHA-256 of its pixels and labels. */
  id: string;
  /** Tasks for which it is held back, to measure and not to learn. */
  held: readonly Task[];
  /** What contradicts the detector. These tasks' labels wait until `confirm(id)` or `remove(id)`. */
  questions: readonly Question[];
}

/** Options of `Learner.fit`. */
export interface FitOptions {
  /**
   * What learns: only thresholds and presence; the heads of labelled tasks too (others stay bit for bit); the path before the heads too
   * (default; other tasks are rehearsed); the trunk's last stage too; everything. Less where memory is short.
   */
  what?: Part | "thresholds";
  /** Default 400. */
  steps?: number;
  /** About how long learning takes, in place of steps; at most 400 steps. The number that was done is in the version. */
  seconds?: number;
  signal?: AbortSignal;
  /** Called after each step with its loss. */
  onProgress?: (progress: { step: number; steps: number; loss: number }) => void;
}

/** What came of `Learner.fit`. */
export interface FitReport {
  what: Part | "thresholds";
  steps: number;
  /** Tasks that were taught, and what the guard said of each. */
  guard: Readonly<Record<Task, GuardResult>>;
  /** Tasks that keep nothing of what they learned. */
  refused: readonly Task[];
}
