// Runs the compiled tests with Node's own runner. Usage: node scripts/test.mjs [part of a file's path ...]

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const wanted = process.argv.slice(2);
const files = readdirSync("dist/test", { recursive: true })
  .filter((file) => file.endsWith(".test.js") && (wanted.length === 0 || wanted.some((part) => file.includes(part))))
  .map((file) => join("dist/test", file));
if (files.length === 0) {
  console.error(`no compiled test matches ${wanted.join(" ")}; run "node scripts/build.mjs" first`);
  process.exit(1);
}
const result = spawnSync(process.execPath, ["--test", "--test-reporter=spec", "--enable-source-maps", ...files], { stdio: "inherit" });
process.exit(result.status ?? 1);
