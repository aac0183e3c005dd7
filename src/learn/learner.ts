/// <reference lib="esnext.disposable" preserve="true" />

import { type Loadable, unwrapped } from "../core/address.js";
import type { DetectedObject } from "../core/detection.js";
import { FourwayError } from "../core/errors.js";
import { checkFrame, type Frame, type YuvFrame } from "../core/frame.js";
import type { Task } from "../core/task.js";
import { type ModelSource, readModelBytes, shippedModel } from "../detect/source.js";
import { inputSize } from "../image/letterbox.js";
import { loadModel, type Model, saveModel } from "../model/model.js";
import { createEngine, type Engine, type WasmSource } from "../wasm/load.js";
import { type AdaptOptions, type AdaptReport, type CameraFrames, fitOptionsOf, lookThrough } from "./adapt.js";
import { type Cut, expectInt8, PARTS, type Part } from "./cut.js";
import { type Evaluation, evaluated } from "./evaluation.js";
import { type Candidate, fitModel, isLabelled, taughtTasks } from "./fit.js";
import { History, type Origin } from "./history.js";
import { answersOf } from "./look.js";
import { describePlan, type MemoryPlan, planMemory } from "./memoryPlan.js";
import { memoryStore } from "./memoryStore.js";
import type { Added, AddOptions, AddTaskOptions, FitOptions, FitReport, LearnerOptions } from "./options.js";
import { checkFitOptions } from "./options.js";
import type { Features, Size } from "./passes.js";
import { type PlacedPicture, pictureOf } from "./picture.js";
import { contradictions } from "./questions.js";
import { Rehearsal } from "./rehearsal.js";
import { type FrameLabels, idOf, type LearnSample, labelsInInput, outOfInput, pointOutOfInput } from "./sample.js";
import { Shelf } from "./shelf.js";
import type { LearnStore } from "./store.js";
import { withoutTask, withTask } from "./tasks.js";
import { Archive, UNTAUGHT, type Version } from "./versions.js";

const MEMORY = 16e6;
const STEPS = 200;
/** Objects below this score are not asked for. */
const LEAST_SCORE = 0.001;

/**
 * Teaches a model on the device: frames with labels go in, `fit` learns from them, `evaluate` tells before and after, `commit` makes a version that a
 * running `Detector` takes with `use`, `rollback` takes it back. Owns kernels' memory of its own: `close()` it.
 */
export class Learner {
  private engine: Engine | undefined;
  private candidate: Candidate | undefined;
  private fitting = false;
  private readonly rehearsal: Rehearsal;

  private constructor(
    engine: Engine,
    private readonly store: LearnStore,
    private readonly history: History,
    private readonly options: Required<Omit<LearnerOptions, "store" | "wasm" | "onNotice">>,
    /** Version 0. */
    first: Model,
    private readonly shelf: Shelf,
  ) {
    this.engine = engine;
    this.rehearsal = new Rehearsal(first, options.seed);
  }

  /**
   * Opens a learner on an int8 model, or goes on where its store ended.
   * @param model as `Detector.load` takes it; left out: the one the package ships
   * @throws E_ARGUMENT where the store belongs to another model, or for bad options; E_MODEL for an f32 model; what `loadModel` throws
   */
  static async open(model: Loadable<ModelSource | Model> = shippedModel(), options: LearnerOptions = {}): Promise<Learner> {
    const { store = memoryStore(), memoryBytes = MEMORY, seed = 1, onNotice = console.warn } = options;
    const given = await unwrapped(model);
    const file = (await readModelBytes(given)) ?? saveModel(given as Model);
    const first = loadModel(file);
    const { pixels = first.info.pixels } = options;
    expectInt8(first.graph);
    const wasm = (await unwrapped(options.wasm)) as WasmSource | undefined;
    const archive = new Archive(store);
    const history = await History.open(archive, file, first, seed);
    return new Learner(
      await createEngine(1, wasm),
      store,
      history,
      { memoryBytes, seed, pixels },
      first,
      await Shelf.open(archive, first.info.layout.box >= 0, onNotice),
    );
  }

  /** The committed model, for `Detector.load` or `detector.use`. */
  get model(): Model {
    return this.history.model;
  }

  /** The version in use. */
  get version(): Version {
    return this.history.version;
  }

  /** What the model looks for. */
  get tasks(): readonly Task[] {
    return this.model.info.tasks;
  }

  /** Frames that were added, oldest first; boxes in pixels of the input. */
  get frames(): readonly LearnSample[] {
    return this.shelf.heads;
  }

  /** Throws E_ARGUMENT while a fit is under way. */
  private expectIdle(what: string): void {
    if (this.fitting)
      throw new FourwayError("E_ARGUMENT", `${what}: expected no fit under way, got one; await it, or abort it by its signal`);
  }

  private get ready(): Engine {
    if (!this.engine) throw new FourwayError("E_DISPOSED", "learner: expected one in use, got one that was closed; open another");
    return this.engine;
  }

  /** A frame as the network sees it. */
  private picture(frame: Frame | YuvFrame): PlacedPicture {
    return pictureOf(this.ready, frame, this.options.pixels);
  }

  /**
   * Adds a frame to learn from; it is in the store when this returns. Of every task a quarter of the frames is held back to measure.
   * @param labels of any tasks: a list of all boxes, [] for none, true for present, or { yes, no } for what a tap said
   * @throws E_ARGUMENT for a frame, labels or points that cannot be used
   */
  async add(frame: Frame | YuvFrame, labels: FrameLabels, options: AddOptions = {}): Promise<Added> {
    checkFrame(frame, "add");
    const { ignore = {}, points = {}, sure = false } = options;
    const { picture, placement } = this.picture(frame);
    const placed = labelsInInput(frame, placement, { labels, ignore, points }, this.model.info);
    const id = idOf(picture, placed);
    const { thresholds } = this.model.info;
    const questions = sure
      ? []
      : contradictions(placed, answersOf(this.ready, this.model, [picture], LEAST_SCORE)[0]!, (task) => thresholds.precise[task]!);
    const asked = [...new Set(questions.flatMap(({ task, said }) => (said === "nothing" ? [task] : [task, said])))].filter(
      (task) => placed.labels[task] !== undefined,
    );
    const { held } = await this.shelf.add({ id, width: picture.width, height: picture.height, ...placed, asked }, picture);
    return { id, held, questions: questions.map((question) => ({ ...question, box: outOfInput(question.box, placement) })) };
  }

  /**
   * Learns without a person: a larger model looks at frames of one camera, in their order, and what it is sure of teaches this one. The result waits for
   * `commit` or `discard`, as after `fit`. After an abort, the same call with the same frames goes on from the store.
   * @throws E_ARGUMENT for a bad teacher, frames or options; what `fit` throws
   */
  async adapt(frames: CameraFrames, options: AdaptOptions = {}): Promise<AdaptReport> {
    this.expectIdle("adapt");
    this.fitting = true;
    const room = { engine: this.ready, model: this.model, pixels: this.options.pixels, store: this.store, shelf: this.shelf };
    const seen = await lookThrough(room, frames, options).finally(() => {
      this.fitting = false;
    });
    return taughtTasks(this.model, this.frames).length > 0 ? { ...seen, fit: await this.fit(fitOptionsOf(options)) } : seen;
  }

  /** Says that a frame's labels are right, whatever the detector sees. @throws E_ARGUMENT for a frame that is not there */
  confirm(id: string): Promise<void> {
    return this.shelf.confirm(id);
  }

  /** Takes a frame out. @throws E_ARGUMENT for a frame that is not there */
  remove(id: string): Promise<void> {
    return this.shelf.remove(id);
  }

  /** What the model, a learned one before it is committed, finds in a frame: boxes to confirm or mend. Boxes in frame pixels, best first. */
  suggest(frame: Frame | YuvFrame): DetectedObject[] {
    checkFrame(frame, "suggest");
    const { picture, placement } = this.picture(frame);
    const model = this.candidate?.model ?? this.model;
    const { sensitive } = model.info.thresholds;
    const least = Math.min(...Object.values(sensitive));
    return answersOf(this.ready, model, [picture], least)[0]!
      .objects.filter(({ task, score }) => score >= sensitive[task]!)
      .map(({ points, ...object }) => ({
        ...object,
        box: outOfInput(object.box, placement),
        ...(points ? { points: points.map((point) => pointOutOfInput(point, placement)) } : {}),
      }));
  }

  /** The size that most frames have; 16:9 before there are any. */
  private get size(): Size {
    return this.shelf.commonSize() ?? inputSize(16, 9, this.options.pixels);
  }

  private planFor(what: Part): MemoryPlan {
    const taught = taughtTasks(this.model, this.frames);
    return planMemory(this.ready, this.model, what, taught.length > 0 ? taught : this.tasks, this.size, this.options.memoryBytes);
  }

  /**
   * How memory will be used: as data, and in words.
   * @throws E_ARGUMENT where nothing fits into `memoryBytes`, and for another part
   */
  explain(what: Part = "path"): MemoryPlan & { text: string } {
    if (!PARTS.includes(what))
      throw new FourwayError("E_ARGUMENT", `explain: expected what out of ${PARTS.join(", ")}, got ${what}; choose one of these`);
    const plan = this.planFor(what);
    return { ...plan, text: describePlan(plan) };
  }

  /**
   * Learns from all frames; the result waits for `commit` or `discard`. Thresholds and presence are fitted in any case. A task that got worse on
   * the frames held back keeps its old head, threshold and calibration; where all did, nothing waits.
   * @throws E_ARGUMENT without labelled frames or for bad options; E_TRAIN where learning diverges; the signal's reason
   */
  async fit({ what = "path", steps, seconds, signal, onProgress }: FitOptions = {}): Promise<FitReport> {
    checkFitOptions({ what, steps, seconds });
    this.expectIdle("fit");
    this.candidate = undefined;
    this.fitting = true;
    try {
      const length = seconds === undefined ? (steps ?? STEPS) : { seconds, most: steps ?? STEPS };
      const { candidate, ...report } = await this.learned(what, length, { signal, onProgress });
      this.candidate = candidate && { ...candidate, ...report };
      return report;
    } finally {
      this.fitting = false;
    }
  }

  private async learned(
    what: Part | "thresholds",
    steps: number | { seconds: number; most: number },
    { signal, onProgress }: Pick<FitOptions, "signal" | "onProgress">,
  ): Promise<FitReport & { candidate?: Pick<Candidate, "model" | "frames"> }> {
    const engine = this.ready;
    const { seed } = this.options;
    const taught = taughtTasks(this.model, this.frames);
    if (taught.length === 0)
      throw new FourwayError("E_ARGUMENT", "fit: expected labelled frames, got none; add some, or confirm those in question");
    const plan = this.planFor(what === "thresholds" ? "heads" : what);
    const used = this.shelf.latest(plan.frames);
    const heads = used.map(({ head }) => head);
    const features = (cut: Cut): Promise<Features[]> => this.shelf.features(engine, cut, used);
    const { model, ...report } = await fitModel(engine, this.model, heads, {
      what: what === "thresholds" ? what : plan.what,
      steps,
      seed,
      features,
      rehearsal: (cut) => this.rehearsal.at(engine, cut, `${this.version.id}`, this.size, plan.scenes, signal),
      signal,
      onStep: (step, all, loss) => onProgress?.({ step, steps: all, loss }),
    });
    const frames = heads.filter((head) => taught.some((task) => isLabelled(head, task))).map(({ id }) => id);
    return { ...report, candidate: model && { model, frames } };
  }

  /**
   * Scores before and after the fit that waits, a task each, on the frames that were held back; without any on all of them, which flatters. Without a fit
   * both are those of the committed model.
   */
  async evaluate(): Promise<Evaluation> {
    return evaluated(this.ready, this.model, this.candidate?.model ?? this.model, this.frames, (cut, chosen) =>
      this.shelf.features(
        this.ready,
        cut,
        chosen.map((i) => this.shelf.samples[i]!),
      ),
    );
  }

  /** Makes what was fitted a version, in the store. @throws E_ARGUMENT where nothing waits */
  async commit(): Promise<Version> {
    this.expectIdle("commit");
    const { candidate } = this;
    if (!candidate) throw new FourwayError("E_ARGUMENT", "commit: expected a fit that waits, got none; call fit first");
    const { what, steps, guard, model, frames } = candidate;
    return this.record(model, { what, steps, guard, frames });
  }

  private async record(model: Model, origin: Origin): Promise<Version> {
    const version = await this.history.record(model, origin);
    this.candidate = undefined;
    return version;
  }

  /** Drops what was fitted. */
  discard(): void {
    this.candidate = undefined;
  }

  /** Goes back (or forth) to a version; frames stay. What was fitted and not committed is dropped. @throws E_ARGUMENT where there is no such version */
  async rollback(id: number): Promise<Version> {
    this.expectIdle("rollback");
    const version = await this.history.use(id);
    this.candidate = undefined;
    return version;
  }

  /**
   * A version with one task more, whose head begins as a copy of another's and learns from frames that are labelled for it; all other tasks stay bit
   * for bit. What was fitted and not committed is dropped.
   * @throws E_ARGUMENT for a name that is taken or none
   */
  async addTask(task: Task, { like = this.tasks[0]!, ownPath = true }: AddTaskOptions = {}): Promise<Version> {
    this.expectIdle("addTask");
    return this.record(withTask(this.model, task, like, ownPath), UNTAUGHT);
  }

  /** A version without a task. @throws E_ARGUMENT for one that is not there, or the only one */
  async removeTask(task: Task): Promise<Version> {
    this.expectIdle("removeTask");
    return this.record(withoutTask(this.model, task), UNTAUGHT);
  }

  /** All versions, oldest first. */
  versions(): Promise<Version[]> {
    return this.history.versions();
  }

  /** The committed model's file: an int8 ONNX that loads like any other. */
  export(): Promise<Uint8Array> {
    return this.history.file();
  }

  /** Closes the store and lets go of the kernels' memory. */
  async close(): Promise<void> {
    this.engine = undefined;
    this.candidate = undefined;
    this.rehearsal.clear();
    await this.store.close();
  }

  /** The same, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
