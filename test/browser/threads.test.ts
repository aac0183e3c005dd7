import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Detector, drawScene, saveModel } from "../../src/index.js";
import { liveModels } from "../runtimes/models.js";
import { missingChromium } from "../runtimes/runtimes.js";
import { serve, visit } from "./chromium.js";
import type { Shared } from "./threadsPage.js";

/** What makes a page cross-origin isolated: only then it has SharedArrayBuffer. */
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

test("an isolated page shares a frame among two threads and finds what Node finds; another does it in one and says why", {
  skip: missingChromium,
}, async () => {
  const model = saveModel((await liveModels()).int8);
  const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const bundled = await build({
    entryPoints: { page: path("threadsPage.js"), threadWorker: path("../../src/wasm/threadWorker.js") },
    outdir: "/",
    bundle: true,
    format: "esm",
    write: false,
  });
  const files = new Map<string, string | Uint8Array>(bundled.outputFiles.map((file) => [file.path, file.contents]));
  files.set("/model.onnx", model).set("/page.html", '<!doctype html><script type="module" src="/page.js"></script>');
  using detector = await Detector.load(model);
  const { presence } = detector.detect(drawScene(4, 8, { width: 320, height: 192 }).frame);
  for (const headers of [ISOLATED, {}]) {
    const server = await serve(files, headers);
    try {
      const [got] = (await visit(server, ["/page.html"])) as [Shared];
      assert.deepEqual(got.presence, presence, JSON.stringify(got));
      assert.equal(got.threads, headers === ISOLATED ? 2 : 1, got.because);
      if (headers !== ISOLATED) assert.match(got.because!, /SharedArrayBuffer/);
    } finally {
      server.close();
    }
  }
});
