import { relaxedSimd } from "wasm-feature-detect";
import { FourwayError } from "../core/errors.js";
import type { Kernels } from "./kernels.js";
import { Memory } from "./memory.js";

/** The kernels and the memory they work in. */
export interface Engine {
  readonly kernels: Kernels;
  readonly memory: Memory;
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** Where the kernels come from: a compiled module, its bytes, or somewhere to fetch them from. */
export type WasmSource = WebAssembly.Module | BufferSource | URL | Response;

async function compile(source: WasmSource | undefined): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  let bytes: BufferSource;
  if (source === undefined) {
    // an engine validates a whole module, so each feature set is a build of its own
    const build = (await relaxedSimd()) ? await import("./bytes/relaxed.js") : await import("./bytes/simd.js");
    bytes = Uint8Array.from(atob(build.default), (character) => character.charCodeAt(0));
  } else if (source instanceof URL || source instanceof Response) {
    const response = source instanceof URL ? await fetch(source) : source;
    bytes = await response.arrayBuffer();
  } else bytes = source;
  const view = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
  if (view[0] === 0x3c && view[1] === 0x21)
    throw new FourwayError(
      "E_RUNTIME",
      "wasm: expected WebAssembly, got a page that begins with <!; the server sent HTML instead: check the address",
    );
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new FourwayError(
      "E_RUNTIME",
      "wasm: expected a runtime with WebAssembly SIMD, got a refusal; use Node >= 20, Chrome >= 91, Firefox >= 89 or Safari >= 16.4",
      { cause },
    );
  }
}

/**
 * Compiles the kernels once a program; later calls share the module.
 * @param source instead of the bytes that the package carries; only the first call's counts
 * @throws E_RUNTIME where the runtime lacks SIMD or the source is no WebAssembly
 */
export function init(source?: WasmSource): Promise<WebAssembly.Module> {
  compiled ??= compile(source);
  return compiled;
}

/** A fresh engine: the kernels on a memory of its own. @throws E_RUNTIME as `init` */
export async function createEngine(): Promise<Engine> {
  const memory = new Memory();
  const module = await init();
  const instance = await WebAssembly.instantiate(module, { env: { memory: memory.wasm } });
  return { kernels: instance.exports as unknown as Kernels, memory };
}
