/// <reference lib="esnext.disposable" preserve="true" />

import { type Loadable, unwrapped } from "../core/address.js";
import { FourwayError } from "../core/errors.js";
import { checkFrame, type Frame, type YuvFrame } from "../core/frame.js";
import type { Task } from "../core/task.js";
import { coreCount } from "../core/worker.js";
import { INPUT_SCALE } from "../graph/graph.js";
import { runLetterbox } from "../image/letterbox.js";
import { runYuv } from "../image/yuv.js";
import type { Model } from "../model/model.js";
import { createEngine, type WasmSource } from "../wasm/load.js";
import type { Threads } from "../wasm/threads.js";
import { Budget, type Chosen, type PartTimes, totalMs } from "./budget.js";
import type { SpawnOptions } from "./engine.js";
import { type FrameAnswer, MapReader } from "./mapReader.js";
import { checkOptions, checkScore, type DetectOptions, type DetectorOptions, thresholdsOf } from "./options.js";
import { type ModelSource, readModel, shippedModel } from "./source.js";
import { SpawnedDetector } from "./spawnedDetector.js";
import { Workspace } from "./workspace.js";

/** For a budget one thread fewer than there are cores is tried, so many at most; that has to be so much faster than one. */
const TRIED_THREADS = 4;
const THREADS_GAIN = 1.2;

/** What was found in a frame. */
export interface Detection extends FrameAnswer {
  /** How long each part took. */
  ms: PartTimes;
}

/** Finds a model's tasks in frames. Owns the kernels' memory: `dispose()` it, or hold it with `using`. */
export class Detector {
  /** What runs the network: Fourway's kernels. */
  readonly engine = "fourway";
  private reader: MapReader;
  private thresholds: Record<Task, number>;
  private budget: Budget | undefined;

  private constructor(
    private model: Model,
    private workspace: Workspace | undefined,
    private readonly options: DetectorOptions,
  ) {
    this.thresholds = thresholdsOf(model.info, options);
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
    if ((options as SpawnOptions).engine !== undefined)
      throw new FourwayError(
        "E_ARGUMENT",
        "load: expected no engine, since detect answers at once and other engines answer later, got one; use Detector.spawn(model, { engine })",
      );
    const ready = await readModel(await unwrapped(model), options.sha256);
    const { pixels = ready.info.pixels, threads = 1, budgetMs } = options;
    checkOptions(options);
    const wasm = (await unwrapped(options.wasm)) as WasmSource | undefined;
    const engine = await createEngine(threads, wasm);
    try {
      const detector = new Detector(ready, new Workspace(engine, ready, pixels), options);
      if (engine.threads) abandoned.register(detector, engine.threads, engine.threads);
      if (budgetMs !== undefined) await detector.keepTo(budgetMs);
      return options.threads === undefined ? await detector.orWithThreads(ready) : detector;
    } catch (error) {
      engine.threads?.close();
      throw error;
    }
  }

  /**
   * The same in a worker (a worker thread in Node, Deno and Bun), so that the calling thread stays free; or, with `engine`, by another engine.
   * @throws as `load`, E_RUNTIME also where a worker or the engine cannot be had
   */
  static async spawn(model: Loadable<ModelSource | Model> = shippedModel(), options: SpawnOptions = {}): Promise<SpawnedDetector> {
    return SpawnedDetector.start(model, options);
  }

  /** Times frames and chooses pixels, and goes on choosing. */
  private async keepTo(budgetMs: number): Promise<void> {
    this.budget = await Budget.timed(budgetMs, this.threads, this.workspace!, (frame) => this.detect(frame));
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
      this.budget.note(totalMs(ms));
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
