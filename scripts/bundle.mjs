// Bundles for browsers from dist/ into build/browser:
//   split/fourway.js  what detects, as an application's bundler makes it: each build of the kernels, the model and the threads' script are
//                     chunks that are fetched where they are needed; the workers' scripts as files, for policies that forbid workers from blobs
// Usage: node scripts/bundle.mjs [--json] [--out FOLDER]; prints sizes.
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({ options: { json: { type: "boolean" }, out: { type: "string", default: join(root, "build", "browser") } } });
const { out } = values;
const shared = { bundle: true, format: "esm", target: "es2022", platform: "browser", minify: true, legalComments: "none", write: false };

/** What a page needs that detects. */
const CORE = 'export { Detector, FourwayError, iou, loadModel, TASKS } from "./dist/src/index.js";';
const EVERYTHING = 'export * from "./dist/src/index.js";';
const entry = (contents) => ({ contents, resolveDir: root, sourcefile: "entry.js" });

const sizeOf = (contents) => ({ bytes: contents.length, gz: gzipSync(contents, { level: 9 }).length });

/** Bundles with a chunk for each import(). @returns the size of each file, by its name without the hash */
async function split(folder, options) {
  const { outputFiles } = await build({ ...shared, splitting: true, outdir: folder, ...options });
  for (const { path, contents } of outputFiles) writeFileSync(path, contents);
  return Object.fromEntries(outputFiles.map(({ path, contents }) => [basename(path).replace(/(-\w{8})?\.js$/, ""), sizeOf(contents)]));
}

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "split"), { recursive: true });
const { fourway: everything } = await split(join(out, "split"), { stdin: entry(EVERYTHING), entryNames: "fourway" });
rmSync(join(out, "split"), { recursive: true });
mkdirSync(join(out, "split"));
const { fourway: core, ...chunks } = await split(join(out, "split"), { stdin: entry(CORE), entryNames: "fourway" });
for (const name of ["wasm/threadWorker.js", "detect/detectorWorker.js"])
  copyFileSync(join(root, "dist/src", name), join(out, "split", basename(name)));

const { targets } = JSON.parse(readFileSync(join(root, "asconfig.json"), "utf8"));
const wasm = Object.fromEntries(Object.entries(targets).map(([name, { outFile }]) => [name, statSync(join(root, outFile)).size]));
const global = sizeOf(readFileSync(join(root, "dist/fourway.global.js")));
const sizes = { core, everything, global, chunks, wasm };
if (values.json) console.log(JSON.stringify(sizes));
else {
  const print = (name, { bytes, gz }, what) => console.log(`${name.padEnd(15)} ${bytes} bytes, ${gz} gz: ${what}`);
  print("core", core, "what detects");
  print("everything", everything, "all that index.ts exports");
  print("global", global, "the file for a classic script, all inside");
  for (const [name, size] of Object.entries(chunks)) print(name, size, "a chunk");
  for (const [name, bytes] of Object.entries(wasm)) console.log(`${name.padEnd(15)} ${bytes} bytes of wasm`);
  console.log(`written to ${out}`);
}
