// Bundles for browsers from dist/ into build/browser:
//   fourway.js        the core (what detects) in one file, with one inlined wasm build, that for SIMD
//   split/fourway.js  the same as an application's bundler makes it: each wasm build a chunk that is fetched where it is needed,
//                     and threadWorker.js, which { threads } needs beside it (the single file has one thread)
//   index.html ..     the example of examples/browser, with the shipped model where there is one
// Usage: node scripts/bundle.mjs [--json] [--out FOLDER]; prints sizes.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({ options: { json: { type: "boolean" }, out: { type: "string", default: join(root, "build", "browser") } } });
const { out } = values;
const shared = { bundle: true, format: "esm", target: "es2022", platform: "browser", minify: true, legalComments: "none", write: false };

/** What a page needs that detects. */
const CORE = 'export { Detector, FourwayError, init, iou, loadModel, TASKS } from "./dist/src/index.js";';
const EVERYTHING = 'export * from "./dist/src/index.js";';
const entry = (contents) => ({ contents, resolveDir: root, sourcefile: "entry.js" });

/** Both builds of the kernels become the one that runs everywhere. */
const oneBuild = {
  name: "one-build",
  setup: ({ onResolve }) => onResolve({ filter: /\/generated\/\w+\.js$/ }, () => ({ path: join(root, "dist/src/wasm/generated/simd.js") })),
};

async function single(contents) {
  const { outputFiles } = await build({ ...shared, stdin: entry(contents), plugins: [oneBuild] });
  return outputFiles[0].contents;
}

async function split(folder, options) {
  const { outputFiles } = await build({ ...shared, splitting: true, outdir: folder, ...options });
  for (const { path, contents } of outputFiles) writeFileSync(path, contents);
}

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "split"), { recursive: true });
const [core, everything] = await Promise.all([single(CORE), single(EVERYTHING)]);
writeFileSync(join(out, "fourway.js"), core);
await split(join(out, "split"), { stdin: entry(CORE), entryNames: "fourway" });
await split(join(out, "split"), { entryPoints: [join(root, "dist/src/wasm/threadWorker.js")] });
await split(out, { entryPoints: [join(root, "dist/examples/browser/camera.js")] });
copyFileSync(join(root, "examples/browser/index.html"), join(out, "index.html"));
const model = join(root, "models", "fourway-s.onnx");
if (existsSync(model)) copyFileSync(model, join(out, "fourway-s.onnx"));

const sizeOf = (contents) => ({ bytes: contents.length, gz: gzipSync(contents, { level: 9 }).length });
const { targets } = JSON.parse(readFileSync(join(root, "asconfig.json"), "utf8"));
const wasm = Object.fromEntries(Object.entries(targets).map(([name, { outFile }]) => [name, statSync(join(root, outFile)).size]));
const sizes = { core: sizeOf(core), everything: sizeOf(everything), wasm };
if (values.json) console.log(JSON.stringify(sizes));
else {
  console.log(`core        ${sizes.core.bytes} bytes, ${sizes.core.gz} gz: detection and one wasm build`);
  console.log(`everything  ${sizes.everything.bytes} bytes, ${sizes.everything.gz} gz: all that index.ts exports and one wasm build`);
  for (const [name, bytes] of Object.entries(wasm)) console.log(`${name.padEnd(11)} ${bytes} bytes of wasm`);
  console.log(`written to ${out}; serve that folder and open index.html`);
}
