import { FourwayError, fromErrorData } from "../core/errors.js";
import type { Signal } from "../core/globals.js";
import { type RunningWorker, startWorker, type WorkerScript } from "../core/worker.js";
import type { Model } from "../model/model.js";
import type { DetectorEngine } from "./engine.js";
import type { DetectOptions, DetectorOptions } from "./options.js";
import { closePicture, type Handed, handOver, movable, type Picture } from "./pictures.js";
import type { AboutDetector, Changed, FromWorker, Seen, ToWorker, Used, WorkerKernels } from "./protocol.js";

/** Options for one picture of a spawned detector. */
export interface SpawnedDetectOptions extends DetectOptions {
  /** Ends the call with the signal's reason; a picture that is being looked at is finished without anyone hearing of it. */
  signal?: Signal;
  /** Moves a frame's bytes to the worker instead of copying them: the caller's are gone. Default false. */
  transfer?: boolean;
}

/** A picture and who waits for its answer. */
interface Call {
  handed: Handed | Promise<Handed>;
  options: SpawnedDetectOptions;
  resolve(seen: Seen | undefined): void;
  reject(reason: unknown): void;
  /** Nobody waits any more. */
  settled: boolean;
}

/** A source of pictures: at most one call is under way, others wait. */
interface Lane {
  /** A newer picture takes the place of the one that waits. */
  newestWins: boolean;
  waiting: Call[];
  current: Call | undefined;
  dropped: number;
  /** Hears what the worker says of a stream that it reads itself. */
  hear?: (message: FromWorker & { lane: number }) => void;
  /** Begins such a stream, again after a worker has died. */
  begin?: (lane: number) => void;
}

const SCRIPT: WorkerScript = {
  name: "detectorWorker.js",
  text: async () => (await import("../generated/workers/detectorWorker.js")).default,
  fromFile: () => new Worker(new URL("./detectorWorker.js", import.meta.url), { type: "module" }),
};

/** So many workers in a row may die before one has answered anything. */
const MAX_DEATHS = 3;

const DISPOSED = "expected a detector in use, got one that was disposed; spawn another";

/** The line to a worker, or to what an engine has in its place, that holds a detector; starts it, and another where it dies. */
export class Spawned {
  about!: AboutDetector;
  readonly lanes = new Map<number, Lane>();
  private worker: RunningWorker | undefined;
  private nextLane = 0;
  private deaths = 0;
  /** Why nothing more can be asked. */
  private over: FourwayError | undefined;
  private unlock: (() => void) | undefined;
  /** Models that are to be taken, by number, and who waits for that. */
  private readonly changes = new Map<number, { model: Uint8Array | Model; answer(used: Used | FourwayError): void }>();
  private nextChange = 0;

  constructor(
    private model: Uint8Array | Model,
    private readonly kernels: WorkerKernels,
    private readonly options: DetectorOptions,
    private readonly engine: DetectorEngine | undefined,
  ) {}

  /** Starts a worker and waits until its detector is ready. @throws FourwayError E_RUNTIME without workers, and as `Detector.load` */
  async start(): Promise<void> {
    let worker: RunningWorker;
    try {
      worker = this.engine ? this.engine.start() : await startWorker(SCRIPT, {});
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new FourwayError("E_RUNTIME", `spawn: expected a worker, got none: ${reason}; use Detector.load in this thread`, { cause });
    }
    // a lock tells of a death where the runtime does not
    const locks = this.engine || "process" in globalThis ? undefined : globalThis.navigator?.locks;
    const lock = locks && `fourway-${Math.random()}`;
    try {
      this.about = await new Promise<AboutDetector>((resolve, reject) => {
        worker.onFailure = (reason) =>
          reject(new FourwayError("E_RUNTIME", `spawn: expected a worker that loads the model, got "${reason}"; try again`));
        worker.onMessage = (data) => {
          const message = data as FromWorker;
          if (message.kind === "ready") resolve(message.about);
          else if (message.kind === "unfit") reject(fromErrorData(message.error));
        };
        worker.post({ kind: "load", model: this.model, kernels: this.kernels, options: this.options, lock } satisfies ToWorker);
      });
    } catch (error) {
      worker.end();
      throw error;
    }
    if (this.over) {
      worker.end(); // disposed of in the meantime
      return;
    }
    this.worker = worker;
    worker.onMessage = (data) => this.hear(data as (FromWorker & { lane: number }) | Used | Changed);
    worker.onFailure = (reason) => void this.died(worker, reason);
    if (locks && lock !== undefined) {
      const waiting = new AbortController();
      this.unlock = () => waiting.abort();
      locks.request(lock, { signal: waiting.signal }, () => void this.died(worker, "it was ended")).catch(() => {});
    }
    this.keepAlive();
    for (const [change, { model }] of this.changes) this.post({ kind: "use", change, model }); // asked for while there was no worker
    for (const [number, lane] of this.lanes) {
      lane.begin?.(number);
      void this.send(number);
    }
  }

  /** Ends everything; calls that wait are rejected. */
  dispose(): void {
    this.over ??= new FourwayError("E_DISPOSED", `detect: ${DISPOSED}`);
    this.unlock?.();
    this.worker?.end();
    this.worker = undefined;
    this.rejectAll(this.over, true);
  }

  /**
   * Takes another model between two pictures.
   * @throws as `Detector.use`; E_RUNTIME where the worker died: the old model stays
   */
  async use(model: Uint8Array | Model): Promise<void> {
    if (this.over) throw this.over;
    const change = this.nextChange++;
    const used = await new Promise<Used | FourwayError>((resolve) => {
      this.changes.set(change, { model, answer: resolve });
      this.post({ kind: "use", change, model });
      this.keepAlive();
    });
    this.changes.delete(change);
    this.keepAlive();
    if (used instanceof FourwayError) throw used;
    if (used.error) throw fromErrorData(used.error);
    this.model = model;
    this.about = used.about!;
  }

  /** @throws FourwayError where nothing more can be asked */
  openLane(lane: Pick<Lane, "newestWins" | "hear" | "begin">): number {
    if (this.over) throw this.over;
    const number = this.nextLane++;
    this.lanes.set(number, { ...lane, waiting: [], current: undefined, dropped: 0 });
    if (this.worker) lane.begin?.(number);
    return number;
  }

  /** The lane's calls are answered with undefined. */
  closeLane(number: number): void {
    const lane = this.lanes.get(number);
    if (!lane) return;
    this.lanes.delete(number);
    if (lane.hear) this.post({ kind: "leave", lane: number });
    for (const call of lane.waiting) drop(call);
    if (lane.current) settle(lane.current).resolve(undefined);
    this.keepAlive();
  }

  /** Tells the worker, where there is one. */
  post(message: ToWorker, transfer: readonly object[] = []): void {
    this.worker?.post(message, transfer);
  }

  /** Looks at a picture as soon as it is the lane's turn. @returns undefined where a newer one took its place */
  call(number: number, picture: Picture, options: SpawnedDetectOptions): Promise<Seen | undefined> {
    const { signal } = options;
    return new Promise<Seen | undefined>((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.over) throw this.over;
      const lane = this.lanes.get(number);
      if (!lane) throw new FourwayError("E_DISPOSED", "detect: expected a camera in use, got one that was closed; open another");
      const call: Call = { handed: handOver(picture), options, resolve, reject, settled: false };
      if (call.handed instanceof Promise) call.handed.catch((error) => settle(call).reject(error));
      if (lane.newestWins)
        for (const late of lane.waiting.splice(0)) {
          drop(late);
          lane.dropped++;
        }
      lane.waiting.push(call);
      const abort = (): void => {
        lane.waiting = lane.waiting.filter((other) => other !== call);
        if (lane.current !== call) void close(call);
        settle(call).reject(signal!.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      const { resolve: answer, reject: refuse } = call;
      call.resolve = (seen) => {
        signal?.removeEventListener("abort", abort);
        answer(seen);
      };
      call.reject = (reason) => {
        signal?.removeEventListener("abort", abort);
        refuse(reason);
      };
      void this.send(number);
    });
  }

  /** Sends the lane's next picture if none is under way. */
  private async send(number: number): Promise<void> {
    const lane = this.lanes.get(number);
    if (!lane || lane.current || !this.worker) return;
    const call = lane.waiting.shift();
    if (!call) return;
    lane.current = call;
    this.keepAlive();
    const { handed, options } = call;
    try {
      const picture = handed instanceof Promise ? await handed : handed;
      if (!call.settled && lane.current === call) {
        const { minScore, transfer = false } = options;
        this.post({ kind: "look", lane: number, picture, options: { minScore } }, movable(picture, transfer));
        return;
      }
      closePicture(picture);
    } catch (cause) {
      const reason = (cause as Error).message;
      const told = cause instanceof FourwayError;
      settle(call).reject(
        told ? cause : new FourwayError("E_ARGUMENT", `detect: expected a picture that a worker can be given, got "${reason}"`, { cause }),
      );
    }
    if (lane.current === call) this.done(number, lane);
  }

  private done(number: number, lane: Lane): void {
    lane.current = undefined;
    this.keepAlive();
    void this.send(number);
  }

  private hear(message: (FromWorker & { lane: number }) | Used | Changed): void {
    this.deaths = 0;
    if (message.kind === "changed") {
      this.about = message.about;
      return;
    }
    if (message.kind === "used") {
      this.changes.get(message.change)?.answer(message);
      return;
    }
    const lane = this.lanes.get(message.lane);
    if (!lane) return;
    if (message.kind === "seen" && lane.hear) lane.dropped = message.dropped;
    if (lane.hear) {
      lane.hear(message);
      return;
    }
    const { current } = lane;
    if (current)
      if (message.kind === "seen") settle(current).resolve(message.seen);
      else if (message.kind === "fault") settle(current).reject(fromErrorData(message.error));
    this.done(message.lane, lane);
  }

  /** Calls that were under way are rejected, those that wait go to another worker. */
  private async died(worker: RunningWorker, reason: string): Promise<void> {
    if (this.worker !== worker) return;
    this.worker = undefined;
    this.unlock?.();
    worker.end();
    this.deaths++;
    this.rejectAll(
      new FourwayError("E_RUNTIME", `detect: expected an answer from the worker, got "${reason}"; another is started, call again`),
    );
    try {
      if (this.deaths >= MAX_DEATHS) throw new Error(reason);
      await this.start();
    } catch (cause) {
      this.over ??= new FourwayError(
        "E_RUNTIME",
        `detect: expected a worker, got "${(cause as Error).message}" again and again; spawn another detector`,
        { cause },
      );
      this.rejectAll(this.over, true);
    }
  }

  private rejectAll(reason: FourwayError, waiting = false): void {
    for (const { answer } of this.changes.values()) answer(reason);
    for (const lane of this.lanes.values()) {
      const calls = lane.current ? [lane.current] : [];
      lane.current = undefined;
      if (waiting)
        for (const call of lane.waiting.splice(0)) {
          calls.push(call);
          void close(call);
        }
      for (const call of calls) settle(call).reject(reason);
      if (waiting) lane.hear?.({ kind: "fault", lane: -1, error: reason });
    }
    this.keepAlive();
  }

  /** A process ends unless someone waits for an answer. */
  private keepAlive(): void {
    const busy = [...this.lanes.values()].some(({ current, waiting }) => current !== undefined || waiting.length > 0);
    this.worker?.keepAlive(busy || this.changes.size > 0);
  }
}

/** The call, answered from now on; whoever answers it again is not heard. */
function settle(call: Call): Pick<Call, "resolve" | "reject"> {
  if (call.settled) return { resolve: () => {}, reject: () => {} };
  call.settled = true;
  return call;
}

/** Gives back what a call holds that is not sent. */
async function close({ handed }: Call): Promise<void> {
  const picture = await Promise.resolve(handed).catch(() => undefined);
  if (picture) closePicture(picture);
}

function drop(call: Call): void {
  void close(call);
  settle(call).resolve(undefined);
}
