// What the test of spawned detectors does in a page: `window.spawned` holds it.

import { handOver, PictureReader } from "../../src/detect/pictures.js";
import { type Detection, Detector, type Picture, type Seen, type SpawnedDetector } from "../../src/index.js";
import { drawScene } from "../../src/scenes/scene.js";
import { toI420 } from "../support/i420.js";

const { frame } = drawScene(1, 8, { width: 640, height: 400 });
const seenIn = ({ presence, objects }: Detection) => ({ presence, objects });
let detector: SpawnedDetector;
/** A camera that gives no two frames by then never will. */
const STILL_MS = 60_000;

/** The frame as pictures of each kind. */
function kinds(): Record<string, () => Picture | Promise<Picture>> {
  const { data, width, height } = frame;
  const image = (): ImageData => new ImageData(new Uint8ClampedArray(data), width, height);
  const drawn = <T extends HTMLCanvasElement | OffscreenCanvas>(canvas: T): T => {
    (canvas.getContext("2d") as CanvasRenderingContext2D).putImageData(image(), 0, 0);
    return canvas;
  };
  const element = (): HTMLCanvasElement => drawn(Object.assign(document.createElement("canvas"), { width, height }));
  const i420 = toI420(frame).data;
  const planes = (format: "I420" | "NV12", bytes: Uint8Array): VideoFrame =>
    new VideoFrame(bytes as Uint8Array<ArrayBuffer>, {
      format,
      codedWidth: width,
      codedHeight: height,
      timestamp: 7,
      colorSpace: { matrix: "smpte170m", primaries: "smpte170m", transfer: "smpte170m", fullRange: false },
    });
  const nv12 = i420.slice();
  const samples = (width * height) / 4;
  for (let i = 0; i < samples; i++) for (const k of [0, 1]) nv12[width * height + 2 * i + k] = i420[width * height + k * samples + i]!;
  const blob = (): Promise<Blob> => drawn(new OffscreenCanvas(width, height)).convertToBlob();
  return {
    bytes: () => frame,
    ImageData: image,
    ImageBitmap: () => createImageBitmap(image()),
    HTMLCanvasElement: element,
    OffscreenCanvas: () => drawn(new OffscreenCanvas(width, height)),
    Blob: blob,
    "VideoFrame of RGBA": () => new VideoFrame(element(), { timestamp: 7 }),
    "VideoFrame of I420": () => planes("I420", i420),
    "VideoFrame of NV12": () => planes("NV12", nv12),
    "I420 bytes": () => toI420(frame),
  };
}

/** What is asked of the page. */
const page = {
  async load(size = "m"): Promise<string[]> {
    detector = await Detector.spawn(`/fourway-${size}.onnx`);
    return Object.keys(kinds());
  },
  async look(kind: string): Promise<Omit<Detection, "ms">> {
    return seenIn(await detector.detect(await kinds()[kind]!()));
  },
  /** A display-p3 picture's first pixel, and what the worker sees in its place. */
  async wide(): Promise<{ p3: number[]; srgb: number[] }> {
    const canvas = new OffscreenCanvas(64, 64).getContext("2d", { colorSpace: "display-p3" })!;
    canvas.fillStyle = "color(display-p3 0.6 0.302 0.2)";
    canvas.fillRect(0, 0, 64, 64);
    const image = canvas.getImageData(0, 0, 64, 64, { colorSpace: "display-p3" });
    const { data } = await new PictureReader().read(await handOver(image));
    return { p3: [...image.data.slice(0, 4)], srgb: [...data.slice(0, 4)] };
  },
  async refused(): Promise<string[]> {
    const bitmap = await createImageBitmap(new ImageData(8, 8));
    bitmap.close();
    const closed = kinds()["VideoFrame of I420"]!() as VideoFrame;
    closed.close();
    const wrong = [bitmap, closed, document.createElement("video"), document.createElement("img"), document.createElement("div")];
    return Promise.all(wrong.map((each) => detector.detect(each as Picture).then(String, ({ code, message }) => `${code} ${message}`)));
  },
  /** Watches the camera, by the way that the browser has or, `without` it, by the next one. */
  async watch(without: string[], frames: number): Promise<{ way: string; seen: Seen[]; dropped: number }> {
    for (const name of without) delete (globalThis as Record<string, unknown>)[name];
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } });
    const seen: Seen[] = [];
    const watched = await new Promise<{ way: string; dropped: number }>((resolve, reject) => {
      const watch = detector.watch(stream, (each) => {
        seen.push(each);
        if (seen.length < frames) return;
        watch.stop();
        resolve(watch);
      });
      watch.done.catch(reject);
    });
    for (const track of stream.getTracks()) track.stop();
    return { way: watched.way, dropped: watched.dropped, seen };
  },
  /** Watches the camera and leaves it, again and again, whatever the worker is at. */
  async leave(times: number): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } });
    for (let i = 0; i < times; i++) {
      let frames = 0;
      const watch = detector.watch(stream, () => frames++);
      const end = performance.now() + STILL_MS;
      while (frames < 2) {
        if (performance.now() > end) throw new Error(`the camera stands still after it was left ${i} times`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await new Promise((resolve) => setTimeout(resolve, i % 10));
      watch.stop();
      (globalThis as unknown as { gc(): void }).gc(); // of the frames that Chromium itself forgets in the page
    }
    await new Promise((resolve) => setTimeout(resolve, 600)); // until the last stream's next frame
    for (const track of stream.getTracks()) track.stop();
  },
  /** Ends the worker behind the detector's back, while a camera is watched. */
  async kill(): Promise<{ reason: string; objects: number; frames: number }> {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    let frames = 0;
    const watch = detector.watch(stream, () => frames++);
    while (frames < 3) await new Promise(requestAnimationFrame);
    const { worker } = (detector as unknown as { spawned: { worker: { end(): void } } }).spawned;
    worker.end();
    const reason = await detector.detect(frame).then(String, ({ code, message }) => `${code} ${message}`);
    const { objects } = await detector.detect(frame);
    frames = 0;
    while (frames < 3) await new Promise(requestAnimationFrame);
    watch.stop();
    await watch.done;
    return { reason, objects: objects.length, frames };
  },
};
export type SpawnPage = typeof page;
Object.assign(globalThis, { page });
