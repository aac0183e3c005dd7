// Builds everything: assembly/ -> build/*.wasm and the kernels' signatures (src/wasm/generated/kernels.ts); what the code carries along as
// modules (the kernels' and the models' bytes, the workers' scripts) -> dist/src/generated/, with declarations in src/generated/; TypeScript ->
// dist/; the .wasm files -> dist/wasm/; builds for other kinds of programs (variants.mjs).
// Usage: node scripts/build.mjs [--quiet]

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { writeVariants } from "./variants.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const quiet = process.argv.includes("--quiet");

function run(script, ...args) {
  const result = spawnSync(process.execPath, [script, ...args], { stdio: "inherit" });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

const newest = (folder) =>
  Math.max(
    ...readdirSync(folder, { recursive: true, withFileTypes: true }).map((e) => statSync(join(e.parentPath ?? e.path, e.name)).mtimeMs),
  );
const modified = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

mkdirSync("build", { recursive: true });
/** The signatures of the kernels as the compiler's declarations of a build give them. */
function writeKernels(declarations) {
  const lines = [...declarations.matchAll(/export function (\w+\(.*\): (?:void|number);)/g)].map(([, line]) => `  ${line}\n`);
  write(
    "src/wasm/generated/kernels.ts",
    `// Made by scripts/build.mjs from assembly/.

/**
 * Every kernel with its arguments in the order outputs, inputs, sizes, constants. Pointers are byte offsets into the one imported memory; the
 * contract of each (shapes, alignment, scratch) is at the head of its file under assembly/. Kernels check nothing: src/ops checks once, when a
 * graph is planned.
 */
export interface Kernels {
${lines.join("")}}
`,
  );
}

/** Writes a file unless it has that text already. */
function write(path, text) {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A module of src/generated with a default export, as JavaScript for dist; the compiler and users see the declaration. */
function writeModule(name, from, what, type, value) {
  const declaration = `// Made by scripts/build.mjs from ${from}.\n/** ${what} */\ndeclare const value: ${type};\nexport default value;\n`;
  write(`src/generated/${name}.d.ts`, declaration);
  write(`dist/src/generated/${name}.d.ts`, declaration);
  write(`dist/src/generated/${name}.js`, `// Made by scripts/build.mjs from ${from}.\nexport default ${value};\n`);
}

/** The same for a file's bytes. */
function writeBytes(name, file, what) {
  const base64 = readFileSync(file).toString("base64");
  const value = `/* @__PURE__ */ ((text) => {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
})(atob("${base64}"))`;
  writeModule(name, file, what, "Uint8Array", value);
}

/** Modules of src/generated in a worker: it gets kernels and model from who starts it; threads it starts itself. */
const generated = {
  name: "generated",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/generated\/((wasm|models|workers)\/)?[\w-]+\.js$/ }, ({ path }) => {
      const [name] = /[^/]*(?:\/[^/]*)?$/.exec(path);
      return ["workers/threadWorker.js", "generated/wire.js"].includes(name)
        ? { path: join(root, "dist/src/generated", name.replace("generated/", "")) }
        : { path, namespace: "absent" };
    });
    onLoad({ filter: /./, namespace: "absent" }, () => ({ contents: 'throw new Error("a worker does not carry it");' }));
  },
};

/** A worker's script in one piece that imports nothing. */
async function bundleWorker(entry) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: "iife",
    target: "es2022",
    minify: true,
    write: false,
    logLevel: "warning",
    plugins: [generated],
    define: { "import.meta.url": "location.href" },
  });
  return outputFiles[0].text;
}

const { targets } = JSON.parse(readFileSync("asconfig.json", "utf8"));
const sources = Math.max(newest("assembly"), modified("asconfig.json"));
for (const [target, { outFile, bindings }] of Object.entries(targets)) {
  if (Math.min(modified(outFile), modified("src/wasm/generated/kernels.ts")) <= sources) {
    run("node_modules/assemblyscript/bin/asc.js", "--config", "asconfig.json", "--target", target);
    if (!quiet) console.log(`${target}: ${statSync(outFile).size} bytes of wasm`);
  }
  if (bindings) writeKernels(readFileSync(outFile.replace(/wasm$/, "d.ts"), "utf8"));
  writeBytes(`wasm/${target}`, outFile, `The bytes of fourway/wasm/${target}.wasm.`);
}
for (const file of readdirSync("models"))
  if (file.endsWith(".onnx")) writeBytes(`models/${basename(file, ".onnx")}`, `models/${file}`, `The bytes of fourway/models/${file}.`);

// under a path of the package: resolvers without "exports" (Parcel's default) do not find the dependency's
const WIRE = 'export { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";\n';
await build({
  stdin: { contents: WIRE, resolveDir: root },
  bundle: true,
  format: "esm",
  target: "es2022",
  outfile: "dist/src/generated/wire.js",
  legalComments: "inline",
});
for (const folder of ["src", "dist/src"]) write(`${folder}/generated/wire.d.ts`, WIRE);

/** Scripts of workers, by the name of their module. */
const WORKERS = { threadWorker: "src/wasm/threadWorker.ts", detectorWorker: "src/detect/detectorWorker.ts" };
for (const [name, entry] of Object.entries(WORKERS))
  writeModule(`workers/${name}`, entry, `The worker's script in one piece.`, "string", JSON.stringify(await bundleWorker(entry)));

run("node_modules/typescript/bin/tsc");
for (const folder of ["src", "test", "bench", "examples"])
  for (const file of readdirSync(join("dist", folder), { recursive: true }))
    if (/\.(js|js\.map|d\.ts)$/.test(file)) {
      const source = join(folder, file.replace(/\.(js|js\.map|d\.ts)$/, ""));
      if (!existsSync(`${source}.ts`) && !existsSync(`${source}.d.ts`)) rmSync(join("dist", folder, file)); // its source is gone
    }
// as a file too, for pages whose policy forbids scripts without one
for (const entry of Object.values(WORKERS)) {
  const file = join("dist", entry.replace(/ts$/, "js"));
  write(file, await bundleWorker(entry));
  rmSync(`${file}.map`, { force: true }); // of what the compiler wrote
}
mkdirSync("dist/wasm", { recursive: true });
for (const [target, { outFile }] of Object.entries(targets)) copyFileSync(outFile, `dist/wasm/${target}.wasm`);
await writeVariants();
