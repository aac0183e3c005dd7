// The same bytes everywhere: int8 head outputs and whole detections over 100 frames, f32 ones within 1e-5, on every runtime and build; trained weights with
// the plain build; those of the relaxed build, whose multiply-adds may be fused, are one of two.
// Math.log, cos, exp and pow differ in their last bits from runtime to runtime (pow even from Node 20 to 26); what they give is rounded to
// f32 before a kernel sees it, so that weights differ only where a value lies within 1e-16 of the middle between two floats.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { Detector, saveModel } from "../../src/index.js";
import { setOwnKernels } from "../../src/wasm/load.js";
import { firefox, type Server, serve, visit } from "../browser/chromium.js";
import { type Answer, F32_FRAMES, frameOf, joined, mapsOf, type Question } from "./digest.js";
import { liveModels } from "./models.js";
import { ARM, missing, missingChromium, missingFirefox, RUNTIMES, type Runtime, runOn } from "./runtimes.js";

const SHIPPED = new URL("../../../models/fourway-s.onnx", import.meta.url);
const FRAMES = 100;
/** Until a browser has answered for both builds, on a busy machine too. */
const PAGES_MS = 300_000;
/** Of the largest value of each map: rounding differs where a build multiplies and adds in one step. */
const F32_TOLERANCE = 1e-5;
const BUILDS = ["simd", "relaxed"] as const;

const buildFile = (name: string): URL => new URL(`../../../build/${name}.wasm`, import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "fourway-runtimes-"));
const inFolder = (name: string): string => pathToFileURL(join(folder, name)).href;
const files = new Map<string, string | Uint8Array>();
let server: Server;
let reference: Answer;
/** What the relaxed build trained and learned where multiply-adds round once. */
const fused = new Map<"trained" | "learned", string>();

/**
 * The plain build trained to the same weights as elsewhere. In the relaxed build a multiply-add rounds once (V8 on CPUs with FMA) or twice
 * (JavaScriptCore), as the runtime likes: its weights are those of all that round once, or those of the plain build.
 */
function assertTrainedAlike(build: string, got: Answer): void {
  for (const what of ["trained", "learned"] as const) {
    assert.match(got[what], /^[0-9a-f]{64}$/);
    const rounded = build === "relaxed" && got[what] !== reference[what];
    if (rounded && !fused.has(what)) fused.set(what, got[what]);
    assert.equal(got[what], rounded ? fused.get(what) : reference[what], `other weights ${what} in two steps, with the ${build} build`);
  }
}

/** The question as it is put to a command line, or to a page of the server. */
function question(name: string, from: "file" | "http", about: Partial<Question> = {}): Question {
  const address = (file: string): string => (from === "file" ? inFolder(file) : `${server.origin}/${file}`);
  return {
    wasm: from === "file" ? buildFile(name).href : address(`${name}.wasm`),
    by: "bytes",
    int8: address("int8.onnx"),
    frames: FRAMES,
    f32: { model: address("f32.onnx"), golden: address("golden.bin") },
    training: true,
    ...about,
  };
}

before(async () => {
  await setOwnKernels(readFileSync(buildFile("simd")));
  const { f32, int8 } = await liveModels();
  using detector = await Detector.load(f32);
  const golden = Array.from({ length: F32_FRAMES }, (_, i) => {
    detector.detect(frameOf(i));
    return mapsOf(detector, frameOf(i));
  });
  files.set("/int8.onnx", existsSync(SHIPPED) ? readFileSync(SHIPPED) : saveModel(int8));
  files.set("/f32.onnx", saveModel(f32));
  files.set("/golden.bin", joined(golden.flat()));
  for (const [name, body] of files) writeFileSync(join(folder, name), body);
  for (const name of BUILDS) files.set(`/${name}.wasm`, readFileSync(buildFile(name)));
  const page = await build({
    entryPoints: { digest: fileURLToPath(new URL("digestPage.js", import.meta.url)) },
    outdir: "/",
    bundle: true,
    splitting: true,
    format: "esm",
    write: false,
  });
  for (const { path, contents } of page.outputFiles) files.set(path, contents);
  files.set("/digest.html", '<!doctype html><script type="module" src="/digest.js"></script>');
  server = await serve(files);
  reference = (await runOn(RUNTIMES[0]!, "digestMain.js", question("simd", "file"))) as Answer;
});

after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

function assertSame(got: Answer): void {
  assert.ok(!("error" in got), String((got as unknown as { error: string }).error));
  assert.equal(got.drawn, reference.drawn, "the frames were drawn alike");
  const differing = got.each.findIndex((hash, i) => hash !== reference.each[i]);
  assert.equal(differing, -1, `frame ${differing} gave other int8 outputs`);
  assert.equal(got.outputs, reference.outputs);
  assert.deepEqual(got.detections, reference.detections);
  assert.ok(got.distance <= F32_TOLERANCE, `f32 outputs differ by ${got.distance} of the largest value`);
}

test("the reference saw 100 frames, different ones, and found something", () => {
  assert.equal(new Set(reference.each).size, FRAMES);
  assert.ok(reference.detections.some(({ objects }) => objects.length > 0));
  assert.equal(reference.distance, 0);
});

for (const runtime of [...RUNTIMES, ARM])
  for (const name of BUILDS) {
    const skip = missing(runtime) || (name === "relaxed" && !runtime.relaxed && "it has no relaxed SIMD");
    test(`${runtime.name} computes and trains the same with the ${name} build`, { skip }, async (context) => {
      const got = (await runOn(runtime, "digestMain.js", question(name, "file"))) as Answer;
      assertSame(got);
      assert.equal(got.relaxed, runtime.relaxed);
      assertTrainedAlike(name, got);
      context.diagnostic(`sha256 ${got.outputs}, f32 within ${got.distance.toExponential(1)}`);
    });
  }

const pageOf = (asked: Question): string => `/digest.html?${encodeURIComponent(JSON.stringify(asked))}`;

for (const [name, skip, start] of [
  ["Chromium", missingChromium, undefined],
  ["Firefox", missingFirefox, firefox],
] as const)
  test(`headless ${name} computes and trains the same with both builds`, { skip }, async (context) => {
    const pages = BUILDS.map((build) => pageOf(question(build, "http")));
    const answers = (await visit(server, pages, PAGES_MS, undefined, start)) as Answer[];
    for (const [i, got] of answers.entries()) {
      assertSame(got);
      assert.equal(got.relaxed, true);
      assertTrainedAlike(BUILDS[i]!, got);
      context.diagnostic(`sha256 ${got.outputs}, f32 within ${got.distance.toExponential(1)}`);
    }
  });

/** Some frames are enough to see that kernels run. */
const FEW = 4;
const WAYS = ["own", "bytes", "module", "response", "url"] as const;

function assertLoaded(got: Answer, by: string): void {
  assert.match(got.refusal, /^E_RUNTIME: wasm: .*the server sent HTML/, by);
  assert.deepEqual(got.each, reference.each.slice(0, FEW), by);
}

function few(from: "file" | "http", by: Question["by"]): Question {
  return question("simd", from, { by, frames: FEW, f32: undefined, training: false });
}

const loadTest = "load refuses HTML for the kernels, and takes them as bytes, module, response or address, or none";
for (const runtime of RUNTIMES)
  test(`${runtime.name}: ${loadTest}`, { skip: missing(runtime) }, async () => {
    const run = async (asked: Question): Promise<Answer> => (await runOn(runtime as Runtime, "digestMain.js", asked)) as Answer;
    for (const by of WAYS) assertLoaded(await run(few("file", by)), by);
    assertLoaded(await run(few("http", "url")), "http");
  });

test(`headless Chromium: ${loadTest}`, { skip: missingChromium }, async () => {
  const answers = (await visit(
    server,
    WAYS.map((by) => pageOf(few("http", by))),
  )) as Answer[];
  answers.forEach((got, i) => {
    assertLoaded(got, WAYS[i]!);
  });
});
