// A page that detects in a camera's pictures, a file or a drawn street. Bundle: npm run bundle; then serve build/browser.
// In its address, model=URL names another model, scene=NUMBER opens a drawn street at once.
import { type DetectedObject, Detector, drawScene, type Task } from "../../src/index.js"; // "fourway"

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const status = element<HTMLOutputElement>("status");
const canvas = element<HTMLCanvasElement>("picture");
const context = canvas.getContext("2d", { willReadFrequently: true })!;
const colours: Record<Task, string> = { pedestrian: "#ffb000", car: "#4cc3ff", stopSign: "#ff5a5a", trafficLight: "#6ee07a" };
const asked = new URLSearchParams(location.search);
/** Larger pictures are scaled down before they are read back: the network sees about 320 x 192 pixels of them. */
const LARGEST_SIDE = 1280;

let detector: Detector;
let stream: MediaStream | undefined;

/** Draws a picture, looks at it, and marks what is found. */
function show(picture: CanvasImageSource, width: number, height: number): void {
  const scale = Math.min(1, LARGEST_SIDE / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  detectAndMark();
}

function detectAndMark(): void {
  const { presence, objects, ms } = detector.detect(context.getImageData(0, 0, canvas.width, canvas.height));
  for (const object of objects) mark(object);
  const time = ms.letterbox + ms.network + ms.postprocess;
  status.value = `${objects.length} found in ${time.toFixed(1)} ms`;
  const lines = Object.entries(presence).map(([task, probability]) => {
    const line = document.createElement("li");
    line.textContent = `${task} ${(100 * probability).toFixed(0)} %`;
    line.style.color = colours[task] ?? "white";
    return line;
  });
  element("presence").replaceChildren(...lines);
}

function mark({ task, score, box: { x, y, width, height } }: DetectedObject): void {
  const unit = Math.max(1, canvas.width / 320);
  context.lineWidth = unit;
  context.strokeStyle = colours[task] ?? "white";
  context.strokeRect(x, y, width, height);
  context.font = `${6 * unit}px system-ui, sans-serif`;
  const text = `${task} ${score.toFixed(2)}`;
  const top = Math.max(0, y - 8 * unit);
  context.fillStyle = colours[task] ?? "white";
  context.fillRect(x - unit / 2, top, context.measureText(text).width + 2 * unit, 8 * unit);
  context.fillStyle = "black";
  context.fillText(text, x + unit / 2, top + 6.2 * unit);
}

function stopCamera(): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = undefined;
}

async function startCamera(): Promise<void> {
  stopCamera();
  const started = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  stream = started;
  const video = Object.assign(document.createElement("video"), { srcObject: started, muted: true, playsInline: true });
  await video.play();
  const next = (): void => {
    if (stream !== started) return;
    show(video, video.videoWidth, video.videoHeight);
    video.requestVideoFrameCallback(next);
  };
  video.requestVideoFrameCallback(next);
}

async function openFile(file: File): Promise<void> {
  stopCamera();
  const bitmap = await createImageBitmap(file);
  show(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
}

function openScene(index: number): void {
  stopCamera();
  const { frame } = drawScene(1, index, { width: 640, height: 400 });
  canvas.width = frame.width;
  canvas.height = frame.height;
  context.putImageData(new ImageData(new Uint8ClampedArray(frame.data), frame.width, frame.height), 0, 0);
  detectAndMark();
}

/** Says in the page what went wrong. */
async function tell(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    status.value = (error as Error).message;
  }
}

await tell(async () => {
  detector = await Detector.load(asked.get("model") ?? "fourway-s.onnx");
  status.value = "ready";
  let scene = Number(asked.get("scene") ?? 0);
  element("camera").onclick = () => tell(startCamera);
  element("scene").onclick = () => tell(() => openScene(++scene));
  element<HTMLInputElement>("file").onchange = ({ target }) => {
    const file = (target as HTMLInputElement).files?.[0];
    if (file) void tell(() => openFile(file));
  };
  if (asked.has("scene")) openScene(scene);
});
