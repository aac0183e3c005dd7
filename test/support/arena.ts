import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Kernels } from "../../src/wasm/generated/kernels.js";
import { createEngine, type Engine } from "../../src/wasm/load.js";

/** The build of the kernels that is tested: one of the targets in asconfig.json. test/kernels/builds.test.ts runs all others. */
export const BUILD = process.env.FOURWAY_TEST_BUILD ?? "simd";

/** Guard bytes before and behind every block. */
const GUARD = 64;
/**
 * As f32 NaN, -1.6e30, another NaN, 1.8e30; as int8 mostly large. A stray read shows in the result, a stray write in the guard, also one
 * that computes on what it finds there: NaN would stay NaN, the others change. Each block begins at another word: neighbours differ.
 */
const PATTERN = [0x5a, 0xa5, 0xc0, 0x7f, 0x4d, 0x3c, 0xa2, 0xf1, 0xa6, 0x5b, 0xd1, 0x7f, 0x6f, 0x5e, 0xb4, 0x71];
const patternAt = (block: number, at: number): number => PATTERN[(at + 4 * block) & 15]!;

const VIEWS = { f32: Float32Array, i32: Int32Array, i16: Int16Array, i8: Int8Array, u8: Uint8Array } as const;

/** Kinds of numbers that a block may hold. */
export type Kind = keyof typeof VIEWS;

/** A run of numbers in the kernels' memory with guards about it. */
export interface Block {
  readonly at: number;
  readonly kind: Kind;
  readonly length: number;
  /** First byte behind the block and what may be written past it. */
  readonly end: number;
  /** The bytes as they were, where a kernel only reads. */
  readonly kept?: Uint8Array;
}

/**
 * Kernels and guarded blocks of their memory. `check` fails where a kernel wrote outside its outputs. Blocks begin at multiples of 64
 * bytes, as in src/wasm/memory.ts.
 */
export class Arena {
  readonly kernels: Kernels;
  /**
   * The ways in which this build on this CPU can multiply int8: always in 16-bit pairs (flip -1), perhaps in quads of bytes. Where bytes are
   * flipped by 128, those of other CPUs (0) are right as long as no value is below 0, their `least`.
   */
  readonly ways: readonly { flip: number; least: number }[];
  private blocks: Block[] = [];
  private readonly bottom: number;

  private constructor(readonly engine: Engine) {
    this.kernels = engine.kernels;
    const signed = [-1, engine.byteFlip].map((flip) => ({ flip, least: -128 }));
    this.ways = engine.byteFlip < 0 ? signed.slice(1) : engine.byteFlip === 0 ? signed : [...signed, { flip: 0, least: 0 }];
    this.bottom = engine.memory.mark;
  }

  static async open(): Promise<Arena> {
    return new Arena(await createEngine(1, readFileSync(`build/${BUILD}.wasm`)));
  }

  /** What a kernel reads and must leave alone; reads past the end meet the pattern. */
  input(kind: Kind, values: ArrayLike<number>): Block {
    return this.place(kind, values, 0, true);
  }

  /** What a kernel reads and writes, such as a gradient that is added to. */
  state(kind: Kind, values: ArrayLike<number>): Block {
    return this.place(kind, values, 0, false);
  }

  /** What a kernel writes: filled with the pattern first. @param spare bytes past the end that its header allows it to touch */
  output(kind: Kind, length: number, spare = 0): Block {
    return this.place(kind, length, spare, false);
  }

  /** An int8 or f32 output or scratch given in bytes. */
  scratch(bytes: number, spare = 0): Block {
    return this.output("u8", bytes, spare);
  }

  private place(kind: Kind, values: ArrayLike<number> | number, spare: number, keep: boolean): Block {
    const { memory } = this.engine;
    const length = typeof values === "number" ? values : values.length;
    const bytes = length * VIEWS[kind].BYTES_PER_ELEMENT;
    const start = memory.reserve(GUARD + bytes + spare + GUARD);
    const at = start + GUARD;
    const end = at + bytes + spare;
    for (let i = start; i < end + GUARD; i++) memory.u8[i] = patternAt(this.blocks.length, i);
    if (typeof values !== "number") this.view(kind, at, length).set(values);
    const kept = keep ? memory.u8.slice(at, at + bytes) : undefined;
    const block = { at, kind, length, end, kept };
    this.blocks.push(block);
    return block;
  }

  private view(kind: Kind, at: number, length: number): Float32Array | Int32Array | Int16Array | Int8Array | Uint8Array {
    return new VIEWS[kind](this.engine.memory.wasm.buffer, at, length);
  }

  /** A copy of a block's numbers. */
  read({ kind, at, length }: Block): number[] {
    return Array.from(this.view(kind, at, length));
  }

  /** Every guard still carries the pattern and every input its values. */
  check(): void {
    const { u8 } = this.engine.memory;
    for (const [index, { at, end, kept }] of this.blocks.entries()) {
      for (let i = at - GUARD; i < at; i++) assert.equal(u8[i], patternAt(index, i), `block ${index}: written ${at - i} bytes before it`);
      for (let i = end; i < end + GUARD; i++)
        assert.equal(u8[i], patternAt(index, i), `block ${index}: written ${i - end} bytes past its end`);
      if (kept) assert.ok(Buffer.from(u8.buffer, at, kept.length).equals(kept), `block ${index}: an input was written to`);
    }
  }

  /** Gives all blocks back, before the next case. */
  reset(): void {
    this.blocks = [];
    this.engine.memory.release(this.bottom);
  }
}

/** Rows of `channels` values spread to rows of `stored`, zeros behind them. */
export function padded(values: ArrayLike<number>, channels: number, stored: number): Float64Array {
  const out = new Float64Array((values.length / channels) * stored);
  for (let i = 0; i < values.length; i++) out[Math.floor(i / channels) * stored + (i % channels)] = values[i]!;
  return out;
}

/** The channels behind `padded` taken out again; the padding must be zeros. */
export function unpadded(values: ArrayLike<number>, channels: number, stored: number): number[] {
  return Array.from(values).filter((value, i) => {
    const real = i % stored < channels;
    if (!real) assert.ok(value === 0, `padding of pixel ${Math.floor(i / stored)}: expected 0, got ${value}`);
    return real;
  });
}

/** Channels as the kernels store them: 3 stays 3, all else is rounded up to a multiple of 8. */
export function storedChannels(channels: number): number {
  return channels === 3 ? 3 : channels + ((8 - (channels % 8)) % 8);
}
