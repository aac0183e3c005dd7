import { relaxedSimd, threads as threadsFeature } from "wasm-feature-detect";
import { isPage, kindOf, readAddress, readResponse, viewOf } from "../core/address.js";
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

let compiledShared: Promise<WebAssembly.Module> | undefined;
let compiled: Promise<WebAssembly.Module> | undefined;

/** Where the kernels come from: a compiled module, its bytes, or somewhere to read them from. */
export type WasmSource = WasmModule | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Url | FetchResponse;

/** The bytes of the build that the package carries for this runtime. */
async function ownBytes(shared = false): Promise<Uint8Array<ArrayBuffer>> {
  // an engine validates a whole module, so each feature set is a build of its own
  const relaxed = await relaxedSimd();
  const plain = () => (relaxed ? import("./generated/relaxed.js") : import("./generated/simd.js"));
  const threaded = () => (relaxed ? import("./generated/relaxedThreads.js") : import("./generated/simdThreads.js"));
  const build = await (shared ? threaded() : plain()).catch((cause: Error) => {
    throw new FourwayError(
      "E_RUNTIME",
      `wasm: expected the script that holds the kernels, got "${cause.message}"; call init(bytes) first with those of fourway/wasm/simd.wasm, or bundle without code splitting`,
      { cause },
    );
  });
  return Uint8Array.from(atob(build.default), (character) => character.charCodeAt(0));
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

async function compile(source: WasmSource | undefined): Promise<WebAssembly.Module> {
  if (typeof WebAssembly === "undefined")
    throw new FourwayError(
      "E_RUNTIME",
      "wasm: expected a runtime with WebAssembly, got none; run node without --jitless, or allow WebAssembly where a policy forbids it",
    );
  if (kindOf(source) === "WebAssembly.Module") return source as WebAssembly.Module;
  const bytes = await (source === undefined ? ownBytes() : bytesOf(source));
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

/**
 * Compiles the kernels once a program; later calls share the module.
 * @param source instead of the bytes that the package carries; only the first call's counts, unless it failed
 * @throws E_RUNTIME where the runtime lacks SIMD, or the source cannot be read or is no WebAssembly
 */
export function init(source?: WasmSource): Promise<WasmModule> {
  compiled ??= compile(source).catch((error) => {
    compiled = undefined;
    throw error;
  });
  return compiled;
}

async function instantiate(module: WebAssembly.Module, memory: Memory): Promise<Kernels> {
  try {
    const { exports } = await WebAssembly.instantiate(module, { env: { memory: memory.wasm } });
    return exports as unknown as Kernels;
  } catch (cause) {
    if (cause instanceof RangeError) throw memoryRefused(cause);
    throw cause;
  }
}

/** Bytes whose dot product shows how the CPU treats bytes above 127: as 255, as -1, or as 255 in sums that saturate in 16 bits. */
const [WEIGHT, HIGH] = [127, 255];

/** What bytes must be flipped by for the CPU's dot product of four of them to be exact; -1 where it is not. */
function byteFlipOf({ byteDot }: Kernels): number {
  const sum = byteDot(WEIGHT, HIGH);
  return sum === 4 * WEIGHT * HIGH ? 128 : sum === -4 * WEIGHT ? 0 : -1;
}

/** An engine on shared memory with workers. @throws Error whose message is the reason where that cannot be */
async function createShared(count: number): Promise<Engine> {
  if (!(await threadsFeature())) throw new Error("the runtime gives no SharedArrayBuffer (a page must be cross-origin isolated)");
  compiledShared ??= ownBytes(true)
    .then((bytes) => WebAssembly.compile(bytes))
    .catch((error) => {
      compiledShared = undefined;
      throw error;
    });
  const module = await compiledShared;
  const memory = new Memory(true);
  const kernels = await instantiate(module, memory);
  return { kernels, memory, byteFlip: byteFlipOf(kernels), threads: await Threads.start(count, module, memory, kernels) };
}

/**
 * A fresh engine: the kernels on a memory of its own.
 * @param threads how many may run at once; where the runtime has no way, it is one, and the engine says why
 * @throws E_RUNTIME as `init`
 */
export async function createEngine(threads = 1): Promise<Engine> {
  let singleThreadReason: string | undefined;
  if (threads > 1)
    try {
      return await createShared(threads);
    } catch (error) {
      singleThreadReason = (error as Error).message;
    }
  const module = await init();
  const memory = new Memory();
  const kernels = await instantiate(module, memory);
  return { kernels, memory, byteFlip: byteFlipOf(kernels), singleThreadReason };
}
