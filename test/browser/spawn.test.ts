// A detector in a worker of headless Chromium: pictures of every kind, a camera by each way that a browser may have, and its worker's death.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Detector } from "../../src/detect/detector.js";
import { shippedModel } from "../../src/detect/source.js";
import { drawScene } from "../../src/scenes/scene.js";
import { missingChromium } from "../runtimes/runtimes.js";
import { toI420 } from "../support/i420.js";
import { browse } from "./browse.js";
import { bundled } from "./bundled.js";
import { type Server, serve } from "./chromium.js";
import { writeClip } from "./clip.js";
import type { SpawnPage } from "./spawnPage.js";

declare const page: SpawnPage;

const CLIP = { width: 640, height: 360 };
const SCENE = 8;
/** So often that a stream that is cancelled while it is read leaves frames. */
const LEAVES = 60;
const folder = mkdtempSync(join(tmpdir(), "fourway-camera-"));
const clip = join(folder, "street.y4m");
const fast = join(folder, "fast.y4m");
let server: Server;
let model: Uint8Array;

before(async () => {
  if (missingChromium) return;
  model = await shippedModel();
  writeClip(clip, [SCENE], CLIP, 2);
  const files = await bundled({ spawn: new URL("spawnPage.js", import.meta.url) });
  files.set("/fourway-m.onnx", model);
  files.set("/fourway-n.onnx", readFileSync("models/fourway-n.onnx"));
  files.set("/index.html", '<!doctype html><title>spawn</title><script type="module" src="/spawn.js"></script>');
  server = await serve(files);
});

after(() => {
  server?.close();
  rmSync(folder, { recursive: true });
});

test("in a page, a picture of any kind gives what its bytes give in Node", { skip: missingChromium }, async () => {
  using detector = await Detector.load(model);
  const { frame } = drawScene(1, SCENE, { width: 640, height: 400 });
  await browse({}, async (tab) => {
    await tab.goto(`${server.origin}/index.html`);
    const kinds = await tab.evaluate(() => page.load());
    assert.ok(kinds.length >= 10);
    for (const kind of kinds) {
      const { presence, objects } = detector.detect(/I420|NV12/.test(kind) ? toI420(frame) : frame);
      assert.ok(objects.length > 0);
      assert.deepEqual(await tab.evaluate((name) => page.look(name), kind), { presence, objects }, kind);
    }
    const { p3, srgb } = await tab.evaluate(() => page.wide());
    assert.deepEqual(p3.slice(0, 3), [153, 77, 51]);
    assertP3(srgb, p3);
    const refused = await tab.evaluate(() => page.refused());
    assert.match(refused[0]!, /^E_IMAGE detect: expected a picture in use, got a closed ImageBitmap/);
    assert.match(refused[1]!, /^E_IMAGE detect: expected a picture in use, got a closed VideoFrame/);
    assert.match(refused[2]!, /^E_IMAGE detect: expected a video with a picture/);
    assert.match(refused[3]!, /^E_IMAGE detect: expected a picture that can be read/);
    assert.match(refused[4]!, /^E_ARGUMENT detect: expected a frame/);
  });
});

/** From display-p3 to sRGB by their primaries and D65 (CSS Color 4, 17), in bytes; both have sRGB's curve. A byte of rounding is allowed. */
function assertP3(got: number[], p3: number[]): void {
  const [r, g, b] = p3.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  const linear = [1.22494 * r - 0.22494 * g, -0.042057 * r + 1.042057 * g, -0.019638 * r - 0.078636 * g + 1.098274 * b];
  linear.forEach((v, i) => {
    const byte = 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);
    assert.ok(Math.abs(got[i]! - byte) <= 1, `${got} of ${p3}, not ${byte}`);
    assert.ok(i !== 0 || Math.abs(byte - p3[i]!) > 3, "the colour is one that differs");
  });
}

test("a camera is watched as a stream, or by frames where the browser lacks streams or VideoFrame; the same is found", {
  skip: missingChromium,
}, async (context) => {
  using detector = await Detector.load(model);
  const { presence, objects } = detector.detect(toI420(drawScene(1, SCENE, CLIP).frame));
  await browse({ clip }, async (tab) => {
    for (const [without, way] of [
      [[], "stream"],
      [["MediaStreamTrackProcessor"], "frames"],
      [["MediaStreamTrackProcessor", "VideoFrame"], "frames"],
    ] as const) {
      await tab.goto(`${server.origin}/index.html`);
      await tab.evaluate(() => page.load());
      const got = await tab.evaluate(([names, count]) => page.watch(names, count), [[...without], 8] as [string[], number]);
      assert.equal(got.way, way);
      for (const seen of got.seen) {
        assert.deepEqual([seen.width, seen.height], [CLIP.width, CLIP.height]);
        if (without.length === 2) {
          // drawn to a canvas by the browser, which interpolates chroma
          assert.equal(seen.objects.length, objects.length);
        } else assert.deepEqual({ presence: seen.presence, objects: seen.objects }, { presence, objects }, way);
      }
      const times = got.seen.map(({ timestamp }) => timestamp!);
      if (without.length < 2)
        assert.deepEqual(
          times,
          [...times].sort((a, b) => a - b),
        );
      context.diagnostic(`${way}: ${got.seen.length} seen, ${got.dropped} dropped`);
    }
  });
});

test("a camera that is left over and over goes on, and the worker leaves no VideoFrame to the garbage collector", {
  skip: missingChromium,
}, async () => {
  writeClip(fast, [SCENE], CLIP, 2, 100);
  await browse({ clip: fast, args: ["--js-flags=--expose-gc"] }, async (tab, context) => {
    let complaints = 0;
    const log = await context.newCDPSession(tab); // a worker's complaints are in it, and not in the page's console
    log.on("Log.entryAdded", ({ entry: { source, text } }) => {
      if (source === "worker" && /VideoFrame was garbage collected/.test(text)) complaints++;
    });
    await log.send("Log.enable");
    /** Chromium tells every ten seconds of what was collected. */
    const collect = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) for (const worker of tab.workers()) await worker.evaluate("gc()");
      await tab.waitForTimeout(12_000);
    };
    await tab.goto(`${server.origin}/index.html`);
    await tab.evaluate(() => page.load("n"));
    await tab.evaluate((times) => page.leave(times), LEAVES);
    await collect();
    assert.equal(complaints, 0);
    const open = "void new VideoFrame(new Uint8Array(96), { format: 'I420', codedWidth: 8, codedHeight: 8, timestamp: 0 })";
    await tab.workers()[0]!.evaluate(open);
    await collect();
    assert.ok(complaints > 0, "one that is left open is complained of");
  });
});

test("a worker that is ended in a page is noticed and started again, a camera goes on", { skip: missingChromium }, async () => {
  await browse({ clip }, async (tab) => {
    await tab.goto(`${server.origin}/index.html`);
    await tab.evaluate(() => page.load());
    const { reason, objects, frames } = await tab.evaluate(() => page.kill());
    assert.match(reason, /^E_RUNTIME detect: expected an answer from the worker, got "it was ended"; another is started, call again$/);
    assert.ok(objects > 0);
    assert.ok(frames >= 3);
  });
});
