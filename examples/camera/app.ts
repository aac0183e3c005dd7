// The camera app: a camera, a clip or a drawn street, what is found in it, and learning from what is wrong. Build and serve: npm run demo:web.

import "../../src/web/index.js"; // "fourway/element"
import type { Seen } from "../../src/index.js"; // "fourway"
import type { FourwayCamera, Pick } from "../../src/web/index.js"; // "fourway/element"
import { Teaching } from "./lessons.js";
import { offerModels } from "./models.js";
import { drawnStreet } from "./street.js";

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const camera = element<FourwayCamera>("camera");
const [live, clip, street] = [element<HTMLButtonElement>("live"), element<HTMLInputElement>("clip"), element<HTMLButtonElement>("street")];
const [pause, picture, teach] = [
  element<HTMLButtonElement>("pause"),
  element<HTMLButtonElement>("picture"),
  element<HTMLButtonElement>("teach"),
];
const [model, pixels] = [element<HTMLSelectElement>("model"), element<HTMLSelectElement>("pixels")];
const [speed, note] = [element<HTMLOutputElement>("speed"), element("note")];

/** Over which the frames a second are counted. */
const SPEED_MS = 2000;
const NOTE_MS = 2500;
/** Cores that share a frame, where the page is cross-origin isolated; the page itself and the camera need one. */
const MOST_THREADS = 4;
/** A frame may take so long where the device chooses the detail: 25 frames a second. */
const BUDGET_MS = 40;

if (globalThis.crossOriginIsolated) camera.threads = Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency - 1));

/** Says something for a moment. */
let hushed = 0;
function say(sentence: string): void {
  note.textContent = sentence;
  clearTimeout(hushed);
  hushed = window.setTimeout(() => note.replaceChildren(), NOTE_MS);
}

function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

offerModels(model);
const teaching = new Teaching(camera, () => model.value, say, download);

/** Looks at a stream or file, at the camera where there is none. */
let stopStreet = (): void => {};
function lookAt(source: MediaStream | Blob | null, button: HTMLElement): void {
  for (const each of [live, street]) each.setAttribute("aria-pressed", String(each === button));
  clip.parentElement!.classList.toggle("on", button === clip);
  camera.source = source;
  if (!source) void camera.start();
}

live.onclick = () => {
  stopStreet();
  lookAt(null, live);
};
clip.onchange = () => {
  const [file] = clip.files!;
  if (!file) return;
  stopStreet();
  lookAt(file, clip);
  clip.value = ""; // so that the same file can be chosen again
};
street.onclick = () => {
  stopStreet();
  const { stream, stop } = drawnStreet();
  stopStreet = stop;
  lookAt(stream, street);
};

model.onchange = () => void teaching.begin();
void teaching.begin();
pixels.onchange = () => {
  const budget = pixels.value === "budget";
  camera.budgetMs = null; // never both
  camera.pixels = budget ? null : pixels.value || null;
  if (budget) camera.budgetMs = BUDGET_MS;
};
pause.onclick = () => {
  camera.paused = !camera.paused;
};
picture.onclick = () => void camera.snapshot();

camera.addEventListener("statechange", () => {
  const { state } = camera;
  pause.disabled = picture.disabled = teach.disabled = !["live", "paused"].includes(state);
  pause.textContent = camera.paused ? "Resume" : "Pause";
  if (state !== "live") speed.value = "";
  if (state === "idle") live.setAttribute("aria-pressed", "false");
});

const times: number[] = [];
camera.addEventListener("detection", (event) => {
  const { ms } = (event as CustomEvent<Seen>).detail;
  const now = performance.now();
  times.push(now);
  while (times[0]! < now - SPEED_MS) times.shift();
  const rate = (1000 * (times.length - 1)) / (now - times[0]!);
  if (times.length > 2) speed.value = `${rate.toFixed(0)} frames/s · ${(ms.letterbox + ms.network + ms.postprocess).toFixed(0)} ms`;
});
camera.addEventListener("pick", (event) => {
  const { object } = (event as CustomEvent<Pick>).detail;
  if (object) say(`${camera.words.task(object.task, 1)}, ${Math.round(100 * object.score)} % sure`);
});
camera.addEventListener("snapshot", (event) => {
  const { blob } = (event as CustomEvent<{ blob: Blob }>).detail;
  download(blob, `fourway-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.jpg`);
  say("Picture saved");
});

// the page works without a network from its second visit on
if ("serviceWorker" in navigator && globalThis.isSecureContext) void navigator.serviceWorker.register("serviceWorker.js");
