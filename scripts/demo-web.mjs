// Builds the camera app, and a page that compares engines (engines/), from dist/ into build/web: static files, which work from any host, with several threads where it sends COOP and COEP.
// Usage: node scripts/demo-web.mjs [--out FOLDER] [--serve [--port PORT]]; serves on this machine alone.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import sharp from "sharp";
import { MODELS } from "../dist/examples/camera/models.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const options = {
  out: { type: "string", default: join(root, "build", "web") },
  serve: { type: "boolean" },
  port: { type: "string", default: "8080" },
};
const { values } = parseArgs({ options });
const { out } = values;
const app = join(root, "examples", "camera");
const shared = { bundle: true, format: "esm", target: "es2022", platform: "browser", minify: true, legalComments: "none", outdir: out };

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "models"), { recursive: true });
// each model is a file of its own: the default one is not in a script, too
const entryPoints = ["app.js", "learnWorker.js"].map((name) => join(root, "dist/examples/camera", name));
await build({ ...shared, splitting: true, entryPoints, external: ["../generated/models/*"] });
for (const name of ["index.html", "theme.css", "app.css", "manifest.webmanifest", "icon.svg"])
  copyFileSync(join(app, name), join(out, name));
for (const size of [192, 512])
  await sharp(join(app, "icon.svg"), { density: 144 })
    .resize(size)
    .png()
    .toFile(join(out, `icon-${size}.png`));
for (const name of Object.keys(MODELS).map((size) => `fourway-${size}.onnx`))
  copyFileSync(join(root, "models", name), join(out, "models", name));
// beside the scripts, for hosts whose policy forbids workers without a file
for (const name of ["detect/detectorWorker.js", "wasm/threadWorker.js"])
  copyFileSync(join(root, "dist/src", name), join(out, name.split("/")[1]));

const digest = (algorithm, data, encoding) => createHash(algorithm).update(data).digest(encoding);
const paths = readdirSync(out, { recursive: true, encoding: "utf8", withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) =>
    join(entry.parentPath ?? entry.path, entry.name)
      .slice(out.length + 1)
      .split(sep)
      .join("/"),
  )
  .sort();
const list = JSON.stringify(
  paths.map((path) => ({ path, integrity: `sha256-${digest("sha256", readFileSync(join(out, path)), "base64")}` })),
);
const define = { FILES: list, VERSION: JSON.stringify(digest("sha256", list, "hex").slice(0, 16)) };
await build({ ...shared, format: "iife", define, entryPoints: [join(root, "dist/examples/camera/serviceWorker.js")] });
console.log(`built ${paths.length + 1} files in ${out}`);

// beside the app, and not among what works offline: a page that compares engines
const engines = join(out, "engines");
mkdirSync(engines);
await build({
  ...shared,
  splitting: true,
  outdir: engines,
  entryPoints: [join(root, "dist/examples/engines/app.js")],
  external: ["../generated/models/*"],
});
for (const name of ["index.html", "engines.css"]) copyFileSync(join(root, "examples/engines", name), join(engines, name));
const runtime = dirname(fileURLToPath(import.meta.resolve("onnxruntime-web")));
for (const name of ["mjs", "wasm"].map((kind) => `ort-wasm-simd-threaded.asyncify.${kind}`))
  copyFileSync(join(runtime, name), join(engines, name));

if (values.serve) {
  const types = {
    html: "text/html",
    css: "text/css",
    js: "text/javascript",
    svg: "image/svg+xml",
    png: "image/png",
    webmanifest: "application/manifest+json",
    mjs: "text/javascript",
    wasm: "application/wasm",
  };
  createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname).replace(/\/$/, "/index.html");
    const file = resolve(join(out, path));
    try {
      if (!file.startsWith(resolve(out) + sep)) throw new Error("outside");
      const body = readFileSync(file);
      const headers = {
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
        "cache-control": "no-cache",
      };
      response.writeHead(200, { "content-type": types[extname(file).slice(1)] ?? "application/octet-stream", ...headers }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  }).listen(Number(values.port), "127.0.0.1", () => console.log(`open http://localhost:${values.port}/`));
}
