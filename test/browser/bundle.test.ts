// What a browser gets: how large it is, what it may ask of the page, and that it finds what Node finds.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Detection, Detector, drawScene, saveModel } from "../../src/index.js";
import { liveModels } from "../runtimes/models.js";
import { missingChromium } from "../runtimes/runtimes.js";
import { domOf, serve, visit } from "./chromium.js";
import { assertClose } from "./close.js";
import type { Answer, Asked } from "./cspPage.js";

/** The core for a browser, gzipped: JavaScript and one wasm build, no model. */
const CORE_BUDGET = 60_000;
const WASM_BUDGET = 64 * 1024;
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
/** What makes a page cross-origin isolated: only then it has SharedArrayBuffer. */
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const SCENES = [8, 3, 12];
const SHIPPED = new URL("../../../models/fourway-s.onnx", import.meta.url);

const folder = mkdtempSync(join(tmpdir(), "fourway-bundle-"));
const files = new Map<string, string | Uint8Array>();
let sizes: { core: { gz: number }; everything: { gz: number }; wasm: Record<string, number> };
let model: Uint8Array;

before(async () => {
  const script = fileURLToPath(new URL("../../../scripts/bundle.mjs", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--json", "--out", folder], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  sizes = JSON.parse(stdout);
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }))
    if (/\.(js|html)$/.test(name)) files.set(`/${name}`, readFileSync(join(folder, name)));
  model = existsSync(SHIPPED) ? readFileSync(SHIPPED) : saveModel((await liveModels()).int8);
  files.set("/fourway-s.onnx", model);
  const page = await build({
    entryPoints: { csp: fileURLToPath(new URL("cspPage.js", import.meta.url)) },
    outdir: "/",
    bundle: true,
    format: "esm",
    write: false,
  });
  files.set("/csp.js", page.outputFiles[0]!.contents);
  files.set("/csp.html", '<!doctype html><script type="module" src="/csp.js"></script>');
});

after(() => rmSync(folder, { recursive: true }));

const scripts = (): [string, string][] =>
  [...files].filter(([name]) => name.endsWith(".js") && name !== "/csp.js").map(([name, body]) => [name, body.toString()]);

test("the core is at most 60 kB gzipped, a wasm build at most 64 kB", (context) => {
  context.diagnostic(`core ${sizes.core.gz} bytes, everything ${sizes.everything.gz}`);
  assert.ok(sizes.core.gz <= CORE_BUDGET, `${sizes.core.gz} bytes`);
  assert.ok(Object.keys(sizes.wasm).length >= 2);
  for (const [name, bytes] of Object.entries(sizes.wasm)) assert.ok(bytes <= WASM_BUDGET, `${name}: ${bytes} bytes`);
});

test("the single file holds one wasm build and imports nothing; split, each build is a chunk of its own behind import()", () => {
  /** How a .wasm file begins in base64. */
  const magic = /AGFzbQ/g;
  const builds = (name: string): number => [...files.get(name)!.toString().matchAll(magic)].length;
  assert.equal(builds("/fourway.js"), 1);
  assert.doesNotMatch(files.get("/fourway.js")!.toString(), /\bimport\s*[({"']|\bfrom\s*["']/);
  const chunks = scripts().filter(([name]) => /^\/split\/\w+-/.test(name));
  assert.deepEqual(chunks.map(([name]) => name.replace(/^\/split\/|-\w+\.js$/g, "")).sort(), Object.keys(sizes.wasm).sort());
  for (const [name] of chunks) assert.equal(builds(name), 1, name);
  assert.equal(builds("/split/fourway.js"), 0);
  for (const [name] of chunks)
    assert.ok(
      files
        .get("/split/fourway.js")!
        .toString()
        .includes(`import("./${name.split("/").pop()}")`),
      name,
    );
});

test("no bundle imports from Node or makes code from text", () => {
  for (const [name, text] of scripts()) {
    assert.doesNotMatch(text, /(?:from|import\(|require\()\s*["']node:/, name);
    assert.doesNotMatch(text, /\beval\s*\(|\bFunction\s*\(/, name);
  }
});

async function expected(): Promise<Omit<Detection, "ms">[]> {
  using detector = await Detector.load(model);
  return SCENES.map((index) => {
    const { presence, objects } = detector.detect(drawScene(1, index, { width: 640, height: 400 }).frame);
    return { presence, objects };
  });
}

const pageOf = (asked: Asked): string => `/csp.html?${encodeURIComponent(JSON.stringify(asked))}`;

test("under a strict policy, from one file or split, headless Chromium finds what Node finds", { skip: missingChromium }, async () => {
  const server = await serve(files, { "content-security-policy": POLICY });
  try {
    const pages = ["/fourway.js", "/split/fourway.js"].map((bundle) => pageOf({ bundle, model: "fourway-s.onnx", scenes: SCENES }));
    const results = await visit(server, pages);
    const wanted = await expected();
    assert.ok(wanted.some(({ objects }) => objects.length > 0));
    for (const result of results) assertClose((result as Answer).detections, wanted, "page");
    const builds = server.requested.filter((path) => /\/split\/.+-\w+\.js$/.test(path));
    assert.equal(builds.length, 1, `one build was fetched, not ${builds.join(" and ")}`);
    assert.match(builds[0]!, /relaxed/);
  } finally {
    server.close();
  }
});

test("an isolated page shares a frame among two threads and finds what Node finds; another does it in one and says why", {
  skip: missingChromium,
}, async () => {
  const page = pageOf({ bundle: "/split/fourway.js", model: "fourway-s.onnx", scenes: SCENES, threads: 2 });
  const wanted = await expected();
  for (const isolated of [true, false]) {
    const server = await serve(files, { "content-security-policy": POLICY, ...(isolated ? ISOLATED : {}) });
    try {
      const [got] = (await visit(server, [page])) as [Answer];
      assertClose(got.detections, wanted, "page");
      assert.equal(got.threads, isolated ? 2 : 1, got.singleThreadReason);
      if (!isolated) assert.match(got.singleThreadReason!, /SharedArrayBuffer/);
    } finally {
      server.close();
    }
  }
});

test("a policy that forbids WebAssembly, and a model that is not there, are named", { skip: missingChromium }, async () => {
  const visitOne = async (policy: string, path: string): Promise<string> => {
    const server = await serve(files, { "content-security-policy": policy });
    try {
      const [result] = await visit(server, [pageOf({ bundle: "/fourway.js", model: path, scenes: SCENES })]);
      return (result as { error: string }).error;
    } finally {
      server.close();
    }
  };
  assert.match(await visitOne(POLICY.replace(" 'wasm-unsafe-eval'", ""), "fourway-s.onnx"), /allow 'wasm-unsafe-eval'/);
  assert.match(await visitOne(POLICY, "none.onnx"), /expected a file at none\.onnx, got "status 404"/);
  assert.match(await visitOne(POLICY, "index.html"), /got "the server sent HTML instead"/);
});

test("the example marks in a drawn street what Node finds there", { skip: missingChromium }, async () => {
  const server = await serve(files);
  try {
    const dom = await domOf(`${server.origin}/index.html?scene=${SCENES[0]}`);
    const [{ objects, presence }] = (await expected()) as [Detection];
    assert.ok(dom.includes(`>${objects.length} found in `), dom);
    for (const [task, probability] of Object.entries(presence))
      assert.ok(dom.includes(`>${task} ${(100 * probability).toFixed(0)} %<`), task);
  } finally {
    server.close();
  }
});
