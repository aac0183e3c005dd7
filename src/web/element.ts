import type { OperatingPoint } from "../core/operatingPoint.js";
import { Detector } from "../detect/detector.js";
import type { Seen } from "../detect/protocol.js";
import type { SpawnedDetector } from "../detect/spawnedDetector.js";
import type { Watch } from "../detect/watch.js";
import { FLAGS, reflect, TEXTS } from "./attributes.js";
import { endStream, listCameras, openCamera, type Shown, show } from "./source.js";
import { type Pick, Stage } from "./stage.js";
import { View } from "./view.js";
import { type CameraState, type CameraWords, ENGLISH, stateOf } from "./words.js";

/** Without a DOM (on a server) the class can be imported, not used. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/** A change of these needs another source, another detector. */
const OF_SOURCE = ["src", "facing", "device", "resolution"];
const FAULTS: readonly CameraState[] = ["denied", "no-camera", "busy", "unplugged", "failed"];
const OF_DETECTOR = ["model", "pixels", "budget-ms", "threads", "operating-point"];

/**
 * `<fourway-camera>`: a camera or clip, what is found in it, and how likely each task is in the picture. The detector works in a worker.
 * Attributes, properties, events and parts are told in docs/camera.md.
 */
export class FourwayCamera extends Base {
  /** Attributes whose change has an effect at once. */
  static readonly observedAttributes = [...Object.values(TEXTS), ...FLAGS];

  declare src: string | null;
  declare facing: string | null;
  declare device: string | null;
  declare resolution: string | null;
  declare model: string | null;
  declare pixels: string | number | null;
  declare budgetMs: string | number | null;
  declare threads: string | number | null;
  declare operatingPoint: OperatingPoint | null;
  declare fit: string | null;
  declare autostart: boolean;
  declare controls: boolean;
  /** Holds the picture and looks no more. */
  declare paused: boolean;

  /** What it says; assign a translation. */
  words: CameraWords = ENGLISH;
  private readonly view: View;
  private readonly stage: Stage;
  private given: MediaStream | Blob | null = null;
  private shared: SpawnedDetector | null = null;
  private own: Promise<SpawnedDetector> | undefined;
  private watching: Watch | undefined;
  private shown: Shown | undefined;
  /** Counts starts and stops: what was begun before the last one is not gone on with. */
  private run = 0;
  private now: CameraState = "idle";
  private reason = "";
  private last: Seen | undefined;
  private resized: ResizeObserver | undefined;

  /** As `document.createElement("fourway-camera")` calls it. */
  constructor() {
    super();
    this.view = new View(this.attachShadow({ mode: "open" }));
    this.stage = new Stage(
      this.view,
      () => this.words,
      (pick) => this.tell("pick", pick satisfies Pick),
    );
    const { start, pause, snapshot, cameras } = this.view;
    start.onclick = () => void this.start();
    pause.onclick = () => {
      this.paused = !this.paused;
    };
    snapshot.onclick = () => void this.snapshot();
    cameras.onchange = () => {
      this.device = cameras.value;
    };
  }

  /** Where it is at. */
  get state(): CameraState {
    return this.now;
  }

  /** The same in a sentence. */
  get message(): string {
    return [this.words.states[this.now], this.reason].filter(Boolean).join(" ");
  }

  /** What was seen last. */
  get seen(): Seen | undefined {
    return this.last;
  }

  /** What to look at in place of a camera: a stream, or a clip's file. It starts at once. */
  get source(): MediaStream | Blob | null {
    return this.given;
  }
  /** Null goes back to `src` or the camera. */
  set source(source: MediaStream | Blob | null) {
    this.given = source;
    if (!this.isConnected) return;
    if (source || this.now !== "idle") void this.start();
  }

  /** A detector to use in place of one's own, such as one that several elements share. Whoever sets it disposes of it. */
  get detector(): SpawnedDetector | null {
    return this.shared;
  }
  /** From the next picture on. */
  set detector(detector: SpawnedDetector | null) {
    this.shared = detector;
    this.dropDetector();
  }

  /** Called by the page. @internal */
  connectedCallback(): void {
    this.resized = new ResizeObserver(() => this.stage.draw());
    this.resized.observe(this.view.stage);
    document.addEventListener("visibilitychange", this.changed);
    globalThis.navigator.mediaDevices?.addEventListener("devicechange", this.plugged);
    this.change(this.now, this.reason);
    if (this.now === "idle" && (this.autostart || this.src || this.given)) void this.start();
  }

  /** Called by the page. @internal */
  disconnectedCallback(): void {
    this.resized?.disconnect();
    document.removeEventListener("visibilitychange", this.changed);
    globalThis.navigator.mediaDevices?.removeEventListener("devicechange", this.plugged);
    queueMicrotask(() => {
      if (this.isConnected) return; // moved within the page
      this.stop();
      this.dropDetector();
    });
  }

  /** Called by the page. @internal */
  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) return;
    if (OF_DETECTOR.includes(name)) this.dropDetector();
    else if (name === "paused") this.hold();
    else if (OF_SOURCE.includes(name) && (this.now !== "idle" || name === "src")) void this.start();
    else this.change(this.now, this.reason);
  }

  /** Starts the camera (the browser asks the person) or clip, again where one runs. What goes wrong is a state, not an error. */
  async start(): Promise<void> {
    const run = ++this.run;
    this.release();
    this.paused = false;
    const detector = this.ready();
    detector.catch(() => {}); // it is waited for below
    try {
      const source = this.given ?? this.src ?? (await this.ask());
      const own = source !== this.given;
      if (run !== this.run) {
        if (own) endStream(source);
        return;
      }
      const { video, stage } = this.view;
      const shown = await show(video, source, own, { onEnd: () => this.unplug(), onMute: () => this.go() });
      if (run !== this.run) {
        shown.close();
        return;
      }
      this.shown = shown;
      const { facingMode, deviceId } = shown.track?.getSettings() ?? {};
      this.stage.mirrored = facingMode === "user";
      stage.classList.toggle("mirrored", this.stage.mirrored);
      stage.style.setProperty("--fourway-ratio", `${video.videoWidth} / ${video.videoHeight}`);
      this.change("loading");
      const { tasks } = await detector;
      if (run !== this.run) return;
      this.view.listTasks(tasks);
      this.go();
      this.look();
      void this.list(deviceId);
    } catch (error) {
      if (run === this.run) this.fail(error);
    }
  }

  /** Ends camera or clip. */
  stop(): void {
    this.run++;
    this.release();
    this.change("idle");
  }

  /** The pixels of now, without boxes: a frame for a `Learner`. @throws E_IMAGE without a picture */
  frame(): ImageData {
    return this.stage.frame();
  }

  /** The picture of now with its boxes, as JPEG; also as the event `snapshot`. @throws E_IMAGE without a picture */
  async snapshot(): Promise<Blob> {
    const blob = await this.stage.snapshot();
    this.tell("snapshot", { blob });
    return blob;
  }

  /** The camera, once the person allows it. */
  private async ask(): Promise<MediaStream> {
    if (!globalThis.isSecureContext || !globalThis.navigator.mediaDevices) throw new DOMException("", "Insecure");
    this.change("asking");
    const [width, height] = (this.resolution ?? "").split("x").map(Number);
    return openCamera({
      device: this.device ?? undefined,
      facing: this.facing ?? undefined,
      width: width || undefined,
      height: height || undefined,
    });
  }

  /** The detector: the one that was given, or the element's own. */
  private ready(): Promise<SpawnedDetector> {
    if (this.shared) return Promise.resolve(this.shared);
    const number = (value: string | number | null): number | undefined => (value === null ? undefined : Number(value));
    this.own ??= Detector.spawn(this.model ?? undefined, {
      pixels: number(this.pixels),
      budgetMs: number(this.budgetMs),
      threads: number(this.threads),
      operatingPoint: this.operatingPoint ?? undefined,
    }).catch((error) => {
      this.own = undefined;
      throw error;
    });
    return this.own;
  }

  /** Ends the element's own detector; where pictures come, they go to another. */
  private dropDetector(): void {
    void this.own?.then((detector) => detector.dispose()).catch(() => {});
    this.own = undefined;
    this.unlook();
    if (this.shown) void this.renew();
  }

  private async renew(): Promise<void> {
    const run = this.run;
    const detector = this.ready();
    try {
      const { tasks } = await detector;
      if (run !== this.run) return;
      this.view.listTasks(tasks);
      this.stage.clear();
      this.look();
    } catch (error) {
      if (run === this.run) this.fail(error);
    }
  }

  /** Looks at what is shown, while it is shown. */
  private look(): void {
    this.unlook();
    if (this.paused || document.hidden || !this.shown) return;
    const run = this.run;
    const begin = async (): Promise<void> => {
      const detector = await this.ready();
      if (run !== this.run || this.watching || this.paused || document.hidden) return;
      this.watching = detector.watch(this.view.video, (seen) => this.see(seen));
      await this.watching.done;
    };
    begin().catch((error) => {
      if (run === this.run) this.fail(error);
    });
  }

  private unlook(): void {
    const { watching } = this;
    this.watching = undefined;
    watching?.stop();
  }

  private see(seen: Seen): void {
    this.last = seen;
    this.stage.see(seen);
    this.tell("detection", seen);
  }

  /** Does what `paused` says. */
  private hold(): void {
    if (!this.shown) return;
    if (this.paused) this.view.video.pause();
    else void this.view.video.play().catch(() => {}); // it may be another source's by then
    this.look();
    if (this.now !== "loading") this.go();
  }

  /** All is there. */
  private go(): void {
    this.change(this.paused ? "paused" : this.shown?.track?.muted ? "muted" : "live");
  }

  private unplug(): void {
    this.run++;
    this.release();
    this.change("unplugged");
  }

  private fail(error: unknown): void {
    this.release();
    const state = error instanceof DOMException ? stateOf(error) : "failed";
    this.change(state, state === "failed" ? (error as Error).message : "");
  }

  private readonly changed = (): void => this.look();

  /** A camera that went away is used again when it is back. */
  private readonly plugged = async (): Promise<void> => {
    const cameras = await listCameras();
    if (cameras.length > 0 && (this.now === "unplugged" || this.now === "no-camera")) await this.start();
    else void this.list(this.device ?? undefined);
  };

  private async list(device = ""): Promise<void> {
    this.view.choose(await listCameras(), device);
  }

  private release(): void {
    this.unlook();
    this.shown?.close();
    this.shown = undefined;
    this.stage.clear();
  }

  private change(state: CameraState, reason = ""): void {
    const told = state !== this.now || reason !== this.reason;
    this.now = state;
    this.reason = reason;
    const quiet = state === "live" || state === "paused";
    const button = state === "idle" ? this.words.start : FAULTS.includes(state) ? this.words.again : "";
    this.view.tell(quiet ? "" : this.message, button);
    this.stage.cover = this.fit === "cover";
    this.stage.draw();
    this.view.name(this.words, this.paused, this.controls && (quiet || state === "muted"));
    if (told) this.tell("statechange", { state, message: this.message });
  }

  private tell(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  static {
    reflect(FourwayCamera.prototype, TEXTS, FLAGS);
  }
}
