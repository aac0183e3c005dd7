import { toErrorData } from "../core/errors.js";
import type { Frame, YuvFrame } from "../core/frame.js";
import type { Task } from "../core/task.js";
import type { Model } from "../model/model.js";
import type { Chosen } from "./budget.js";
import type { Detection } from "./detector.js";
import type { DetectOptions } from "./options.js";
import { closePicture, type Handed, PictureReader } from "./pictures.js";
import type { AboutDetector, FromWorker, ToWorker } from "./protocol.js";

/** Tracks' frames as a stream; browsers have it in workers, Chromium in pages too. */
declare const MediaStreamTrackProcessor: new (init: { track: MediaStreamTrack }) => { readable: ReadableStream<VideoFrame> };

/** What can be served: `Detector`, or what another engine runs, whose answers come later. */
export interface Servable {
  readonly engine: string;
  readonly tasks: readonly Task[];
  readonly threads: number;
  readonly singleThreadReason: string | undefined;
  readonly chosen: Readonly<Chosen> | undefined;
  detect(frame: Frame | YuvFrame, options: DetectOptions): Detection | Promise<Detection>;
  use(model: Uint8Array | Model): Promise<void>;
}

/** Which detector is wanted. */
export type ToLoad = ToWorker & { kind: "load" };

/** A picture that waits for its turn. */
interface Waiting {
  picture: Handed;
  options: DetectOptions;
}

/** A stream that is watched. */
interface Watched {
  dropped: number;
  /** Where the stream is of the worker's own making: what it is of. */
  track: MediaStreamTrack | undefined;
}

/** Holds a detector and looks at the pictures that it is sent, and at the frames of streams that it is given, one at a time and all sources in turn. */
export class DetectorServer {
  private readonly reader = new PictureReader();
  /** One picture a lane. A Map keeps the order in which lanes came, also where a lane's picture is replaced by a newer one: first come, first served. */
  private readonly waiting = new Map<number, Waiting>();
  private readonly watched = new Map<number, Watched>();
  private readonly channel = new MessageChannel();
  private detector!: Servable;
  private working = false;

  /**
   * @param say answers
   * @param load makes the detector
   */
  constructor(
    private readonly say: (message: FromWorker) => void,
    private readonly load: (message: ToLoad) => Promise<Servable>,
  ) {}

  /** Lets messages and frames that have come in the meantime be received. */
  private received(): Promise<void> {
    const { port1, port2 } = this.channel;
    return new Promise((resolve) => {
      port1.onmessage = () => {
        port1.onmessage = null; // so that a process can end
        resolve();
      };
      port2.postMessage(null);
    });
  }

  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    for (let next = this.waiting.entries().next(); !next.done; next = this.waiting.entries().next()) {
      const [lane, { picture, options }] = next.value;
      this.waiting.delete(lane);
      try {
        const timestamp = "timestamp" in picture ? picture.timestamp : undefined;
        const frame = await this.reader.read(picture);
        const { width, height } = frame;
        const { chosen } = this.detector;
        const seen = { ...(await this.detector.detect(frame, options)), width, height, timestamp };
        if (this.detector.chosen !== chosen) this.say({ kind: "changed", about: this.about() });
        this.say({ kind: "seen", lane, seen, dropped: this.watched.get(lane)?.dropped ?? 0 });
      } catch (error) {
        this.say({ kind: "fault", lane, error: toErrorData(error) });
      }
      await this.received();
    }
    this.working = false;
  }

  /**
   * Reads a stream to its end, each frame as soon as it is there; of those that come while others are looked at, the newest stays. One that is left
   * is cancelled with its next frame: where it is cancelled while a frame is asked for, Chromium makes frames that no script is given or can close,
   * and after some dozens of them the camera stands still.
   */
  private async watch({ lane, from, options }: ToWorker & { kind: "watch" }): Promise<void> {
    const mine: Watched = { dropped: 0, track: "getReader" in from ? undefined : from };
    this.watched.set(lane, mine);
    try {
      const reader = ("getReader" in from ? from : new MediaStreamTrackProcessor({ track: from }).readable).getReader();
      for (;;) {
        const { value: picture, done } = await reader.read();
        if (done) break;
        if (this.watched.get(lane) !== mine) {
          closePicture(picture);
          await reader.cancel();
          return;
        }
        const late = this.waiting.get(lane);
        if (late) {
          closePicture(late.picture);
          mine.dropped++;
        }
        this.waiting.set(lane, { picture, options });
        void this.work();
      }
      this.say({ kind: "ended", lane });
    } catch (error) {
      this.say({ kind: "fault", lane, error: toErrorData(error) });
    }
    this.leave(lane);
  }

  private leave(lane: number): void {
    const late = this.waiting.get(lane);
    if (late) closePicture(late.picture);
    this.waiting.delete(lane);
    this.watched.get(lane)?.track?.stop(); // a copy of the page's
    this.watched.delete(lane);
  }

  private async begin(message: ToLoad): Promise<void> {
    try {
      this.detector = await this.load(message);
      this.say({ kind: "ready", about: this.about() });
    } catch (error) {
      this.say({ kind: "unfit", error: toErrorData(error) });
    }
  }

  private about(): AboutDetector {
    const { engine, tasks, threads, singleThreadReason, chosen } = this.detector;
    return { engine, tasks, threads, singleThreadReason, chosen, readsTracks: typeof MediaStreamTrackProcessor !== "undefined" };
  }

  private async use({ change, model }: ToWorker & { kind: "use" }): Promise<void> {
    try {
      await this.detector.use(model);
      this.say({ kind: "used", change, about: this.about() });
    } catch (error) {
      this.say({ kind: "used", change, error: toErrorData(error) });
    }
  }

  /** Gives back the pictures that wait and ends the streams that are watched. */
  close(): void {
    for (const lane of [...this.waiting.keys(), ...this.watched.keys()]) this.leave(lane);
  }

  /** Does what a message asks for. */
  receive(message: ToWorker): void {
    if (message.kind === "load") void this.begin(message);
    else if (message.kind === "use") void this.use(message);
    else if (message.kind === "leave") this.leave(message.lane);
    else if (message.kind === "look") {
      this.waiting.set(message.lane, message);
      void this.work();
    } else void this.watch(message);
  }
}
