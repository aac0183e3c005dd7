// What the package has beside its ES modules, made from dist/src:
//   dist/fourway.global.js  for a classic script tag: `fourway` is a global, the model, the kernels and the workers' scripts are inside
//   dist/cjs/               for require() where it takes no ES modules (Jest, older tools), with its own declarations
//   dist/src/workerd.js     for Cloudflare's workerd, which compiles WebAssembly only where it is imported as a module
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const SHARED = {
  entryPoints: ["dist/src/index.js"],
  bundle: true,
  target: "es2022",
  sourcemap: true,
  sourcesContent: true,
  legalComments: "inline",
};
/** In one file nothing lies beside the code, so that workers start from their text alone. */
const ONE_FILE = { define: { "import.meta.url": "undefined" }, logLevel: "warning" };

/** Bundles dist/src/index.js. Its source map leaves out the text of what the package carries as modules: base64. */
async function bundle(outfile, options) {
  await build({ ...SHARED, ...ONE_FILE, outfile, ...options });
  const map = JSON.parse(readFileSync(`${outfile}.map`, "utf8"));
  map.sourcesContent = map.sourcesContent.map((text, i) => (map.sources[i].includes("/generated/") ? "" : text));
  writeFileSync(`${outfile}.map`, JSON.stringify(map));
}

/** Declarations that a file reaches through relative imports, itself too. */
function reached(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, path] of readFileSync(file, "utf8").matchAll(/(?:from|import\() ?"(\.[^"]+)\.js"/g))
    reached(join(dirname(file), `${path}.d.ts`), found);
  return found;
}

/** Writes them all. Call it behind the compiler. */
export async function writeVariants() {
  await bundle("dist/fourway.global.js", { format: "iife", globalName: "fourway", minify: true });

  rmSync("dist/cjs", { recursive: true, force: true });
  await bundle("dist/cjs/index.js", { format: "cjs", platform: "neutral", mainFields: ["module", "main"] });
  writeFileSync("dist/cjs/package.json", '{ "type": "commonjs" }\n');
  for (const file of reached("dist/src/index.d.ts")) {
    const copy = file.replace("dist/src", "dist/cjs");
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, readFileSync(file));
  }

  writeFileSync(
    "dist/src/workerd.js",
    `// Made by scripts/variants.mjs.
import wasm from "../wasm/simd.wasm";
import { setOwnKernels } from "./wasm/load.js";

await setOwnKernels(wasm);
export * from "./index.js";
`,
  );
}
