import { FourwayError } from "../core/errors.js";
import { checkFrame, type Frame, type YuvFrame } from "../core/frame.js";
import type { Task } from "../core/task.js";
import { Budget, type Chosen, totalMs } from "../detect/budget.js";
import type { HeadMap } from "../detect/decode.js";
import type { Detection } from "../detect/detector.js";
import { MapReader } from "../detect/mapReader.js";
import { checkOptions, checkPixels, checkScore, type DetectOptions, type DetectorOptions, thresholdsOf } from "../detect/options.js";
import type { Servable } from "../detect/serve.js";
import { readModel } from "../detect/source.js";
import { INPUT_SCALE, imageOf } from "../graph/graph.js";
import { inputSize } from "../image/letterbox.js";
import { type PlacedPicture, pictureOf } from "../learn/picture.js";
import { WHOLE } from "../model/head.js";
import type { Model } from "../model/model.js";
import { writeOnnx } from "../onnx/write.js";
import { dequantized } from "../quant/dequantize.js";
import { createEngine, type Engine, type WasmSource } from "../wasm/load.js";
import { openSession, type Provider, type Session } from "./onnxruntime.js";

/** How onnxruntime is to run a model. */
export interface OnnxruntimeOptions {
  /**
   * Execution providers: the first that runs the model is used. "wasm", "webgpu" and "webnn" are those of onnxruntime-web; an object holds a
   * provider's settings, too: `{ name: "webnn", deviceType: "gpu" }`. Default: ["wasm"].
   */
  providers?: readonly Provider[];
  /**
   * Of an int8 model's activations: "int8", rounded as Fourway does, or "f32", which GPUs are made for and which finds nearly the same.
   * Default: "int8" for the provider "wasm", "f32" for others.
   */
  precision?: "int8" | "f32";
  /** Imports the package: `() => import("onnxruntime-web/webgpu")`. Default: onnxruntime-web. */
  load?: () => Promise<unknown>;
}

/** Input sizes whose sessions are kept; of more, the oldest goes. */
const MAX_SIZES = 8;
/** Of the frame with which a provider is tried. */
const TRIED = { width: 640, height: 360 };

/** A session for inputs of one size, and room for its maps, channels last. */
interface SizedSession {
  session: Session;
  values: Float32Array;
  /** A task's maps each, fine to coarse. */
  maps: HeadMap[][];
}

/** A model with what is made of it. */
interface Prepared {
  model: Model;
  reader: MapReader;
  thresholds: Record<Task, number>;
  file: Uint8Array;
  input: string;
  /** By size, as "320x192". */
  sessions: Map<string, Promise<SizedSession>>;
}

/** onnxruntime-web is one for a whole program, and runs one thing at a time. */
let under: Promise<unknown> = Promise.resolve();

/** Does this when all that was asked for before is done. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = under.then(work);
  under = done.catch(() => {});
  return done;
}

/** Finds a model's tasks in frames by onnxruntime: Fourway's kernels place the frame in the input, and Fourway reads the maps. */
export class OnnxruntimeDetector implements Servable {
  private prepared!: Prepared;
  private budget: Budget | undefined;
  private provider!: Provider;

  private constructor(
    private readonly kernels: Engine,
    private readonly options: DetectorOptions,
    private readonly settings: OnnxruntimeOptions,
    /** About so many pixels the network sees. */
    public pixels: number,
  ) {}

  /**
   * Opens a model.
   * @throws as `Detector.load`; E_RUNTIME without onnxruntime-web, or where none of the providers runs the model
   */
  static async open(source: Uint8Array | Model, options: DetectorOptions, settings: OnnxruntimeOptions): Promise<OnnxruntimeDetector> {
    const model = await readModel(source, options.sha256);
    checkOptions(options);
    const kernels = await createEngine(1, options.wasm as WasmSource | undefined);
    const { pixels = model.info.pixels } = options;
    checkPixels(pixels);
    const detector = new OnnxruntimeDetector(kernels, options, settings, pixels);
    await inTurn(() => detector.take(model));
    const { budgetMs } = options;
    if (budgetMs !== undefined)
      detector.budget = await Budget.timed(budgetMs, detector.threads, detector, (frame) => detector.detect(frame, {}));
    return detector;
  }

  /** Takes a model with the first provider that runs it. */
  private async take(model: Model): Promise<void> {
    const { providers = ["wasm"] } = this.settings;
    if (providers.length === 0)
      throw new FourwayError("E_ARGUMENT", `onnxruntime: expected providers, got none; name "wasm", which runs everywhere`);
    const faults: string[] = [];
    for (const provider of providers) {
      const prepared = this.prepare(model, provider);
      try {
        const size = inputSize(TRIED.width, TRIED.height, this.pixels);
        const { session } = await this.sized(prepared, provider, size);
        await session.run({
          [prepared.input]: { data: new Float32Array(3 * size.width * size.height), dims: [1, 3, size.height, size.width] },
        });
        const { prepared: former } = this;
        [this.prepared, this.provider] = [prepared, provider];
        if (former) await release(former);
        return;
      } catch (cause) {
        await release(prepared);
        if ((cause as FourwayError).code === "E_RUNTIME") throw cause; // the package is not there
        faults.push(`${nameOf(provider)}: ${((cause as Error).cause as Error | undefined)?.message ?? (cause as Error).message}`);
      }
    }
    throw new FourwayError(
      "E_RUNTIME",
      `onnxruntime: expected a provider that runs the model, got none: ${faults.join("; ")}; add "wasm" to providers, or leave engine out for Fourway's kernels`,
    );
  }

  private prepare(model: Model, provider: Provider): Prepared {
    const { graph, info } = model;
    const { precision = nameOf(provider) === "wasm" ? "int8" : "f32" } = this.settings;
    return {
      model,
      reader: new MapReader(info),
      thresholds: thresholdsOf(info, this.options),
      file: writeOnnx(precision === "int8" ? graph : dequantized(graph), {}),
      input: imageOf(graph),
      sessions: new Map(),
    };
  }

  /** The session for inputs of a size: providers plan best, and some only, for sizes that they know. */
  private sized(
    { sessions, file, model }: Prepared,
    provider: Provider,
    { width, height }: { width: number; height: number },
  ): Promise<SizedSession> {
    const key = `${width}x${height}`;
    let sized = sessions.get(key);
    if (sized) return sized;
    sized = this.openSized(file, model, provider, { width, height });
    sized.catch(() => sessions.delete(key));
    sessions.set(key, sized);
    if (sessions.size > MAX_SIZES) {
      const [[oldest, late]] = sessions as unknown as [[string, Promise<SizedSession>]];
      sessions.delete(oldest);
      void late.then(({ session }) => session.dispose());
    }
    return sized;
  }

  private async openSized(
    file: Uint8Array,
    { info: { tasks, strides, layout } }: Model,
    provider: Provider,
    { width, height }: { width: number; height: number },
  ): Promise<SizedSession> {
    const { load } = this.settings;
    const session = await openSession(file, "onnxruntime", {
      threads: this.options.threads,
      load,
      providers: [provider],
      sizes: { batch: 1, height, width },
    });
    let end = 0;
    const maps = tasks.map(() =>
      strides.map((stride): HeadMap => {
        const [rows, columns] = stride === WHOLE ? [1, 1] : [Math.ceil(height / stride), Math.ceil(width / stride)];
        const map = { at: end, height: rows, width: columns, stride, layout };
        end += rows * columns * layout.cell;
        return map;
      }),
    );
    return { session, maps, values: new Float32Array(end) };
  }

  /** Which provider runs the network. */
  get engine(): string {
    return `onnxruntime ${nameOf(this.provider)}`;
  }

  /** What the model looks for. */
  get tasks(): readonly Task[] {
    return this.prepared.model.info.tasks;
  }

  /** How many threads share the work of a frame. */
  get threads(): number {
    return this.singleThreadReason === undefined ? (this.options.threads ?? 1) : 1;
  }

  /** Why it is one thread though more were asked for. */
  get singleThreadReason(): string | undefined {
    if ((this.options.threads ?? 1) === 1) return undefined;
    if (nameOf(this.provider) !== "wasm") return `threads are those of the provider wasm, not of ${nameOf(this.provider)}`;
    return typeof SharedArrayBuffer === "undefined"
      ? "the runtime gives no SharedArrayBuffer (a page must be cross-origin isolated)"
      : undefined;
  }

  /** What was chosen for `budgetMs`, if that was given. */
  get chosen(): Readonly<Chosen> | undefined {
    return this.budget?.chosen;
  }

  /** Looks at one frame. @throws as `Detector.detect` */
  detect(frame: Frame | YuvFrame, options: DetectOptions): Promise<Detection> {
    return inTurn(() => this.look(frame, options));
  }

  private async look(frame: Frame | YuvFrame, options: DetectOptions): Promise<Detection> {
    checkFrame(frame, "detect");
    const minScore = checkScore(options.minScore, "detect");
    const { prepared } = this;
    const { reader, thresholds, input } = prepared;
    const start = performance.now();
    const placed = pictureOf(this.kernels, frame, this.pixels);
    const { picture, placement } = placed;
    const data = planesOf(placed);
    const letterbox = performance.now() - start;

    const { session, maps, values } = await this.sized(prepared, this.provider, picture);
    const opened = performance.now();
    const outputs = await session.run({ [input]: { data, dims: [1, 3, picture.height, picture.width] } });
    const done = performance.now();
    takeMaps(values, maps, prepared.model, outputs);
    const answer = reader.read(values, maps, placement, picture, (task) => minScore ?? thresholds[task]!);
    const ms = { letterbox, network: done - opened, postprocess: performance.now() - done };
    if (this.budget) {
      this.budget.note(totalMs(ms));
      this.pixels = this.budget.chosen.pixels;
    }
    return { ...answer, ms };
  }

  /** Takes another model between two frames. @throws as `open`: the old one stays */
  async use(source: Uint8Array | Model): Promise<void> {
    const model = await readModel(source, undefined);
    await inTurn(() => this.take(model));
    if (this.options.pixels === undefined && !this.budget) this.pixels = model.info.pixels;
  }

  /** Gives back what onnxruntime holds, when what was asked for before is done. */
  dispose(): void {
    void inTurn(() => release(this.prepared));
  }
}

const nameOf = (provider: Provider): string => (typeof provider === "string" ? provider : provider.name);

async function release({ sessions }: Prepared): Promise<void> {
  const opened = [...sessions.values()];
  sessions.clear();
  for (const sized of opened) await sized.then(({ session }) => session.dispose()).catch(() => {});
}

/** The picture's colours one after the other, in the network's units. */
function planesOf({ picture: { width, height, pixels } }: PlacedPicture): Float32Array {
  const size = width * height;
  const planes = new Float32Array(3 * size);
  for (let i = 0; i < size; i++) for (let c = 0; c < 3; c++) planes[c * size + i] = pixels[3 * i + c]! * INPUT_SCALE;
  return planes;
}

/** Copies the maps that a network gives, channels first, to where they are read, channels last. @throws E_MODEL where one has another size */
function takeMaps(
  values: Float32Array,
  maps: readonly (readonly HeadMap[])[],
  { graph, info }: Model,
  outputs: Readonly<Record<string, { data: Float32Array }>>,
): void {
  const count = info.tasks.length;
  for (const [task, levels] of maps.entries())
    for (const [level, { at, height, width, layout }] of levels.entries()) {
      const name = graph.outputs[level * count + task]!;
      const { data } = outputs[name]!;
      const cells = height * width;
      const { channels, cell } = layout;
      if (data.length !== cells * channels)
        throw new FourwayError("E_MODEL", `onnxruntime: expected ${cells * channels} numbers of "${name}", got ${data.length}`);
      for (let i = 0; i < cells; i++) for (let c = 0; c < channels; c++) values[at + i * cell + c] = data[c * cells + i]!;
    }
}
