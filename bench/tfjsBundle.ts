import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

/** bench/tfjsTraining.ts, bundled: what TensorFlow.js gives Node has no gradients, only its modules for bundlers have. */
export async function bundledTraining(): Promise<typeof import("./tfjsTraining.js")> {
  const folder = await mkdtemp(join(tmpdir(), "fourway-bench-"));
  try {
    const outfile = join(folder, "training.cjs");
    await build({
      entryPoints: [fileURLToPath(new URL("./tfjsTraining.js", import.meta.url))],
      outfile,
      bundle: true,
      format: "cjs",
      platform: "node",
      mainFields: ["module", "main"],
      logLevel: "error",
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(folder, { recursive: true });
  }
}
