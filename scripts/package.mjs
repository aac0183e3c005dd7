// Checks the package as a user gets it: what the tarball holds, publint, are-the-types-wrong, and strict TypeScript consumers without the
// optional peers. Usage: node scripts/package.mjs (after a build)
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  wanted.push("dist/src/cli/main.js", "dist/wasm/simd.wasm", ...readdirSync("models").map((name) => `models/${name}`));
  for (const path of wanted) if (!paths.has(path)) faults.push(`tarball: expected ${path}, got none`);
  for (const path of paths)
    if (
      !/^(dist\/(src|wasm)|docs\/(decisions|images|lab)|examples\/browser|models)\/|^docs\/benchmarks\.md$|^[\w.-]+$/.test(path) ||
      /\.test\.|golden/.test(path)
    )
      faults.push(`tarball: ${path} is no part of it`);

  // the package's page resolves relative links through "repository"; without one, they must at least lead to files of the tarball
  for (const [, link] of readFileSync("README.md", "utf8").matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g))
    if (!/^[a-z]+:/.test(link) && !paths.has(link) && ![...paths].some((path) => path.startsWith(`${link}/`)))
      faults.push(`tarball: expected ${link}, to which README.md links, got none`);

  const tarball = join(scratch, filename);
  check("publint", bin("publint"), [tarball, "--strict"]);
  // an ES module that Node 20 can require: "esm-only" is meant; resolution as of Node 10 has no exports
  check("are the types wrong", bin("attw"), [tarball, "--profile", "esm-only", "--no-color"]);

  const consumer = join(scratch, "consumer");
  const installed = join(consumer, "node_modules", "fourway");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  writeFileSync(join(consumer, "package.json"), '{ "type": "module" }\n');
  writeFileSync(
    join(consumer, "page.ts"),
    `import { Detector, type Detection, TASKS, type Frame } from "fourway";
export async function look(frame: Frame): Promise<Detection> {
  const detector = await Detector.load(undefined, { threads: 2 });
  try { return detector.detect(frame); } finally { detector.dispose(); }
}
export const tasks: readonly string[] = TASKS;
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
          "page.ts",
        ],
        { cwd: consumer },
      );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (faults.length > 0) {
  console.error(faults.join("\n\n"));
  process.exit(1);
}
