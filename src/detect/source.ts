import { FourwayError } from "../core/errors.js";

/** The model that the package ships. */
export const SHIPPED_MODEL = new URL("../../../models/fourway-s.onnx", import.meta.url);

/** Addresses that are URLs; everything else is a path, or in a page relative to it. A drive letter is no scheme. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i;

/**
 * The bytes behind a path or URL: from disk where the runtime has one (Node, Deno, Bun), else fetched.
 * @throws E_MODEL where nothing can be read there
 */
export async function readBytes(source: string | URL): Promise<Uint8Array> {
  // asked for at run time, so that bundlers for browsers find no import to resolve
  const files = globalThis.process?.getBuiltinModule?.("node:fs/promises");
  try {
    const address = typeof source === "string" && SCHEME.test(source) ? new URL(source) : source;
    if (files && (typeof address === "string" || address.protocol === "file:")) return new Uint8Array(await files.readFile(address));
    const response = await fetch(address);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new FourwayError("E_MODEL", `model: expected a file at ${source}, got "${reason}"; mend the path or address`, { cause });
  }
}
