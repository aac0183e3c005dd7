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
import { serve, visit } from "./chromium.js";
import type { Answer, Asked } from "./cspPage.js";

/** Gzipped bytes, at most: the core, all that the package exports, the file for a classic script without its model, the chunks of each kind. */
const BUDGETS = { core: 39_200, everything: 71_000, global: 194_500, kernels: 23_000, threadWorker: 1_200, detectorWorker: 41_000 };
/** A model as base64 in gzip, of its file's size. */
const MODEL_SHARE = 1.02;
const WASM_BUDGET = 64 * 1024;
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
/** What makes a page cross-origin isolated: only then it has SharedArrayBuffer. */
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const BUNDLES = ["/fourway.global.js", "/split/fourway.js"];
const SCENES = [8, 3, 12];
const SHIPPED = new URL("../../../models/fourway-m.onnx", import.meta.url);

const folder = mkdtempSync(join(tmpdir(), "fourway-bundle-"));
const files = new Map<string, string | Uint8Array>();
type Size = { bytes: number; gz: number };
let sizes: { core: Size; everything: Size; global: Size; chunks: Record<string, Size>; wasm: Record<string, number> };
let model: Uint8Array;

before(async () => {
  const script = fileURLToPath(new URL("../../../scripts/bundle.mjs", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--json", "--out", folder], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  sizes = JSON.parse(stdout);
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }))
    if (/\.(js|html)$/.test(name)) files.set(`/${name}`, readFileSync(join(folder, name)));
  model = existsSync(SHIPPED) ? readFileSync(SHIPPED) : saveModel((await liveModels()).int8);
  files.set("/fourway-m.onnx", model);
  files.set("/fourway.global.js", readFileSync("dist/fourway.global.js"));
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

test("core, chunks and the file for a classic script keep their budgets", (context) => {
  const { core, everything, global, chunks, wasm } = sizes;
  const { "fourway-m": shipped, threadWorker, detectorWorker, ...kernels } = chunks;
  context.diagnostic(
    `gz: core ${core.gz}, everything ${everything.gz}, global ${global.gz}, fourway-m ${shipped!.gz}, workers ${threadWorker!.gz} and ${detectorWorker!.gz}`,
  );
  for (const [name, size] of Object.entries({ core, everything, threadWorker: threadWorker!, detectorWorker: detectorWorker! }))
    assert.ok(size.gz <= BUDGETS[name as "core"], `${name}: ${size.gz} bytes`);
  assert.ok(global.gz - shipped!.gz <= BUDGETS.global, `${global.gz} bytes`);
  assert.deepEqual(Object.keys(kernels).sort(), Object.keys(wasm).sort());
  for (const [name, { gz }] of Object.entries(kernels)) assert.ok(gz <= BUDGETS.kernels, `${name}: ${gz} bytes`);
  assert.ok(shipped!.gz <= MODEL_SHARE * readFileSync(SHIPPED).length, `fourway-m: ${shipped!.gz} bytes`);
  for (const [name, bytes] of Object.entries(wasm)) assert.ok(bytes <= WASM_BUDGET, `${name}: ${bytes} bytes`);
});

test("the core carries no kernels and no model; each is a chunk of its own behind import()", () => {
  /** How a .wasm file begins in base64. */
  const magic = /AGFzbQ/g;
  const builds = (name: string): number => [...files.get(name)!.toString().matchAll(magic)].length;
  assert.equal(builds("/fourway.global.js"), Object.keys(sizes.wasm).length);
  assert.ok(!/\bimport\s*[({"']/.test(files.get("/fourway.global.js")!.toString()), "the classic script imports something");
  const core = files.get("/split/fourway.js")!.toString();
  const chunks = scripts().filter(([name]) => /^\/split\/[\w-]+-\w{8}\.js$/.test(name));
  assert.deepEqual(chunks.map(([name]) => name.replace(/^\/split\/|-\w{8}\.js$/g, "")).sort(), Object.keys(sizes.chunks).sort());
  for (const [name] of chunks) {
    assert.equal(builds(name), /simd|relaxed/.test(name) ? 1 : 0, name);
    assert.ok(core.includes(`import("./${name.split("/").pop()}")`), name);
  }
  assert.equal(builds("/split/fourway.js"), 0);
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

test("under a strict policy, from a classic script or split, with its own model or a named one, headless Chromium finds what Node finds", {
  skip: missingChromium,
}, async () => {
  const server = await serve(files, { "content-security-policy": POLICY });
  try {
    const pages = BUNDLES.flatMap((bundle) => [undefined, "fourway-m.onnx"].map((name) => pageOf({ bundle, model: name, scenes: SCENES })));
    const results = await visit(server, pages);
    const wanted = await expected();
    assert.ok(wanted.some(({ objects }) => objects.length > 0));
    for (const result of results) assert.deepEqual((result as Answer).detections, wanted);
    const fetched = server.requested.filter((path) => /\/split\/.+-\w+\.js$/.test(path)).map((path) => path.replace(/-\w{8}\.js$/, ""));
    assert.deepEqual([...new Set(fetched)].sort(), ["/split/fourway-m", "/split/relaxed"]);
  } finally {
    server.close();
  }
});

test("a page that names another model does not fetch the package's own", { skip: missingChromium }, async () => {
  const server = await serve(files, { "content-security-policy": POLICY });
  try {
    await visit(server, [pageOf({ bundle: "/split/fourway.js", model: "fourway-m.onnx", scenes: SCENES })]);
    assert.deepEqual(
      server.requested.filter((path) => path.includes("/split/fourway-m")),
      [],
    );
  } finally {
    server.close();
  }
});

test("an isolated page shares a frame among two threads, from a blob or, where a policy forbids that, from the file; one in which neither can be had says why", {
  skip: missingChromium,
}, async () => {
  const wanted = await expected();
  const ask = async (bundle: string, headers: Record<string, string>, without = ""): Promise<Answer> => {
    const there = new Map([...files].filter(([name]) => name !== without));
    const server = await serve(there, headers);
    try {
      const [got] = (await visit(server, [pageOf({ bundle, scenes: SCENES, threads: 2 })])) as [Answer];
      assert.deepEqual(got.detections, wanted);
      return got;
    } finally {
      server.close();
    }
  };
  const strict = { ...ISOLATED, "content-security-policy": POLICY };
  for (const bundle of BUNDLES) {
    const blobs = { ...ISOLATED, "content-security-policy": `${POLICY}; worker-src blob:` };
    assert.equal((await ask(bundle, blobs)).threads, 2, bundle);
    assert.match((await ask(bundle, {})).singleThreadReason!, /SharedArrayBuffer/);
  }
  assert.equal((await ask("/split/fourway.js", strict)).threads, 2);
  const { threads, singleThreadReason } = await ask("/split/fourway.js", strict, "/split/threadWorker.js");
  assert.equal(threads, 1);
  assert.match(
    singleThreadReason!,
    /^a worker could not be started: from a blob: the policy's worker-src must allow blob:; from the file threadWorker\.js: it could not be loaded$/,
  );
});

test("a policy that forbids WebAssembly, and a model that is not there, are named", { skip: missingChromium }, async () => {
  const visitOne = async (policy: string, path: string): Promise<string> => {
    const server = await serve(files, { "content-security-policy": policy });
    try {
      const [result] = await visit(server, [pageOf({ bundle: "/split/fourway.js", model: path, scenes: SCENES })]);
      return (result as { error: string }).error;
    } finally {
      server.close();
    }
  };
  assert.match(await visitOne(POLICY.replace(" 'wasm-unsafe-eval'", ""), "fourway-m.onnx"), /allow 'wasm-unsafe-eval'/);
  assert.match(await visitOne(POLICY, "none.onnx"), /expected a file at none\.onnx, got "status 404"/);
  assert.match(await visitOne(POLICY, "csp.html"), /got "the server sent HTML instead"/);
});
