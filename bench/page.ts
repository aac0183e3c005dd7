import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** What a server gives for /page.html, which runs a script of this folder, bundled. @param script its name, as built: "modelsPage.js" */
export async function bundledPage(script: string): Promise<Map<string, string | Uint8Array>> {
  const page = await build({
    entryPoints: [fileURLToPath(new URL(script, import.meta.url))],
    bundle: true,
    format: "esm",
    platform: "browser",
    // the build of onnxruntime-web without a GPU
    alias: { "onnxruntime-web": "onnxruntime-web/wasm" },
    write: false,
    logLevel: "error",
  });
  return new Map<string, string | Uint8Array>([
    ["/page.html", '<!doctype html><script type="module" src="/page.js"></script>'],
    ["/page.js", page.outputFiles[0]!.contents],
  ]);
}
