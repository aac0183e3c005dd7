// Builds everything: assembly/ -> build/*.wasm, their bytes and the kernels' signatures -> src/wasm/generated/*.ts, TypeScript -> dist/, the
// .wasm files -> dist/wasm/.
// Usage: node scripts/build.mjs [--quiet]

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

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
mkdirSync("src/wasm/generated", { recursive: true });
/** The signatures of the kernels as the compiler's declarations of a build give them. */
function writeKernels(declarations) {
  const lines = [...declarations.matchAll(/export function (\w+\(.*\): (?:void|number);)/g)].map(([, line]) => `  ${line}\n`);
  writeFileSync(
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

const { targets } = JSON.parse(readFileSync("asconfig.json", "utf8"));
const sources = Math.max(newest("assembly"), modified("asconfig.json"));
for (const target of Object.keys(targets)) {
  const generated = `src/wasm/generated/${target}.ts`;
  if (modified(generated) > sources) continue;
  run("node_modules/assemblyscript/bin/asc.js", "--config", "asconfig.json", "--target", target);
  const bytes = readFileSync(targets[target].outFile);
  writeFileSync(generated, `// Made by scripts/build.mjs from assembly/.\nexport default "${bytes.toString("base64")}";\n`);
  if (targets[target].bindings) writeKernels(readFileSync(targets[target].outFile.replace(/wasm$/, "d.ts"), "utf8"));
  if (!quiet) console.log(`${target}: ${bytes.length} bytes of wasm`);
}
run("node_modules/typescript/bin/tsc");
for (const folder of ["src", "test", "bench", "examples"])
  for (const file of readdirSync(join("dist", folder), { recursive: true }))
    if (/\.(js|d\.ts)$/.test(file) && !existsSync(join(folder, file.replace(/\.(js|d\.ts)$/, ".ts")))) rmSync(join("dist", folder, file)); // its source is gone
mkdirSync("dist/wasm", { recursive: true });
for (const [target, { outFile }] of Object.entries(targets)) copyFileSync(outFile, `dist/wasm/${target}.wasm`);
