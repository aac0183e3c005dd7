// Extensions (Manifest V3) in headless Chromium: examples/extension, a page of one, and the program for service workers in docs/runtimes.md.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Page, Worker } from "playwright-core";
import { Detector, drawScene, type SpawnedDetector } from "../../src/index.js";
import { writeImage } from "../../src/node/index.js";
import { missingChromium } from "../runtimes/runtimes.js";
import { browse } from "./browse.js";
import { type Server, serve } from "./chromium.js";

const SIZE = { width: 640, height: 400 };
const SCENE = 8;
const PATIENCE_MS = 120_000;
const skip = missingChromium;
const root = fileURLToPath(new URL("../../../", import.meta.url));
const example = join(root, "examples/extension");
const folder = mkdtempSync(join(tmpdir(), "fourway-extension-"));
/** What the page shows, pixel for pixel. */
const { frame } = drawScene(1, SCENE, SIZE);
let server: Server;

/** What the extension's API has that the tests use. */
declare const chrome: {
  action: { onClicked: { dispatch(tab: object): void }; getBadgeText(of: object): Promise<string>; getTitle(of: object): Promise<string> };
};
declare const detector: Promise<Detector>;

/** Bundles a program from the package as its users import it. */
const bundle = (outdir: string, entryNames: string, contents: string, splitting = false) =>
  build({ stdin: { contents, resolveDir: root }, outdir, entryNames, splitting, bundle: true, format: "esm", logLevel: "error" });

/** An extension's folder with this manifest. */
function extension(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  copyFileSync(join(example, "manifest.json"), join(path, "manifest.json"));
  return path;
}

/** Opens a tab in a browser that has the extension. */
function withExtension(path: string, work: (tab: Page, worker: Worker) => Promise<void>): Promise<void> {
  return browse({ extension: path, args: ["--force-color-profile=srgb"], viewport: SIZE }, async (tab, context) => {
    const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker", { timeout: PATIENCE_MS }));
    await work(tab, worker);
  });
}

before(async () => {
  if (skip) return;
  const picture = join(folder, "street.png");
  await writeImage(picture, frame);
  server = await serve(
    new Map<string, string | Uint8Array>([
      ["/street.png", readFileSync(picture)],
      ["/index.html", '<!doctype html><title>street</title><body style="margin: 0"><img src="street.png" /></body>'],
    ]),
  );
});

after(() => {
  server?.close();
  rmSync(folder, { recursive: true });
});

test("a click on the extension's icon finds in the tab what Node finds in the picture that it shows", { skip }, async () => {
  using here = await Detector.load();
  const { objects } = here.detect(frame);
  assert.ok(objects.length > 1);
  const path = extension("action");
  await bundle(path, "worker", readFileSync(join(example, "worker.js"), "utf8"));
  await withExtension(path, async (tab, worker) => {
    await tab.goto(`${server.origin}/index.html`);
    const title = await worker.evaluate(async () => {
      chrome.action.onClicked.dispatch({});
      while ((await chrome.action.getBadgeText({})) === "") await new Promise((resolve) => setTimeout(resolve, 50));
      return chrome.action.getTitle({});
    });
    assert.deepEqual(
      title.split("\n"),
      objects.map(({ task, score }) => `${task} ${score.toFixed(2)}`),
    );
  });
});

test("in a page of an extension a worker finds the same", { skip }, async () => {
  using here = await Detector.load();
  const { presence, objects } = here.detect(frame);
  const path = extension("page");
  writeFileSync(join(path, "worker.js"), "");
  writeFileSync(join(path, "page.html"), '<!doctype html><script type="module" src="page.js"></script>');
  await bundle(
    path,
    "page",
    `import { Detector, drawScene } from "fourway";
    const { data, width, height } = drawScene(1, ${SCENE}, ${JSON.stringify(SIZE)}).frame;
    globalThis.detector = Detector.spawn();
    globalThis.image = new ImageData(new Uint8ClampedArray(data), width, height);`,
  );
  await withExtension(path, async (tab, worker) => {
    await tab.goto(new URL("page.html", worker.url()).href);
    const found = await tab.evaluate(async () => {
      const { detector, image } = globalThis as unknown as { detector: Promise<SpawnedDetector>; image: ImageData };
      return (await detector).detect(image);
    });
    assert.deepEqual({ presence: found.presence, objects: found.objects }, { presence, objects });
    assert.equal(tab.workers().length, 1);
  });
});

test("the program for a service worker whose bundle is split runs as it is documented", { skip }, async () => {
  const [, program] = /## Service workers\n[\s\S]*?```js\n([\s\S]*?)```/.exec(readFileSync(join(root, "docs/runtimes.md"), "utf8"))!;
  const path = extension("split");
  await bundle(path, "worker", `${program}\nglobalThis.detector = detector;`, true);
  await withExtension(path, async (_, worker) => {
    const tasks = await worker.evaluate(async () => (await detector).tasks);
    assert.equal(tasks.length, 4);
  });
});
