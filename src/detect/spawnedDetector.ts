import { type Loadable, unwrapped } from "../core/address.js";
import type { Task } from "../core/task.js";
import type { Model } from "../model/model.js";
import { moduleOf, ownKernels, type WasmSource } from "../wasm/load.js";
import type { Chosen } from "./budget.js";
import type { Detection } from "./detector.js";
import { engineOf, type SpawnOptions } from "./engine.js";
import type { Picture } from "./pictures.js";
import type { Seen } from "./protocol.js";
import { type ModelSource, readModelBytes } from "./source.js";
import { Spawned, type SpawnedDetectOptions } from "./spawn.js";
import { type Live, type Watch, type WatchOptions, watchLive } from "./watch.js";

/** A source of frames, of which only the newest counts. Several of one detector get their turns one after the other. */
export interface Camera {
  /**
   * Looks at a frame as soon as the one before is done.
   * @returns undefined where a newer frame came before its turn
   * @throws as `SpawnedDetector.detect`
   */
  detect(frame: Picture, options?: SpawnedDetectOptions): Promise<Seen | undefined>;
  /** How many frames newer ones took the place of. */
  readonly dropped: number;
  /** Ends it: what waits is answered with undefined. */
  close(): void;
}

/** A model as a worker can be given it; another kind is refused there. */
async function modelToSend(model: unknown): Promise<Uint8Array | Model> {
  const source = await unwrapped(model);
  return (await readModelBytes(source)) ?? (source as Model);
}

/**
 * A detector in a worker, which finds what `Detector.load` finds. Where its worker dies, calls that were under way are rejected and another is
 * started. `dispose()` it, or hold it with `await using`.
 */
export class SpawnedDetector {
  /** The lane of single pictures. */
  private readonly pictures: number;

  private constructor(private readonly spawned: Spawned) {
    this.pictures = spawned.openLane({ newestWins: false });
  }

  /** For `Detector.spawn`. @internal */
  static async start(model: unknown, { engine: wanted, ...options }: SpawnOptions): Promise<SpawnedDetector> {
    const engine = engineOf(wanted);
    const bytes = await modelToSend(model);
    const wasm = (await unwrapped(options.wasm)) as WasmSource | undefined;
    const given = wasm === undefined ? undefined : await moduleOf(wasm);
    const plain = given || engine ? undefined : await ownKernels();
    const { threads = options.budgetMs === undefined ? 1 : Number.POSITIVE_INFINITY } = options; // which a budget may choose
    // where threads cannot be had, the worker says why
    const shared = given || engine || threads <= 1 ? undefined : await ownKernels(true).catch(() => undefined);
    const spawned = new Spawned(bytes, { plain, shared }, { ...options, wasm: given }, engine);
    await spawned.start();
    return new SpawnedDetector(spawned);
  }

  /** What runs the network: "fourway", or another engine and its provider, as "onnxruntime webgpu". */
  get engine(): string {
    return this.spawned.about.engine;
  }

  /** What the model looks for. */
  get tasks(): readonly Task[] {
    return this.spawned.about.tasks;
  }

  /** What was chosen for `budgetMs`, if that was given: it changes where frames come to take longer. */
  get chosen(): Readonly<Chosen> | undefined {
    return this.spawned.about.chosen;
  }

  /** How many threads share the work of a frame. */
  get threads(): number {
    return this.spawned.about.threads;
  }

  /** Why it is one thread though more were asked for. */
  get singleThreadReason(): string | undefined {
    return this.spawned.about.singleThreadReason;
  }

  /**
   * Takes another model between two pictures, such as a version that a `Learner` committed: until it is ready the old one answers, and goes on
   * doing so where this throws. Options stay.
   * @throws as `Detector.load`; E_RUNTIME where the worker died, E_DISPOSED after `dispose`
   */
  async use(model: Loadable<ModelSource | Model>): Promise<void> {
    await this.spawned.use(await modelToSend(model));
  }

  /**
   * Looks at one picture; calls are answered in their order, each of them. For frames that come faster than they can be looked at, use
   * `camera()` or `watch()`.
   * @throws E_ARGUMENT for what is no picture, E_IMAGE for one that cannot be read, E_RUNTIME where the worker died, E_DISPOSED after
   * `dispose`; the signal's reason
   */
  async detect(picture: Picture, options: SpawnedDetectOptions = {}): Promise<Detection> {
    const { presence, objects, ms } = (await this.spawned.call(this.pictures, picture, options))!;
    return { presence, objects, ms };
  }

  /** A source of frames of which only the newest counts. @throws E_DISPOSED after `dispose` */
  camera(): Camera {
    const lane = this.spawned.openLane({ newestWins: true });
    const state = this.spawned.lanes.get(lane)!;
    return {
      detect: (frame, options = {}) => this.spawned.call(lane, frame, options),
      close: () => this.spawned.closeLane(lane),
      get dropped() {
        return state.dropped;
      },
    };
  }

  /**
   * Looks at what a camera or video shows for as long as it does, at each frame that comes when the one before is done. Browsers only. Where
   * the browser can, frames go to the worker without passing through the page's thread.
   * @param listener hears what was seen
   * @throws E_ARGUMENT without a video track, E_RUNTIME where the browser cannot tell of frames, E_DISPOSED after `dispose`
   */
  watch(source: Live, listener: (seen: Seen) => void, options: WatchOptions = {}): Watch {
    return watchLive(this.spawned, source, listener, options);
  }

  /** Ends the worker; what waits is rejected. */
  async dispose(): Promise<void> {
    this.spawned.dispose();
  }

  /** The same, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
