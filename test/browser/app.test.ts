// The camera app as it is built: from any host, with threads where it is isolated, under its own policy and a stricter one, and without a network.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import type { FourwayCamera } from "../../src/web/index.js";
import { missingChromium } from "../runtimes/runtimes.js";
import { browse } from "./browse.js";
import { type Server, serve } from "./chromium.js";
import { writeClip } from "./clip.js";

declare const camera: FourwayCamera;
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
/** Of a machine with much else to do. */
const PATIENCE_MS = 120_000;
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
    assert.deepEqual(kept.sort(), [...files.keys()].filter((path) => path !== "/serviceWorker.js").sort());
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
