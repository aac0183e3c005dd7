// Checks the package as a user gets it: what the tarball holds, publint, are-the-types-wrong, strict TypeScript consumers without the optional
// peers, and require(). Usage: node scripts/package.mjs (after a build)
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const scratch = mkdtempSync(join(tmpdir(), "fourway-package-"));
const faults = [];

function check(name, command, args, options = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", ...options });
  if (status === 0) console.log(`package: ${name}: passed`);
  else faults.push(`${name}:\n${stdout}${stderr}`);
}
const bin = (name) => join(root, "node_modules", ".bin", name);

try {
  const packed = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", scratch], { encoding: "utf8" });
  const [{ filename, files, size }] = JSON.parse(packed);
  const paths = new Set(files.map(({ path }) => path));
  console.log(`package: ${paths.size} files, ${size} bytes`);
  const wanted = ["package.json", "README.md", "LICENSE", "dist/src/index.js", "dist/src/index.d.ts", "dist/src/node/index.js"];
  wanted.push("dist/cjs/index.js", "dist/cjs/index.d.ts", "dist/cjs/package.json", "dist/fourway.global.js", "dist/src/workerd.js");
  for (const name of readdirSync("models"))
    if (name.endsWith(".onnx")) wanted.push(`dist/src/generated/models/${name.replace(/onnx$/, "js")}`);
  wanted.push("dist/src/cli/main.js", "dist/wasm/simd.wasm", ...readdirSync("models").map((name) => `models/${name}`));
  for (const path of wanted) if (!paths.has(path)) faults.push(`tarball: expected ${path}, got none`);
  for (const path of paths)
    if (
      !/^(dist\/(cjs|src|wasm)|docs\/(decisions|images|lab)|examples\/(camera|engines|extension|react)|models)\/|^docs\/(benchmarks|camera|everywhere|learning|migration|multi-task|runtimes)\.md$|^dist\/fourway\.global\.js(\.map)?$|^[\w.-]+$/.test(
        path,
      ) ||
      /\.test\.|golden/.test(path)
    )
      faults.push(`tarball: ${path} is no part of it`);

  const { scripts = {} } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const name of ["preinstall", "install", "postinstall", "prepare"])
    if (name in scripts) faults.push(`package.json: expected no script that runs at installation, got ${name}`);
  const base64 = /[A-Za-z0-9+/]{200}/;
  for (const path of paths)
    if (/\.d\.ts$/.test(path) && base64.test(readFileSync(path, "utf8"))) faults.push(`tarball: expected types, got base64 in ${path}`);

  // the package's page resolves relative links through "repository"; without one, they must at least lead to files of the tarball
  for (const [, link] of readFileSync("README.md", "utf8").matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g))
    if (!/^[a-z]+:/.test(link) && !paths.has(link) && ![...paths].some((path) => path.startsWith(`${link}/`)))
      faults.push(`tarball: expected ${link}, to which README.md links, got none`);

  const tarball = join(scratch, filename);
  check("publint", bin("publint"), [tarball, "--strict"]);
  // resolution as of Node 10 knows no exports but the main one; the others are ES modules, which Node 20 can require
  check("are the types wrong", bin("attw"), [tarball, "--profile", "node16", "--ignore-rules", "cjs-resolves-to-esm", "--no-color"]);

  const consumer = join(scratch, "consumer");
  const installed = join(consumer, "node_modules", "fourway");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  writeFileSync(join(consumer, "package.json"), '{ "type": "module" }\n');
  for (const name of Object.keys(JSON.parse(readFileSync("package.json", "utf8")).dependencies))
    cpSync(join(root, "node_modules", name), join(consumer, "node_modules", name), { recursive: true, dereference: true });
  writeFileSync(
    join(consumer, "page.ts"),
    `import { Detector, type Detection, TASKS, type Frame } from "fourway";
import model from "fourway/models/fourway-n";
export async function look(frame: Frame): Promise<Detection> {
  const detector = await Detector.load(model, { threads: 2, wasm: import("fourway/wasm/simdThreads") });
  try { return detector.detect(frame); } finally { detector.dispose(); }
}
export const tasks: readonly string[] = TASKS;
`,
  );
  writeFileSync(
    join(consumer, "page.cts"),
    `import fourway = require("fourway");
export const load = (): Promise<fourway.Detector> => fourway.Detector.load();
`,
  );
  const strict = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "es2022"];
  for (const [module, resolution] of [
    ["node16", "node16"],
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])
    for (const lib of ["es2022,dom", "es2022"])
      check(
        `consumer, ${resolution}, ${lib}`,
        process.execPath,
        [
          join(root, "node_modules", "typescript", "bin", "tsc"),
          ...strict,
          "--module",
          module,
          "--moduleResolution",
          resolution,
          "--lib",
          lib,
          ...(resolution === "bundler" ? ["page.ts"] : ["page.ts", "page.cts"]),
        ],
        { cwd: consumer },
      );

  const isSame = `const { Detector, FourwayError } = require("fourway");
Detector.load(7).catch((error) => {
  if (!(error instanceof FourwayError)) throw error;
  import("fourway").then((again) => { if (again.Detector !== Detector) throw new Error("require and import gave two copies"); });
});`;
  check("require, the same module as import gives", process.execPath, ["--no-warnings", "--input-type=commonjs", "-e", isSame], {
    cwd: consumer,
  });
  const alone = `${isSame.split("\n")[0].replace('"fourway"', '"./node_modules/fourway/dist/cjs/index.js"')}
Detector.load().then((detector) => { if (detector.tasks.length < 4) throw new Error("no tasks"); detector.dispose(); });`;
  check("the build for require() alone", process.execPath, ["--input-type=commonjs", "-e", alone], { cwd: consumer });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (faults.length > 0) {
  console.error(faults.join("\n\n"));
  process.exit(1);
}
