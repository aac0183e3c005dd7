/// <reference lib="esnext.disposable" preserve="true" />

import { kindOf, type Loadable, unwrapped } from "../core/address.js";
import { FourwayError } from "../core/errors.js";
import { checkFrame, type Frame, type YuvFrame } from "../core/frame.js";
import { DEFAULT_OPERATING_POINT, OPERATING_POINTS, type OperatingPoint } from "../core/operatingPoint.js";
import type { Task } from "../core/task.js";
import { coreCount } from "../core/worker.js";
import { INPUT_SCALE } from "../graph/graph.js";
import { runLetterbox } from "../image/letterbox.js";
import { runYuv } from "../image/yuv.js";
import { loadModel, type Model } from "../model/model.js";
import { createEngine, type WasmSource } from "../wasm/load.js";
import type { Threads } from "../wasm/threads.js";
import { Budget, type Chosen } from "./budget.js";
import { type FrameAnswer, MapReader } from "./mapReader.js";
import { checkDigest, type ModelSource, readModelBytes, shippedModel } from "./source.js";
import { SpawnedDetector } from "./spawnedDetector.js";
import { Workspace } from "./workspace.js";

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

const MAX_THREADS = 16;
/** For a budget one thread fewer than there are cores is tried, so many at most; that has to be so much faster than one. */
const TRIED_THREADS = 4;
const THREADS_GAIN = 1.2;
/** Of the grey frame that is timed for a budget. */
const TIMED = { width: 640, height: 360 };

/** Options for one frame. */
export interface DetectOptions {
  /** In place of all thresholds, 0..1. */
  minScore?: number;
}

/** What was found in a frame. */
export interface Detection extends FrameAnswer {
  /** How long each part took. */
  ms: { letterbox: number; network: number; postprocess: number };
}

/** Finds a model's tasks in frames. Owns the kernels' memory: `dispose()` it, or hold it with `using`. */
export class Detector {
  private reader: MapReader;
  private thresholds: Record<Task, number>;
  private budget: Budget | undefined;

  private constructor(
    private model: Model,
    private workspace: Workspace | undefined,
    private readonly options: DetectorOptions,
  ) {
    const { operatingPoint = DEFAULT_OPERATING_POINT } = options;
    if (!OPERATING_POINTS.includes(operatingPoint))
      throw new FourwayError(
        "E_ARGUMENT",
        `detector: expected an operatingPoint out of ${OPERATING_POINTS.join(", ")}, got ${operatingPoint}; choose one of these`,
      );
    const thresholds = new Map(Object.entries(model.info.thresholds[operatingPoint])); // an object may take any name, but for "__proto__"
    for (const [task, score] of Object.entries(options.thresholds ?? {})) {
      if (!this.tasks.includes(task))
        throw new FourwayError(
          "E_ARGUMENT",
          `detector: expected thresholds for ${this.tasks.join(", ")}, got one for "${task}"; fix the name`,
        );
      thresholds.set(task, checkScore(score, "detector") ?? thresholds.get(task)!);
    }
    this.thresholds = Object.fromEntries(thresholds);
    this.reader = new MapReader(model.info);
  }

  /**
   * Loads a model and makes it ready to run.
   * @param model a file's bytes (a buffer, typed array or DataView), its path or URL, a Blob, Request or Response, a module that holds it, a model
   * in memory, or a promise of one; left out: fourway-m, which the package carries
   * @throws E_ONNX, E_MODEL for a file that cannot be read, is damaged or is no Fourway model, E_ARGUMENT for bad options or another kind of
   * model, E_RUNTIME without SIMD or memory
   */
  static async load(model: Loadable<ModelSource | Model> = shippedModel(), options: DetectorOptions = {}): Promise<Detector> {
    const ready = await readModel(await unwrapped(model), options.sha256);
    const { pixels = ready.info.pixels, threads = 1, budgetMs } = options;
    checkBudget(options);
    if (!(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS))
      throw new FourwayError(
        "E_ARGUMENT",
        `detector: expected threads in 1..${MAX_THREADS}, got ${threads}; as many as idle cores, at most`,
      );
    const wasm = (await unwrapped(options.wasm)) as WasmSource | undefined;
    const engine = await createEngine(threads, wasm);
    try {
      const detector = new Detector(ready, new Workspace(engine, ready, pixels), options);
      if (engine.threads) abandoned.register(detector, engine.threads, engine.threads);
      if (budgetMs !== undefined) detector.keepTo(budgetMs);
      return options.threads === undefined ? await detector.orWithThreads(ready) : detector;
    } catch (error) {
      engine.threads?.close();
      throw error;
    }
  }

  /**
   * The same in a worker (a worker thread in Node, Deno and Bun), so that the calling thread stays free.
   * @throws as `load`, E_RUNTIME also where a worker cannot be had
   */
  static async spawn(model: Loadable<ModelSource | Model> = shippedModel(), options: DetectorOptions = {}): Promise<SpawnedDetector> {
    return SpawnedDetector.start(model, options);
  }

  /** Times frames and chooses pixels, and goes on choosing. */
  private keepTo(budgetMs: number): void {
    const workspace = this.workspace!;
    const budget = new Budget(budgetMs, workspace.pixels, this.threads);
    const frame = { ...TIMED, data: new Uint8Array(4 * TIMED.width * TIMED.height).fill(128) };
    budget.start((pixels) => {
      workspace.pixels = pixels;
      return total(this.detect(frame).ms);
    });
    workspace.pixels = budget.chosen.pixels;
    this.budget = budget;
  }

  /** This one or, where it has a budget that leaves something to gain and several threads gain it, one with threads. */
  private async orWithThreads(model: Model): Promise<Detector> {
    const threads = Math.min(TRIED_THREADS, coreCount() - 1);
    if (!this.budget?.canGain || threads < 2 || this.options.wasm !== undefined) return this;
    const other = await Detector.load(model, { ...this.options, sha256: undefined, threads });
    const gain = other.budget!.speed / this.budget.speed;
    const [better, worse] = other.threads > 1 && gain >= THREADS_GAIN ? [other, this] : [this, other];
    worse.dispose();
    return better;
  }

  /** What was chosen for `budgetMs`, if that was given: it changes where frames come to take longer. */
  get chosen(): Readonly<Chosen> | undefined {
    return this.budget?.chosen;
  }

  /** How many threads share the work of a frame. */
  get threads(): number {
    return this.workspace?.engine.threads?.count ?? 1;
  }

  /** Why it is one thread though more were asked for. */
  get singleThreadReason(): string | undefined {
    return this.workspace?.engine.singleThreadReason;
  }

  /** What the model looks for. */
  get tasks(): readonly Task[] {
    return this.model.info.tasks;
  }

  /**
   * Looks at one frame. Frames of one size share a plan; nothing grows from frame to frame.
   * @throws E_ARGUMENT for a bad frame or score, E_DISPOSED after `dispose`, E_RUNTIME where memory ends, E_MODEL for weights that give no numbers
   */
  detect(frame: Frame | YuvFrame, options: DetectOptions = {}): Detection {
    if (!this.workspace)
      throw new FourwayError("E_DISPOSED", "detect: expected a detector in use, got one that was disposed; load another");
    checkFrame(frame, "detect");
    const minScore = checkScore(options.minScore, "detect");

    const start = performance.now();
    const { engine } = this.workspace;
    engine.threads?.wake();
    const network = this.workspace.prepare(frame);
    const { program, letterbox, rgba, planes, bytes } = network;
    const input = program.inputs[0]!;
    engine.memory.u8.set(frame.data, planes ?? rgba);
    if (planes !== undefined) runYuv(engine, rgba, planes, frame as YuvFrame);
    runLetterbox(engine, letterbox, rgba, frame, bytes, input);
    if (bytes !== input.offset) engine.kernels.dequantize(input.offset, bytes, 3 * input.width * input.height, INPUT_SCALE);

    const placed = performance.now();
    program.run();

    const done = performance.now();
    const {
      maps,
      letterbox: { placement },
    } = network;
    const answer = this.reader.read(engine.memory.f32, maps, placement, input, (task) => minScore ?? this.thresholds[task]!);
    const ms = { letterbox: placed - start, network: done - placed, postprocess: performance.now() - done };
    if (this.budget) {
      this.budget.note(total(ms));
      this.workspace.pixels = this.budget.chosen.pixels;
    }
    return { ...answer, ms };
  }

  /**
   * Takes another model between two frames, such as a version that a `Learner` committed: until it is ready the old one answers, and goes on
   * doing so where this throws. Options stay.
   * @throws as `load`; E_DISPOSED after `dispose`
   */
  async use(model: Loadable<ModelSource | Model>): Promise<void> {
    const { sha256, ...options } = this.options;
    const next = await Detector.load(model, options);
    if (!this.workspace) {
      next.dispose();
      throw new FourwayError("E_DISPOSED", "use: expected a detector in use, got one that was disposed; load another");
    }
    if (next.workspace?.engine.threads) {
      abandoned.unregister(next.workspace.engine.threads);
      abandoned.register(this, next.workspace.engine.threads, next.workspace.engine.threads);
    }
    this.workspace.engine.threads?.close();
    [this.model, this.workspace, this.thresholds, this.reader] = [next.model, next.workspace, next.thresholds, next.reader];
    this.budget = next.budget;
    next.workspace = undefined;
  }

  /** Gives back the kernels' memory and ends its threads; the detector cannot be used any more. */
  dispose(): void {
    this.workspace?.engine.threads?.close();
    this.workspace = undefined;
  }

  /** The same, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Threads of detectors that were dropped without `dispose`. */
const abandoned = new FinalizationRegistry<Threads>((threads) => threads.close());

async function readModel(model: unknown, digest: string | undefined): Promise<Model> {
  const file = await readModelBytes(model);
  if (file) {
    if (digest !== undefined) checkDigest(file, digest);
    return loadModel(file);
  }
  const ready = model as Partial<Model> | null;
  if (!(ready?.graph?.params && ready.info?.tasks))
    throw new FourwayError(
      "E_ARGUMENT",
      `detector: expected a model as ArrayBuffer, SharedArrayBuffer, typed array, DataView, Blob, Request, Response, URL, path, module of a model or what loadModel returns, got ${kindOf(model)}; pass one of these`,
    );
  if (digest !== undefined)
    throw new FourwayError("E_ARGUMENT", "detector: expected a model's file to compare with sha256, got a model in memory; pass its bytes");
  return ready as Model;
}

const total = ({ letterbox, network, postprocess }: Detection["ms"]): number => letterbox + network + postprocess;

function checkBudget({ pixels, budgetMs }: DetectorOptions): void {
  if (budgetMs === undefined) return;
  if (!(budgetMs > 0 && Number.isFinite(budgetMs)))
    throw new FourwayError("E_ARGUMENT", `detector: expected a budgetMs above 0, got ${budgetMs}; 30 leaves a camera its rate`);
  if (pixels !== undefined)
    throw new FourwayError(
      "E_ARGUMENT",
      `detector: expected pixels or budgetMs, got both, ${pixels} and ${budgetMs}; pixels are exact, a budget chooses them`,
    );
}

function checkScore(score: number | undefined, where: string): number | undefined {
  if (score !== undefined && !(score >= 0 && score <= 1))
    throw new FourwayError("E_ARGUMENT", `${where}: expected a score in 0..1, got ${score}; choose another`);
  return score;
}
