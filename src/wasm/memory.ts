import { FourwayError } from "../core/errors.js";
import type { WasmMemory } from "../core/globals.js";

const PAGE = 65536;
const ALIGN = 64;
/** The bottom holds no buffer, so that offset 0 is never one; threads keep their signals there (signals.ts). */
const BOTTOM = 1024;
/** Offsets are signed 32-bit numbers in places. */
const MOST = 2 ** 31 - 1;
/** Shared memory says beforehand how far it may grow: 1 GiB, as asconfig.json has it. */
const SHARED_MAXIMUM = 16384;
/** Vector kernels may touch up to this many bytes past a buffer's end. */
const SPARE = 64;

/** Bytes that a buffer takes: its own, those that vector kernels may touch behind it, and what aligns the next one to 64. */
export function roomFor(bytes: number, spare = SPARE): number {
  return Math.ceil((bytes + spare) / ALIGN) * ALIGN;
}

/** Why there is no memory. A runtime reserves gigabytes of addresses for each, which hosts with little virtual memory refuse. */
export function memoryRefused(cause: unknown): FourwayError {
  return new FourwayError(
    "E_RUNTIME",
    `memory: expected WebAssembly memory, got "${(cause as Error).message}"; raise the limit on virtual memory (ulimit -v), dispose of other detectors, or run node with --disable-wasm-trap-handler`,
    { cause },
  );
}

/** The sole owner of the kernels' memory: its growth, its views and what of it is taken. */
export class Memory {
  readonly wasm: WasmMemory;
  u8!: Uint8Array;
  i8!: Int8Array;
  i16!: Int16Array;
  i32!: Int32Array;
  f32!: Float32Array;
  private top = BOTTOM;

  /** @param shared between threads; @throws E_RUNTIME where the runtime refuses */
  constructor(readonly shared = false) {
    try {
      this.wasm = new WebAssembly.Memory(shared ? { initial: 1, maximum: SHARED_MAXIMUM, shared } : { initial: 1 });
    } catch (cause) {
      throw memoryRefused(cause);
    }
    this.refreshViews();
  }

  private refreshViews(): void {
    const { buffer } = this.wasm;
    this.u8 = new Uint8Array(buffer);
    this.i8 = new Int8Array(buffer);
    this.i16 = new Int16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
  }

  /** Bytes taken so far: where the next reservation will start. Pass it to `release` to give back all that came after. */
  get mark(): number {
    return this.top;
  }

  /** Takes `bytes` bytes, aligned to 64, and returns their offset. Views are renewed when memory grows. @throws E_RUNTIME out of memory */
  reserve(bytes: number): number {
    const offset = this.top;
    const end = offset + roomFor(bytes);
    if (end > MOST)
      throw new FourwayError("E_RUNTIME", `memory: expected at most ${MOST} bytes, got ${end}; use a smaller batch, input or model`);
    const missing = end - this.u8.length;
    if (missing > 0) {
      try {
        this.wasm.grow(Math.ceil(missing / PAGE));
      } catch (cause) {
        throw new FourwayError("E_RUNTIME", `memory: expected room for ${end} bytes, got refused; use a smaller batch, input or model`, {
          cause,
        });
      }
      this.refreshViews();
    }
    this.top = end;
    return offset;
  }

  /** Gives back all that was reserved since `mark` was read; the memory itself is kept for the next reservation. */
  release(mark: number): void {
    this.top = mark;
  }
}
