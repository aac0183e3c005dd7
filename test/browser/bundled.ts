import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";

/**
 * Scripts for pages, bundled and split, by the paths at which a server has them.
 * @param scripts by name: compiled scripts, as URLs
 */
export async function bundled(
  scripts: Readonly<Record<string, URL>>,
  options: BuildOptions = {},
): Promise<Map<string, string | Uint8Array>> {
  const { outputFiles } = await build({
    entryPoints: Object.fromEntries(Object.entries(scripts).map(([name, url]) => [name, fileURLToPath(url)])),
    outdir: "/",
    bundle: true,
    splitting: true,
    format: "esm",
    ...options,
    write: false,
  });
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}
