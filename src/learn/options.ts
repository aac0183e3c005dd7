import type { Loadable } from "../core/address.js";
import type { Box } from "../core/box.js";
import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { WasmSource } from "../wasm/load.js";
import { PARTS, type Part } from "./cut.js";
import type { GuardResult } from "./guard.js";
import type { Question } from "./questions.js";
import type { FramePoints } from "./sample.js";
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
  /** Told, in a sentence, of each frame in the store that is damaged: it is left out, and stays in the store. Default: `console.warn`. */
  onNotice?: (notice: string) => void;
  /** The kernels, as `Detector.load` takes them. */
  wasm?: Loadable<WasmSource>;
}

/** Options of `Learner.add`. */
export interface AddOptions {
  /** Regions of a task that are neither learned nor measured, in frame pixels. */
  ignore?: Readonly<Record<Task, readonly Box[]>>;
  /** For a model that gives points: those of the objects that labels speak of. Where they are left out, points are not taught. */
  points?: FramePoints;
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
  /** Default 200. */
  steps?: number;
  /** About how long learning takes, in place of steps; at most 200 steps. The number that was done is in the version. */
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

/** Options of `Learner.addTask`. */
export interface AddTaskOptions {
  /** The task whose head is copied, best the one that looks most alike. Default: the model's first. */
  like?: Task;
  /**
   * Whether the task gets its own copy of the path, and so features of its own: it learns more, and a frame costs more (fourway-s: 26 of 64
   * million multiplications). Default true.
   */
  ownPath?: boolean;
}

/** Throws E_ARGUMENT for options of a fit that are out of range. */
export function checkFitOptions({ what = "path", steps, seconds }: FitOptions): void {
  if (what !== "thresholds" && !PARTS.includes(what))
    throw new FourwayError("E_ARGUMENT", `fit: expected what out of thresholds, ${PARTS.join(", ")}, got ${what}; choose one of these`);
  if (steps !== undefined && !(Number.isInteger(steps) && steps > 0))
    throw new FourwayError("E_ARGUMENT", `fit: expected steps above 0, got ${steps}; leave it out for 200`);
  if (seconds !== undefined && !(Number.isFinite(seconds) && seconds > 0))
    throw new FourwayError("E_ARGUMENT", `fit: expected seconds above 0, got ${seconds}; leave it out for 200 steps`);
}
