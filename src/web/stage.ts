import type { Box } from "../core/box.js";
import type { DetectedObject } from "../core/detection.js";
import { FourwayError } from "../core/errors.js";
import type { Seen } from "../detect/protocol.js";
import { Motion, type Moving } from "./motion.js";
import { boxAt, drawBoxes, inPicture, type Place, placeOn } from "./overlay.js";
import type { View } from "./view.js";
import { type CameraWords, describe } from "./words.js";

/** What was tapped, or chosen by keyboard: a point in pixels of the picture, and the object whose box it hits. */
export interface Pick {
  x: number;
  y: number;
  object: DetectedObject | undefined;
  /** Of the picture. */
  width: number;
  height: number;
}

/** Those who do not see the picture are told of changes no more often. */
const SAY_MS = 3000;
/** Canvases on displays of high resolution have at most so many pixels a CSS pixel. */
const MAX_UNIT = 2;
const JPEG_QUALITY = 0.92;
const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** The picture with what is found in it: boxes that move between detections, bars, and which box a person means. */
export class Stage {
  /** Whether the picture covers the stage rather than fit in it, and whether its left is right. */
  cover = false;
  mirrored = false;
  private readonly motion = new Motion();
  private chosen: Moving | undefined;
  private drawing = 0;
  private saidAt = 0;
  private isStale = true;

  /** @param onPick hears of taps and of boxes that are picked by keyboard */
  constructor(
    private readonly view: View,
    private readonly words: () => CameraWords,
    private readonly onPick: (pick: Pick) => void,
  ) {
    const { stage } = view;
    stage.onclick = ({ offsetX, offsetY }) => this.tap(offsetX, offsetY);
    stage.onkeydown = (event) => this.press(event);
  }

  /** Shows a detection from now on. */
  see({ objects, presence, width, height }: Seen): void {
    this.motion.see(objects, presence, width, height);
    this.move();
    if (performance.now() - this.saidAt < SAY_MS) return;
    this.saidAt = performance.now();
    this.view.say(describe(objects, this.words()));
  }

  /** Nothing is seen any more. */
  clear(): void {
    this.motion.clear();
    this.chosen = undefined;
    this.draw();
  }

  /** Draws anew, whatever moves. */
  draw(): void {
    this.isStale = true;
    this.move();
  }

  /** Draws at the display's rate for as long as something moves. */
  private move(): void {
    if (this.drawing) return;
    const step = (now: number): void => {
      const moving = this.motion.step(now);
      const { canvas, context, stage } = this.view;
      const unit = Math.min(MAX_UNIT, globalThis.devicePixelRatio);
      const [width, height] = [Math.round(stage.clientWidth * unit), Math.round(stage.clientHeight * unit)];
      const place = this.place(unit);
      // a canvas costs the page more than all else here: it is drawn where that is to be seen
      if (this.isStale || this.motion.looksNew(1 / Math.max(place?.width ?? 1, place?.height ?? 1))) {
        if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
        else context.clearRect(0, 0, width, height);
        if (place) drawBoxes(context, this.motion.boxes, { place, unit, name: this.name, chosen: this.chosen });
        this.motion.markDrawn();
        this.isStale = false;
      }
      this.view.fill(this.motion.presence, now, !moving);
      this.drawing = moving ? requestAnimationFrame(step) : 0;
    };
    this.drawing = requestAnimationFrame(step);
  }

  /** The picture of now on a canvas. @throws E_IMAGE without a picture */
  private copy(where: string): CanvasRenderingContext2D {
    const { videoWidth: width, videoHeight: height } = this.view.video;
    if (width === 0) throw new FourwayError("E_IMAGE", `${where}: expected a picture, got none; wait for the state live`);
    const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d")!;
    context.drawImage(this.view.video, 0, 0);
    return context;
  }

  /** The pixels of now, without boxes. @throws E_IMAGE without a picture */
  frame(): ImageData {
    const context = this.copy("frame");
    return context.getImageData(0, 0, context.canvas.width, context.canvas.height);
  }

  /** The picture of now with its boxes, as JPEG. @throws E_IMAGE without a picture */
  async snapshot(): Promise<Blob> {
    const context = this.copy("snapshot");
    const { canvas } = context;
    const { width, height } = canvas;
    const place = { x: 0, y: 0, width, height, mirrored: false };
    drawBoxes(context, this.motion.boxes, { place, unit: Math.max(1, width / 640), name: this.name });
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY));
    if (!blob) throw new FourwayError("E_IMAGE", `snapshot: expected a picture of ${width} x ${height} as JPEG, got none; try again`);
    return blob;
  }

  private readonly name = (task: string): string => this.words().task(task, 1);

  /** Where the picture lies, in so many pixels a CSS pixel. */
  private place(unit: number): Place | undefined {
    const { video, stage } = this.view;
    if (video.videoWidth === 0) return undefined;
    const room = { width: stage.clientWidth * unit, height: stage.clientHeight * unit };
    return placeOn(room, { width: video.videoWidth, height: video.videoHeight }, this.cover, this.mirrored);
  }

  private tap(x: number, y: number): void {
    const place = this.place(1);
    if (place) this.pick(inPicture(x, y, place), boxAt(this.motion.boxes, x, y, place));
  }

  private pick({ x, y }: { x: number; y: number }, hit: Moving | undefined): void {
    const { videoWidth: width, videoHeight: height } = this.view.video;
    this.chosen = hit;
    this.draw();
    const object = hit && { task: hit.task, score: hit.score, box: scaled(hit.box, width, height) };
    this.onPick({ x: x * width, y: y * height, object, width, height });
  }

  /** Arrow keys go from box to box, left to right; Enter picks one. */
  private press(event: KeyboardEvent): void {
    const boxes = [...this.motion.boxes].sort((a, b) => a.box.x - b.box.x);
    const at = this.chosen ? boxes.indexOf(this.chosen) : -1;
    const step = STEPS[event.key];
    if (step && boxes.length > 0) {
      const next = at < 0 ? (step > 0 ? 0 : boxes.length - 1) : (at + step + boxes.length) % boxes.length;
      this.chosen = boxes[next]!;
      const { task, score } = this.chosen;
      this.view.say(`${this.name(task)}, ${Math.round(100 * score)} %, ${next + 1} / ${boxes.length}`);
    } else if ((event.key === "Enter" || event.key === " ") && at >= 0) {
      const { x, y, width, height } = boxes[at]!.box;
      this.pick({ x: x + width / 2, y: y + height / 2 }, boxes[at]);
    } else if (event.key === "Escape") this.chosen = undefined;
    else return;
    event.preventDefault();
    this.draw();
  }
}

function scaled({ x, y, width, height }: Box, across: number, down: number): Box {
  return { x: x * across, y: y * down, width: width * across, height: height * down };
}
