// The camera app as it is built: from any host, with threads where it is isolated, under its own policy and a stricter one, and without a network.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { Detector } from "../../src/detect/detector.js";
import { drawScene } from "../../src/scenes/scene.js";
import type { FourwayCamera } from "../../src/web/index.js";
import { missingChromium } from "../runtimes/runtimes.js";
import { browse } from "./browse.js";
import { type Server, serve } from "./chromium.js";
import { writeClip } from "./clip.js";

declare const camera: FourwayCamera;
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
/** Of a machine with much else to do. */
const PATIENCE_MS = 120_000;
/** A minute at most to learn, and what is before and after it. */
const LEARNING_MS = 300_000;
const skip = missingChromium;

const folder = mkdtempSync(join(tmpdir(), "fourway-app-"));
const clip = join(folder, "street.y4m");
const files = new Map<string, string | Uint8Array>();
const servers: Server[] = [];

/** The app's files behind a server with these headers. */
async function host(headers: Record<string, string>): Promise<string> {
  const server = await serve(files, headers);
  servers.push(server);
  return `${server.origin}/index.html`;
}

before(() => {
  if (skip) return;
  writeClip(clip, [8], { width: 640, height: 360 }, 2);
  const out = join(folder, "web");
  const script = fileURLToPath(new URL("../../../scripts/demo-web.mjs", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, "--out", out], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  for (const name of readdirSync(out, { recursive: true, encoding: "utf8" }))
    if (statSync(join(out, name)).isFile()) files.set(`/${name}`, readFileSync(join(out, name)));
});

after(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

const frames = (tab: Page) =>
  tab.waitForFunction(() => /^\d+ frames\/s · \d+ ms$/.test(document.querySelector("output")!.value), undefined, { timeout: PATIENCE_MS });
const threads = (tab: Page) => tab.evaluate(async () => (await (camera as unknown as { own: Promise<{ threads: number }> }).own).threads);

test("from a host without headers the app looks with one thread, from one that isolates it with several; models and sizes can be chosen", {
  skip,
}, async () => {
  const plain = await host({});
  const isolated = await host(ISOLATED);
  await browse({ clip }, async (tab) => {
    await tab.goto(plain);
    await tab.getByRole("button", { name: "Camera", exact: true }).click();
    await frames(tab);
    assert.equal(await threads(tab), 1);
    await tab.locator("#model").selectOption("n");
    await tab.locator("#pixels").selectOption("61440");
    await frames(tab);
    assert.match(await tab.evaluate(() => camera.model!), /models\/fourway-n\.onnx$/);
    assert.equal(await tab.evaluate(() => camera.state), "live");
    const download = tab.waitForEvent("download");
    await tab.getByRole("button", { name: "Take a picture" }).click();
    assert.match((await download).suggestedFilename(), /^fourway-.*\.jpg$/);
    await tab.goto(isolated);
    await tab.getByRole("button", { name: "Drawn street" }).click();
    await frames(tab);
    const cores = await tab.evaluate(() => navigator.hardwareConcurrency);
    assert.equal(await threads(tab), Math.max(1, Math.min(4, cores - 1)));
  });
});

test("under a policy that forbids blobs the worker starts from its file", { skip }, async () => {
  const strict = await host({ "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'" });
  await browse({ clip }, async (tab) => {
    await tab.goto(strict);
    await tab.getByRole("button", { name: "Camera", exact: true }).click();
    await frames(tab);
  });
  assert.ok(servers.at(-1)!.requested.includes("/detectorWorker.js"));
});

test("after the first visit the app works without a network, its camera and all of its models", { skip }, async () => {
  const address = await host({});
  await browse({ clip }, async (tab) => {
    await tab.goto(address);
    await tab.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
    const kept = await tab.evaluate(async () => {
      const [name] = await caches.keys();
      return (await (await caches.open(name!)).keys()).map(({ url }) => new URL(url).pathname);
    });
    assert.deepEqual(kept.sort(), [...files.keys()].filter((path) => path !== "/serviceWorker.js" && !path.startsWith("/engines/")).sort());
    servers.at(-1)!.close();
    await tab.reload();
    await tab.getByRole("button", { name: "Camera", exact: true }).click();
    await frames(tab);
    await tab.locator("#model").selectOption("s");
    await tab.waitForTimeout(500);
    await frames(tab);
    assert.equal(await tab.evaluate(() => camera.state), "live");
  });
});

test("without a network a model learns from taps, the person decides, and what was taught is there again after a reload", {
  skip,
}, async () => {
  const address = await host({});
  await browse({ clip, viewport: { width: 390, height: 844 } }, async (tab) => {
    const press = (name: string) => tab.getByRole("button", { name, exact: true }).click();
    const taught = (text: RegExp) => tab.locator("#taught").filter({ hasText: text }).waitFor({ timeout: PATIENCE_MS });
    const usesOwn = () => tab.evaluate(() => /\/models\/fourway-n\.onnx$/.test(camera.model!));
    await tab.goto(address);
    await tab.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
    servers.at(-1)!.close();
    await tab.reload();
    await tab.locator("#model").selectOption("n");
    await press("Camera");
    await frames(tab);
    await press("Teach");
    await taught(/^Show the model what it gets wrong here/);
    assert.ok(await tab.locator("#learn").isDisabled());

    await press("Teach this picture");
    const sheet = tab.locator("#sheet");
    await sheet.waitFor({ timeout: PATIENCE_MS });
    const marked = (text: RegExp) => tab.locator("#marked").filter({ hasText: text }).waitFor({ timeout: PATIENCE_MS });
    await sheet.press("ArrowRight"); // to the first thing that was found
    await marked(/^[a-z ]+, 1 of \d+$/);
    await sheet.press("Enter");
    await marked(/^1 wrong$/);
    await tab.locator("#tasks label", { hasText: "stop sign" }).click();
    const { x, y, width, height } = (await sheet.boundingBox())!;
    await tab.mouse.move(x + 0.3 * width, y + 0.1 * height);
    await tab.mouse.down();
    await tab.mouse.move(x + 0.5 * width, y + 0.4 * height, { steps: 3 });
    await tab.mouse.up();
    await marked(/^1 wrong · 1 drawn$/);
    await tab.mouse.click(x + 0.4 * width, y + 0.25 * height); // a tap takes it away again
    await marked(/^1 wrong$/);
    await press("Nothing here is a stop sign");
    await marked(/^[12] wrong · stop sign: complete$/); // one that the model found is wrong, too
    await press("Keep this picture");
    await taught(/^1 picture taught: .*stop sign in 1/);
    assert.equal(await tab.evaluate(() => camera.state), "live");

    await press("Learn");
    await press("Stop");
    await tab.locator("#note").filter({ hasText: "Stopped." }).waitFor({ timeout: PATIENCE_MS });
    await press("Learn");
    await tab
      .locator("#outcome")
      .filter({ hasText: /right .+ before, .+ now/ })
      .waitFor({ timeout: LEARNING_MS });
    assert.ok(await usesOwn(), "used before it was allowed");
    await press("Use it");
    await tab.waitForFunction(() => camera.model!.startsWith("blob:"), undefined, { timeout: PATIENCE_MS });
    await frames(tab);
    const download = tab.waitForEvent("download");
    await press("Save the model");
    using learned = await Detector.load(readFileSync(await (await download).path()));
    using shipped = await Detector.load(files.get("/models/fourway-n.onnx") as Uint8Array);
    const { frame } = drawScene(1, 8, { width: 320, height: 200 });
    assert.deepEqual(learned.tasks, shipped.tasks);
    assert.notDeepEqual(learned.detect(frame).presence, shipped.detect(frame).presence);

    await tab.reload();
    await tab.locator("#model").selectOption("n");
    await tab.waitForFunction(() => camera.model!.startsWith("blob:"), undefined, { timeout: PATIENCE_MS });
    await press("Camera");
    await frames(tab);
    await press("Teach");
    await taught(/^1 picture taught/);
    await press("Undo");
    await tab.locator("#note").filter({ hasText: "as it was before" }).waitFor({ timeout: PATIENCE_MS });
    assert.ok(await usesOwn());
    tab.once("dialog", (dialog) => void dialog.accept());
    await press("Forget all");
    await tab.locator("#looking").waitFor({ timeout: PATIENCE_MS });
    await press("Teach");
    await taught(/^Show the model what it gets wrong here/);
  });
});

test("a file that is damaged on its way is not kept", { skip }, async () => {
  const whole = files.get("/models/fourway-n.onnx")!;
  files.set("/models/fourway-n.onnx", "damaged");
  try {
    const address = await host({});
    await browse({}, async (tab) => {
      await tab.goto(address);
      const state = await tab.evaluate(async () => {
        const registration = await navigator.serviceWorker.register("serviceWorker.js");
        const worker = registration.installing ?? registration.waiting ?? registration.active!;
        if (worker.state === "installing") await new Promise((resolve) => worker.addEventListener("statechange", resolve));
        return worker.state;
      });
      assert.equal(state, "redundant");
    });
  } finally {
    files.set("/models/fourway-n.onnx", whole);
  }
});
