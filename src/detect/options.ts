import type { Loadable } from "../core/address.js";
import { FourwayError } from "../core/errors.js";
import { DEFAULT_OPERATING_POINT, OPERATING_POINTS, type OperatingPoint } from "../core/operatingPoint.js";
import type { Task } from "../core/task.js";
import { PIXELS } from "../image/letterbox.js";
import type { ModelInfo } from "../model/model.js";
import type { WasmSource } from "../wasm/load.js";

/** How a detector is to work. */
export interface DetectorOptions {
  /** About so many pixels the network sees, 4096..2^24; fewer are faster, more find smaller things. Default: the model's. */
  pixels?: number;
  /**
   * In place of `pixels`: how long a frame may take, milliseconds. A few frames are timed, and as many pixels chosen as fit (28,672..491,520), and
   * as many threads unless `threads` says how many. Where frames come to take longer the pixels become fewer, and more again when there has been
   * room for a while; `detector.chosen` says what holds.
   */
  budgetMs?: number;
  /** Which of the model's thresholds hold. Default: "balanced". In models of older files all are the same. */
  operatingPoint?: OperatingPoint;
  /** Objects with a lower score are not reported, 0..1; tasks left out keep those of the operating point. */
  thresholds?: Partial<Record<Task, number>>;
  /**
   * How many threads share the work of a frame, 1..16. Default 1. More need SharedArrayBuffer (in a page: cross-origin isolation) and as
   * many idle cores; where they cannot be had, one does the work (see `detector.threads`).
   */
  threads?: number;
  /** The SHA-256 of the model's file, 64 hexadecimal digits: another file is refused. */
  sha256?: string;
  /**
   * The kernels, in place of those that the package carries: a compiled module, bytes, URL or Response of a build of fourway/wasm, a module such
   * as fourway/wasm/simd, or a promise of one. With more than one thread, a build for threads.
   */
  wasm?: Loadable<WasmSource>;
}

/** Options for one frame. */
export interface DetectOptions {
  /** In place of all thresholds, 0..1. */
  minScore?: number;
}

const MAX_THREADS = 16;

/**
 * Each task's least score.
 * @throws E_ARGUMENT for another operating point, a task that the model does not look for, or a score out of range
 */
export function thresholdsOf(
  { tasks, thresholds: known }: Pick<ModelInfo, "tasks" | "thresholds">,
  { operatingPoint = DEFAULT_OPERATING_POINT, thresholds = {} }: DetectorOptions,
): Record<Task, number> {
  if (!OPERATING_POINTS.includes(operatingPoint))
    throw new FourwayError(
      "E_ARGUMENT",
      `detector: expected an operatingPoint out of ${OPERATING_POINTS.join(", ")}, got ${operatingPoint}; choose one of these`,
    );
  const least = new Map(Object.entries(known[operatingPoint])); // an object may take any name, but for "__proto__"
  for (const [task, score] of Object.entries(thresholds)) {
    if (!tasks.includes(task))
      throw new FourwayError("E_ARGUMENT", `detector: expected thresholds for ${tasks.join(", ")}, got one for "${task}"; fix the name`);
    least.set(task, checkScore(score, "detector") ?? least.get(task)!);
  }
  return Object.fromEntries(least);
}

/** Throws E_ARGUMENT for threads out of range, and for a budget that is no time or stands beside pixels. */
export function checkOptions({ pixels, budgetMs, threads = 1 }: DetectorOptions): void {
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS))
    throw new FourwayError("E_ARGUMENT", `detector: expected threads in 1..${MAX_THREADS}, got ${threads}; as many as idle cores, at most`);
  if (budgetMs === undefined) return;
  if (!(budgetMs > 0 && Number.isFinite(budgetMs)))
    throw new FourwayError("E_ARGUMENT", `detector: expected a budgetMs above 0, got ${budgetMs}; 30 leaves a camera its rate`);
  if (pixels !== undefined)
    throw new FourwayError(
      "E_ARGUMENT",
      `detector: expected pixels or budgetMs, got both, ${pixels} and ${budgetMs}; pixels are exact, a budget chooses them`,
    );
}

/** Throws E_ARGUMENT for pixels of an input that are out of range. */
export function checkPixels(pixels: number): void {
  if (!(pixels >= PIXELS.least && pixels <= PIXELS.most))
    throw new FourwayError("E_ARGUMENT", `detector: expected pixels in ${PIXELS.least}..${PIXELS.most}, got ${pixels}; 61440 is 320 x 192`);
}

/** The score, if there is one. @throws E_ARGUMENT where it is none */
export function checkScore(score: number | undefined, where: string): number | undefined {
  if (score !== undefined && !(score >= 0 && score <= 1))
    throw new FourwayError("E_ARGUMENT", `${where}: expected a score in 0..1, got ${score}; choose another`);
  return score;
}
