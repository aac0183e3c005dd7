import { relaxedSimd, threads as threadsFeature } from "wasm-feature-detect";
import { type Bytes, isPage, kindOf, readAddress, readResponse, viewOf } from "../core/address.js";
import { FourwayError } from "../core/errors.js";
import type { FetchResponse, Url, WasmModule } from "../core/globals.js";
import type { Kernels } from "./generated/kernels.js";
import { Memory, memoryRefused } from "./memory.js";
import { Threads } from "./threads.js";

/** The kernels and the memory they work in. */
export interface Engine {
  readonly kernels: Kernels;
  readonly memory: Memory;
  /** How int8 is multiplied here: in 16-bit pairs (-1), or four bytes at a time, flipped by 0 or 128 (assembly/i8/product.ts). The same bits. */
  readonly byteFlip: number;
  /** Workers that help, where more than one thread was asked for and could be had. */
  readonly threads?: Threads;
  /** Why there are none though they were asked for. */
  readonly singleThreadReason?: string;
}

/** Where kernels come from: a compiled module, its bytes, or somewhere to read them from. */
export type WasmSource = WasmModule | Bytes | Url | FetchResponse;

/** The modules of the package's own builds, compiled once: for memory of one thread, and for shared memory. */
const own: { plain?: Promise<WebAssembly.Module>; shared?: Promise<WebAssembly.Module> } = {};

/** The bytes of the build that the package carries for this runtime. */
async function ownBytes(shared: boolean): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof WebAssembly === "undefined")
    throw new FourwayError(
      "E_RUNTIME",
      "wasm: expected a runtime with WebAssembly, got none; run node without --jitless, or allow WebAssembly where a policy forbids it",
    );
  // an engine validates a whole module, so each feature set is a build of its own
  const relaxed = await relaxedSimd();
  const plain = () => (relaxed ? import("../generated/wasm/relaxed.js") : import("../generated/wasm/simd.js"));
  const threaded = () => (relaxed ? import("../generated/wasm/relaxedThreads.js") : import("../generated/wasm/simdThreads.js"));
  const build = await (shared ? threaded() : plain()).catch((cause: Error) => {
    throw new FourwayError(
      "E_RUNTIME",
      `wasm: expected the script that holds the kernels, got "${cause.message}"; import them from fourway/wasm/simd and pass them as { wasm }, or bundle without code splitting`,
      { cause },
    );
  });
  return viewOf(build.default)!;
}

/**
 * The package's own build for this runtime, compiled once.
 * @param shared for memory that threads share
 * @throws E_RUNTIME where the runtime lacks SIMD or WebAssembly
 */
export function ownKernels(shared = false): Promise<WasmModule> {
  const key = shared ? "shared" : "plain";
  own[key] ??= ownBytes(shared)
    .then(compile)
    .catch((error) => {
      delete own[key];
      throw error;
    });
  return own[key];
}

/**
 * From now on these are the package's own kernels: where it cannot compile or import those that it carries.
 * @param shared for memory that threads share
 * @throws E_RUNTIME as `createEngine`
 */
export async function setOwnKernels(source: WasmSource, shared = false): Promise<void> {
  own[shared ? "shared" : "plain"] = Promise.resolve(await moduleOf(source));
}

async function bytesOf(source: unknown): Promise<Uint8Array<ArrayBuffer>> {
  const kind = kindOf(source);
  try {
    if (kind === "URL") return await readAddress(new URL(String(source)));
    if (kind === "Response") return await readResponse(source as Response);
  } catch (cause) {
    const from = kind === "URL" ? String(source) : (source as Response).url || "a response";
    const reason = (cause as Error).message;
    throw new FourwayError("E_RUNTIME", `wasm: expected WebAssembly from ${from}, got "${reason}"; fix the address`, { cause });
  }
  const view = viewOf(source);
  if (!view)
    throw new FourwayError(
      "E_ARGUMENT",
      `wasm: expected the kernels as ArrayBuffer, typed array, DataView, WebAssembly.Module, Response or URL, got ${kind}; pass one of these`,
    );
  if (isPage(view))
    throw new FourwayError(
      "E_RUNTIME",
      "wasm: expected WebAssembly, got bytes that begin with <: the server sent HTML instead; fix the address",
    );
  return view;
}

async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new FourwayError(
      "E_RUNTIME",
      `wasm: expected a runtime with WebAssembly SIMD, got "${(cause as Error).message}"; use Node >= 20, Chrome >= 91, Firefox >= 89 or Safari >= 16.4, and allow 'wasm-unsafe-eval' where a page has a Content-Security-Policy`,
      { cause },
    );
  }
}

/** The module of a source. @throws E_RUNTIME, E_ARGUMENT as `createEngine` */
export async function moduleOf(source: WasmSource): Promise<WasmModule> {
  return kindOf(source) === "WebAssembly.Module" ? (source as WebAssembly.Module) : compile(await bytesOf(source));
}

/** The kernels on a memory. @throws E_RUNTIME where the module is for the other kind of memory, or holds others */
async function instantiate(module: WebAssembly.Module, memory: Memory): Promise<Kernels> {
  let exports: WebAssembly.Exports;
  try {
    ({ exports } = await WebAssembly.instantiate(module, { env: { memory: memory.wasm } }));
  } catch (cause) {
    if (cause instanceof RangeError) throw memoryRefused(cause);
    throw new FourwayError(
      "E_RUNTIME",
      `wasm: expected Fourway's kernels for ${memory.shared ? "several threads" : "one thread"}, got "${(cause as Error).message}"; pass ${memory.shared ? "fourway/wasm/simdThreads.wasm" : "fourway/wasm/simd.wasm"}`,
      { cause },
    );
  }
  if (typeof exports.byteDot !== "function")
    throw new FourwayError("E_RUNTIME", "wasm: expected Fourway's kernels, got another module; pass fourway/wasm/simd.wasm");
  return exports as unknown as Kernels;
}

/** Bytes whose dot product shows how the CPU treats bytes above 127: as 255, as -1, or as 255 in sums that saturate in 16 bits. */
const [WEIGHT, HIGH] = [127, 255];

/** What bytes must be flipped by for the CPU's dot product of four of them to be exact; -1 where it is not. */
function byteFlipOf({ byteDot }: Kernels): number {
  const sum = byteDot(WEIGHT, HIGH);
  return sum === 4 * WEIGHT * HIGH ? 128 : sum === -4 * WEIGHT ? 0 : -1;
}

/** An engine on shared memory with workers. @throws Error whose message is the reason where that cannot be */
async function createShared(count: number, given: WebAssembly.Module | undefined): Promise<Engine> {
  if (!(await threadsFeature())) throw new Error("the runtime gives no SharedArrayBuffer (a page must be cross-origin isolated)");
  const module = given ?? (await ownKernels(true));
  const memory = new Memory(true);
  const kernels = await instantiate(module, memory);
  return { kernels, memory, byteFlip: byteFlipOf(kernels), threads: await Threads.start(count, module, memory, kernels) };
}

/**
 * A fresh engine: the kernels on a memory of its own.
 * @param threads how many may run at once; where the runtime has no way, it is one, and the engine says why
 * @param wasm the kernels, in place of the package's own
 * @throws E_RUNTIME where the runtime lacks SIMD, or the kernels cannot be read or are others; E_ARGUMENT for another kind of source
 */
export async function createEngine(threads = 1, wasm?: WasmSource): Promise<Engine> {
  const given = wasm === undefined ? undefined : await moduleOf(wasm);
  let singleThreadReason: string | undefined;
  if (threads > 1)
    try {
      return await createShared(threads, given);
    } catch (error) {
      singleThreadReason = (error as Error).message;
    }
  const module = given ?? (await ownKernels());
  const memory = new Memory();
  const kernels = await instantiate(module, memory);
  return { kernels, memory, byteFlip: byteFlipOf(kernels), singleThreadReason };
}
