import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Bytes of what users get. */
export interface Sizes {
  /** The largest build of the kernels. */
  wasm: number;
  /** A browser's bundle that detects, with one build inlined and without the model, minified and gzipped. */
  coreGz: number;
  /** The same of everything that the package exports. */
  everythingGz: number;
}

/** Bundles with scripts/bundle.mjs and reads the sizes off. */
export function measureSizes(): Sizes {
  const folder = mkdtempSync(join(tmpdir(), "fourway-size-"));
  try {
    const script = fileURLToPath(new URL("../../scripts/bundle.mjs", import.meta.url));
    const printed = execFileSync(process.execPath, [script, "--json", "--out", folder], { encoding: "utf8" });
    const { core, everything, wasm } = JSON.parse(printed);
    return { wasm: Math.max(...Object.values<number>(wasm)), coreGz: core.gz, everythingGz: everything.gz };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
