import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import type { Engine } from "../wasm/load.js";

/** Weights of a row of taps add up to this. */
const UNIT = 256;
/** Frames longer than this to one side are letterboxed with bars instead of stretching the grid any further. */
const LONGEST_ASPECT = 4;
const MULTIPLE = 32;

/**
 * The input's size for frames of an aspect: about `pixels` pixels, sides multiples of 32 (at least 64). The longer side is rounded first, the
 * shorter one then follows the aspect; a frame on its side gets the same input on its side.
 */
export function inputSize(width: number, height: number, pixels: number): { width: number; height: number } {
  const aspect = Math.min(LONGEST_ASPECT, Math.max(width, height) / Math.min(width, height));
  const side = (v: number): number => Math.max(2 * MULTIPLE, Math.round(v / MULTIPLE) * MULTIPLE);
  const longer = side(Math.sqrt(pixels * aspect));
  const shorter = side(longer / aspect);
  return width >= height ? { width: longer, height: shorter } : { width: shorter, height: longer };
}

/** Where a part of a frame goes in the input: scaled to `width` x `height` at (left, top). Source sides may be fractions of pixels. */
export interface Placement {
  sourceX: number;
  sourceY: number;
  sourceWidth: number;
  sourceHeight: number;
  left: number;
  top: number;
  width: number;
  height: number;
  /** Mirrored left to right. */
  flip: boolean;
}

/** The whole frame, as large as it fits, centred: the scale is input pixels a frame pixel, the same to both sides up to rounding. */
export function letterboxed(frame: { width: number; height: number }, input: { width: number; height: number }): Placement {
  const scale = Math.min(input.width / frame.width, input.height / frame.height);
  const width = Math.max(1, Math.round(frame.width * scale));
  const height = Math.max(1, Math.round(frame.height * scale));
  return {
    sourceX: 0,
    sourceY: 0,
    sourceWidth: frame.width,
    sourceHeight: frame.height,
    left: (input.width - width) >> 1,
    top: (input.height - height) >> 1,
    width,
    height,
    flip: false,
  };
}

/** How many taps an output pixel may have when `length` source pixels become `size`. */
export function mostTaps(length: number, size: number): number {
  return Math.max(2, Math.ceil(length / size) + 1);
}

/** i32 of a table's row: the first source index, how many taps, and their weights, two in each. */
function entryOf(most: number): number {
  return 2 + Math.ceil(most / 2);
}

/**
 * Taps of one axis, a row an output pixel: [first source index, count, weights of 1/256 as i16 ...], i32. Area filter when shrinking, bilinear
 * when growing; weights are rounded so that each row adds up to 256.
 * @param size source pixels that exist: what an area covers beyond them counts for nothing, and wholly beyond them the border goes on
 */
export function axisTable(to: Int32Array, start: number, length: number, out: number, size: number, most: number, flip: boolean): void {
  const ratio = length / out;
  const share = new Float64Array(most);
  for (let i = 0; i < out; i++) {
    share.fill(0);
    let first: number;
    if (ratio > 1) {
      const from = Math.max(0, start + i * ratio);
      const end = Math.min(size, start + (i + 1) * ratio);
      first = Math.min(size - 1, Math.floor(from));
      for (let k = 0; k < most && first + k < end; k++)
        share[k] = Math.max(0, Math.min(end, first + k + 1) - Math.max(from, first + k)) / (end - from);
    } else {
      const centre = Math.min(size - 1, Math.max(0, start + (i + 0.5) * ratio - 0.5));
      first = Math.min(size - 1, Math.floor(centre));
      share[0] = 1 - (centre - first);
      if (first + 1 < size) share[1] = centre - first;
      else share[0] = 1;
    }
    const row = (flip ? out - 1 - i : i) * entryOf(most);
    to.fill(0, row, row + entryOf(most));
    const add = (k: number, weight: number): void => {
      to[row + 2 + (k >> 1)]! += weight << (16 * (k & 1));
    };
    let count = 1;
    let done = 0;
    let exact = 0;
    for (let k = 0; k < most; k++) {
      exact += share[k]! * UNIT;
      const weight = Math.min(UNIT, Math.round(exact)) - done; // carried rounding: the sum is exact
      done += weight;
      add(k, weight);
      if (weight > 0) count = k + 1;
    }
    add(count - 1, UNIT - done);
    to[row] = first;
    to[row + 1] = count;
  }
}

/** Tables and scratch of one placement of frames of one size, in the kernels' memory. */
export interface Letterbox {
  placement: Placement;
  rows: number;
  columns: number;
  pairs: number;
  sums: number;
  first: number;
  last: number;
}

/** Bytes that `prepareLetterbox` needs at most for frames up to `width` pixels and inputs up to the given size. */
export function letterboxBytes(frame: { width: number; height: number }, input: { width: number; height: number }, most: number): number {
  return 4 * entryOf(most) * (input.width + input.height) + 8 * frame.width + 64;
}

/**
 * Writes the tables of a placement at byte `at` (64 bytes aligned, `letterboxBytes` long).
 * @throws E_ARGUMENT where the placement has no pixels
 */
export function prepareLetterbox(
  { memory }: Engine,
  at: number,
  frame: { width: number; height: number },
  placement: Placement,
): Letterbox {
  const { width, height, sourceX, sourceY, sourceWidth, sourceHeight, flip } = placement;
  if (!(width >= 1 && height >= 1 && sourceWidth > 0 && sourceHeight > 0))
    throw new FourwayError(
      "E_ARGUMENT",
      `letterbox: expected a part with pixels, got ${sourceWidth} x ${sourceHeight} to ${width} x ${height}`,
    );
  const most = Math.max(mostTaps(sourceWidth, width), mostTaps(sourceHeight, height));
  const entry = entryOf(most);
  const rows = at;
  const columns = rows + 4 * entry * height;
  const sums = Math.ceil((columns + 4 * entry * width) / 16) * 16;
  axisTable(memory.i32.subarray(rows >> 2, (rows >> 2) + entry * height), sourceY, sourceHeight, height, frame.height, most, false);
  const table = memory.i32.subarray(columns >> 2, (columns >> 2) + entry * width);
  axisTable(table, sourceX, sourceWidth, width, frame.width, most, flip);
  let first = frame.width;
  let last = 0;
  for (let i = 0; i < width; i++) {
    first = Math.min(first, table[i * entry]!);
    last = Math.max(last, table[i * entry]! + table[i * entry + 1]!);
  }
  return { placement, rows, columns, pairs: entry - 2, sums, first, last };
}

/** Runs a letterbox: `rgba` (byte offset of the frame) to `out` (byte offset of the input, signed bytes). */
export function runLetterbox(
  { kernels }: Engine,
  { placement: { left, top, width, height }, rows, columns, pairs, sums, first, last }: Letterbox,
  rgba: number,
  frame: Pick<Frame, "width">,
  out: number,
  input: { width: number; height: number },
): void {
  kernels.letterbox(out, rgba, sums, rows, columns, pairs, frame.width, first, last, left, top, width, height, input.width, input.height);
}

/**
 * Resamples a frame once, in memory that is taken for it and given back.
 * @param read gets the byte offset of the result, [height, width, 3] signed bytes as `runLetterbox` writes them; what it reserves is given back too
 */
export function resampled<T>(
  engine: Engine,
  frame: Frame,
  placement: Placement,
  size: { width: number; height: number },
  read: (offset: number) => T,
): T {
  const { memory } = engine;
  const mark = memory.mark;
  const most = Math.max(mostTaps(placement.sourceWidth, placement.width), mostTaps(placement.sourceHeight, placement.height));
  const rgba = memory.reserve(frame.data.length);
  const tables = memory.reserve(letterboxBytes(frame, size, most));
  const out = memory.reserve(3 * size.width * size.height);
  memory.u8.set(frame.data, rgba);
  runLetterbox(engine, prepareLetterbox(engine, tables, frame, placement), rgba, frame, out, size);
  const result = read(out);
  memory.release(mark);
  return result;
}
