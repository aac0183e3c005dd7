// <fourway-camera> in headless Chromium with a camera that plays drawn streets: what it shows, says and tells, and what may go wrong with a camera.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { Detector } from "../../src/detect/detector.js";
import { drawScene } from "../../src/scenes/scene.js";
import type { FourwayCamera, Pick } from "../../src/web/index.js";
import { missingChromium } from "../runtimes/runtimes.js";
import { toI420 } from "../support/i420.js";
import { browse } from "./browse.js";
import { bundled } from "./bundled.js";
import { type Server, serve } from "./chromium.js";
import { writeClip } from "./clip.js";

const CLIP = { width: 640, height: 360 };
const SCENE = 8;
/** Frames over which memory has to stay flat: a short form unless the environment asks for more. */
const FRAMES = Number(process.env.FOURWAY_FRAMES ?? 240);
/** What the heap may be larger by in the last third: code that is compiled late, the runtime's own tables. */
const HEAP_BYTES = 1_000_000;
/** Milliseconds of the page's thread a frame, the middle one: drawing included, and room for a machine that has other work; a detection there would take more. */
const PAGE_MS = 10;
/** Of a machine with much else to do. */
const PATIENCE_MS = 120_000;
const skip = missingChromium;

const folder = mkdtempSync(join(tmpdir(), "fourway-element-"));
const clip = join(folder, "street.y4m");
let server: Server;

before(async () => {
  if (skip) return;
  writeClip(clip, [SCENE], CLIP, 2);
  const element = new URL("../../src/web/index.js", import.meta.url);
  const files = await bundled(
    { element, react: new URL("../../../examples/react/App.jsx", import.meta.url) },
    {
      alias: { "fourway/element": fileURLToPath(element) },
      jsx: "automatic",
      define: { "process.env.NODE_ENV": '"development"' },
    },
  );
  const page = (body: string, script: string): string =>
    `<!doctype html><html lang="en"><meta name="color-scheme" content="light dark" /><style>html { background: light-dark(white, #111) }</style><title>camera</title><main><h1>Camera</h1>${body}</main><script type="module" src="/${script}.js"></script></html>`;
  files.set("/element.html", page("<fourway-camera controls></fourway-camera>", "element"));
  files.set("/react.html", page('<div id="root"></div>', "react"));
  server = await serve(files);
});

after(() => {
  server?.close();
  rmSync(folder, { recursive: true });
});

/** The page with the element, which notes its events. */
async function open(tab: Page, origin = server.origin): Promise<void> {
  await tab.goto(`${origin}/element.html`);
  await tab.evaluate(() => {
    const camera = document.querySelector("fourway-camera")!;
    const events: { type: string; detail: unknown }[] = [];
    for (const type of ["statechange", "detection", "pick", "snapshot"])
      camera.addEventListener(type, (event) => events.push({ type, detail: (event as CustomEvent).detail }));
    Object.assign(globalThis, { camera, events });
  });
}
declare const camera: FourwayCamera;
declare const events: { type: string; detail: never }[];

const states = (tab: Page): Promise<string[]> =>
  tab.evaluate(() => events.filter(({ type }) => type === "statechange").map(({ detail: { state } }) => state));
const until = async (tab: Page, state: string): Promise<void> => {
  await tab.waitForFunction((wanted) => camera.state === wanted, state, { timeout: PATIENCE_MS });
};
const detections = (tab: Page): Promise<number> => tab.evaluate(() => events.filter(({ type }) => type === "detection").length);
const more = async (tab: Page): Promise<void> => {
  const before = await detections(tab);
  await tab.waitForFunction((count) => events.filter(({ type }) => type === "detection").length > count + 2, before, {
    timeout: PATIENCE_MS,
  });
};
const start = (tab: Page) => tab.getByRole("button", { name: "Start camera" }).click();

/** Faults that axe-core finds. */
async function axe(tab: Page): Promise<string[]> {
  await tab.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  return tab.evaluate(async () => {
    const { violations } = await (
      globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }
    ).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  });
}

test("the camera is shown, what is found is told and drawn, tapped and walked through by keys; axe finds no fault", { skip }, async () => {
  using detector = await Detector.load();
  const wanted = detector.detect(toI420(drawScene(1, SCENE, CLIP).frame));
  assert.ok(wanted.objects.length > 1);
  await browse({ clip, viewport: { width: 700, height: 800 } }, async (tab) => {
    await open(tab);
    assert.deepEqual(await axe(tab), []);
    await start(tab);
    await until(tab, "live");
    await more(tab);
    assert.deepEqual(await states(tab), ["asking", "loading", "live"]);
    const seen = await tab.evaluate(() => camera.seen!);
    assert.deepEqual([seen.width, seen.height, seen.objects, seen.presence], [CLIP.width, CLIP.height, wanted.objects, wanted.presence]);
    await tab.waitForTimeout(1000); // bars have risen
    for (const [task, probability] of Object.entries(wanted.presence)) {
      const name = task.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
      const shown = Number(await tab.getByRole("meter", { name }).getAttribute("aria-valuenow"));
      assert.ok(Math.abs(shown - 100 * probability) <= 3, `${name}: ${shown}, not ${100 * probability}`);
    }
    for (const colorScheme of ["dark", "light"] as const) {
      await tab.emulateMedia({ colorScheme });
      assert.deepEqual(await axe(tab), [], colorScheme);
    }
    const { box, task } = wanted.objects[0]!;
    const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    const place = (await tab.locator("fourway-camera >> .stage").boundingBox())!;
    const scale = place.width / CLIP.width;
    await tab.locator("fourway-camera >> .stage").click({ position: { x: middle.x * scale, y: middle.y * scale } });
    await tab.keyboard.press("ArrowRight");
    await tab.keyboard.press("Enter");
    const [tapped, walked] = (await tab.evaluate(() => events.filter(({ type }) => type === "pick").map(({ detail }) => detail))) as Pick[];
    assert.equal(tapped!.object!.task, task);
    assert.ok(Math.abs(tapped!.x - middle.x) < 2 && Math.abs(tapped!.y - middle.y) < 2, JSON.stringify(tapped));
    assert.ok(Math.abs(tapped!.object!.box.x - box.x) < 1, "the box is in pixels of the picture");
    assert.ok(walked!.object);
    assert.match((await tab.locator("fourway-camera >> [aria-live]").textContent())!, /\d|nothing/);
    const drawn = await tab.evaluate(() => {
      const { context } = (camera as unknown as { view: { context: CanvasRenderingContext2D } }).view;
      return context.getImageData(0, 0, context.canvas.width, context.canvas.height).data.some((byte) => byte > 0);
    });
    assert.ok(drawn, "boxes are drawn");
  });
});

test("pausing holds the picture and the detector, a picture can be taken, a clip takes the camera's place", { skip }, async () => {
  await browse({ clip }, async (tab) => {
    await open(tab);
    await start(tab);
    await until(tab, "live");
    await more(tab);
    await tab.getByRole("button", { name: "Pause" }).click();
    await until(tab, "paused");
    await tab.waitForTimeout(300);
    const held = await detections(tab);
    await tab.waitForTimeout(500);
    assert.equal(await detections(tab), held);
    const picture = await tab.evaluate(async () => {
      const blob = await camera.snapshot();
      const { width, height } = await createImageBitmap(blob);
      return { type: blob.type, width, height };
    });
    assert.deepEqual(picture, { type: "image/jpeg", ...CLIP });
    await tab.getByRole("button", { name: "Resume" }).click();
    await more(tab);
    // a clip that the page records itself
    const ended = await tab.evaluate(async () => {
      const { video } = (camera as unknown as { view: { video: HTMLVideoElement } }).view;
      const [track] = (video.srcObject as MediaStream).getVideoTracks();
      const recorder = new MediaRecorder(video.srcObject as MediaStream);
      const parts: Blob[] = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      recorder.start();
      let frames = 0;
      while (frames < 12) await new Promise<void>((resolve) => video.requestVideoFrameCallback(() => resolve(void frames++)));
      await new Promise((resolve) => {
        recorder.onstop = resolve;
        recorder.stop();
      });
      camera.source = new Blob(parts, { type: recorder.mimeType });
      return new Promise<string>((resolve) => setTimeout(() => resolve(track!.readyState), 100));
    });
    assert.equal(ended, "ended", "the camera was given back");
    await until(tab, "live");
    await more(tab);
    await tab.evaluate(() => {
      camera.source = new Blob(["no clip"], { type: "video/mp4" });
    });
    await until(tab, "failed");
    assert.match(await tab.evaluate(() => camera.message), /^Something went wrong: the clip cannot be played/);
  });
});

test("a camera that is forbidden, missing, busy, not to be had without TLS or unplugged is told in words, and used when it can be", {
  skip,
}, async () => {
  await browse({ clip, allowed: false }, async (tab, context) => {
    await open(tab);
    await start(tab);
    await until(tab, "denied");
    assert.match((await tab.getByRole("status").first().textContent())!, /not allowed here/);
    assert.deepEqual(await states(tab), ["asking", "denied"]);
    await context.grantPermissions(["camera"]);
    await tab.getByRole("button", { name: "Try again" }).click();
    await until(tab, "live");
    await more(tab);

    const name = await tab.evaluate(async () => {
      const { video } = (camera as unknown as { view: { video: HTMLVideoElement } }).view;
      const [track] = (video.srcObject as MediaStream).getVideoTracks();
      track!.stop();
      track!.dispatchEvent(new Event("ended")); // as a browser does where the device goes
      return camera.state;
    });
    assert.equal(name, "unplugged");
    assert.match((await tab.getByRole("status").first().textContent())!, /disconnected/);
    assert.equal(await tab.evaluate(() => (camera as unknown as { shown: unknown }).shown), undefined);
    await tab.evaluate(() => navigator.mediaDevices.dispatchEvent(new Event("devicechange")));
    await until(tab, "live");
    await more(tab);

    await tab.evaluate(() => {
      navigator.mediaDevices.getUserMedia = async () => {
        throw new DOMException("Could not start video source", "NotReadableError");
      };
      return camera.start();
    });
    assert.equal(await tab.evaluate(() => camera.state), "busy");
  });
  await browse({}, async (tab) => {
    await open(tab);
    await start(tab);
    await until(tab, "no-camera");
    assert.match(await tab.evaluate(() => camera.message), /No camera was found/);
  });
  const { port } = new URL(server.origin);
  await browse({ clip, args: ["--host-resolver-rules=MAP camera.test 127.0.0.1"] }, async (tab) => {
    await open(tab, `http://camera.test:${port}`);
    await start(tab);
    await until(tab, "insecure");
    assert.match(await tab.evaluate(() => camera.message), /https/);
  });
});

test("a hidden page looks at nothing, one that is shown again goes on; another model and size take over while it runs", {
  skip,
}, async () => {
  await browse({ clip }, async (tab) => {
    await open(tab);
    await start(tab);
    await until(tab, "live");
    await more(tab);
    const hide = (hidden: boolean): Promise<void> =>
      tab.evaluate((value) => {
        Object.defineProperty(document, "hidden", { value, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await hide(true);
    await tab.waitForTimeout(300);
    const held = await detections(tab);
    await tab.waitForTimeout(500);
    assert.equal(await detections(tab), held);
    await hide(false);
    await more(tab);
    await tab.evaluate(() => {
      camera.pixels = 16384;
      camera.operatingPoint = "sensitive";
    });
    await more(tab);
    assert.equal(await tab.evaluate(() => camera.state), "live");
    await tab.evaluate(() => {
      camera.model = "nowhere.onnx";
    });
    await until(tab, "failed");
    assert.match(await tab.evaluate(() => camera.message), /nowhere\.onnx/);
    await tab.evaluate(() => camera.remove());
    await tab.waitForTimeout(100);
    assert.equal(await tab.evaluate(() => camera.state), "idle");
  });
});

test("memory stays flat over many frames, and the page's thread has little to do", { skip }, async (context) => {
  await browse({ clip }, async (tab) => {
    await open(tab);
    const devtools = await tab.context().newCDPSession(tab);
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    await tab.evaluate(() => {
      camera.controls = false;
      let seen = 0;
      Object.assign(globalThis, { seen });
      camera.addEventListener("detection", () => {
        events.length = 0;
        Object.assign(globalThis, { seen: ++seen });
      });
    });
    await start(tab);
    await until(tab, "live");
    const seen = (): Promise<number> => tab.evaluate(() => (globalThis as unknown as { seen: number }).seen);
    const heapAt = async (frames: number): Promise<number> => {
      while ((await seen()) < frames) await tab.waitForTimeout(100); // waitForFunction does not always come back here
      await tab.requestGC();
      return (await devtools.send("Runtime.getHeapUsage")).usedSize;
    };
    const early = await heapAt(Math.round(FRAMES / 3));
    const late = await heapAt(FRAMES);
    context.diagnostic(`heap ${early} bytes at ${Math.round(FRAMES / 3)} frames, ${late} at ${FRAMES}`);
    assert.ok(late - early < HEAP_BYTES, `the heap grew by ${late - early} bytes`);
    // processor time of the page's thread, frame by frame
    const costs: number[] = [];
    let [before, framesBefore] = [0, 0];
    for (let i = 0; i < 40; i++) {
      const { metrics } = await devtools.send("Performance.getMetrics");
      const spent = metrics.find(({ name }) => name === "TaskDuration")!.value;
      const frames = await seen();
      if (i > 0 && frames > framesBefore) costs.push((1000 * (spent - before)) / (frames - framesBefore));
      [before, framesBefore] = [spent, frames];
      await tab.waitForTimeout(120);
    }
    costs.sort((a, b) => a - b);
    const [median, high] = [costs[costs.length >> 1]!, costs[Math.floor(0.95 * costs.length)]!];
    context.diagnostic(`page's thread: ${median.toFixed(2)} ms a frame in the middle, ${high.toFixed(2)} at the 95th percentile`);
    assert.ok(median <= PAGE_MS, `${median} ms`);
  });
});

test("in React's strict mode the element runs once, and its events and properties work", { skip }, async () => {
  await browse({ clip }, async (tab) => {
    await tab.goto(`${server.origin}/react.html`);
    await tab.getByRole("button", { name: "Start camera" }).click();
    await tab.waitForFunction(() => /car/.test(document.querySelector("output")!.textContent ?? ""));
    assert.equal(await tab.evaluate(() => document.querySelectorAll("fourway-camera").length), 1);
    assert.equal(await tab.evaluate(() => document.querySelector("fourway-camera")!.pixels), "61440");
    await tab.getByRole("button", { name: "Close" }).click();
    await tab.waitForFunction(() => !document.querySelector("fourway-camera"));
  });
});
