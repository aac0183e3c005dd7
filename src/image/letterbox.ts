import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import type { Engine } from "../wasm/load.js";

/** Weights of a row of taps add up to this. */
const UNIT = 256;
/** Frames longer than this to one side are letterboxed with bars instead of stretching the grid any further. */
const MAX_ASPECT = 4;
/** What the input's sides are multiples of: the trunk's coarsest stride. The path goes up from there, so that no map on the way may be odd. */
export const INPUT_MULTIPLE = 32;

/** The byte of the bars, and of what lies under transparent pixels; assembly/image/letterbox.ts has the same. */
export const GREY = 114;
/** How many pixels an input may have, about. */
export const PIXELS = {
  least: 4096,
  most: 1 << 24,
  /** Of an input that a network is trained for, and that its file may ask for. */
  mostTrained: 1 << 20,
};

/**
 * The input's size for frames of an aspect: about `pixels` pixels, sides multiples of 32 (at least twice that). The longer side is rounded first, the
 * shorter one then follows the aspect; a frame on its side gets the same input on its side.
 */
export function inputSize(width: number, height: number, pixels: number): { width: number; height: number } {
  const aspect = Math.min(MAX_ASPECT, Math.max(width, height) / Math.min(width, height));
  const side = (v: number): number => Math.max(2 * INPUT_MULTIPLE, Math.round(v / INPUT_MULTIPLE) * INPUT_MULTIPLE);
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
export function maxTaps(length: number, size: number): number {
  return Math.max(2, Math.ceil(length / size) + 1);
}

/** One axis of a placement: which source pixels become how many, of `size` that exist, with at most how many taps each. */
interface Axis {
  start: number;
  length: number;
  out: number;
  size: number;
  most: number;
  /** The other way round. */
  mirrored: boolean;
}

/** Weights that a word of a table holds. */
type Lanes = 1 | 2 | 4;
/** The largest weight that four to a word may have: they are signed. */
const MAX_QUAD_WEIGHT = 127;

/** Words of a table's row: first source index, count, weights. */
function entryOf(most: number, lanes: Lanes): number {
  return 2 + Math.ceil(most / lanes);
}

/**
 * Taps of one axis, a row an output pixel: first source index, count, weights of 1/256, so many to a word of 32 bits. Area filter when
 * shrinking, bilinear when growing; weights are rounded so that each row adds up to 256. What an area covers beyond the pixels that exist counts
 * for nothing, and wholly beyond them the border goes on.
 * @returns the largest weight
 */
export function axisTable(to: Int32Array, { start, length, out, size, most, mirrored }: Axis, lanes: Lanes): number {
  const entry = entryOf(most, lanes);
  let largest = 0;
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
    let count = 1;
    let done = 0;
    let exact = 0;
    for (let k = 0; k < most; k++) {
      exact += share[k]! * UNIT;
      share[k] = Math.min(UNIT, Math.round(exact)) - done; // carried rounding: the sum is exact
      done += share[k]!;
      if (share[k]! > 0) count = k + 1;
    }
    share[count - 1]! += UNIT - done;
    const row = (mirrored ? out - 1 - i : i) * entry;
    to.fill(0, row, row + entry);
    to[row] = first;
    to[row + 1] = count;
    for (let k = 0; k < count; k++) {
      to[row + 2 + Math.floor(k / lanes)]! += share[k]! << ((32 / lanes) * (k % lanes));
      largest = Math.max(largest, share[k]!);
    }
  }
  return largest;
}

/** Tables and scratch of one placement of frames of one size, in the kernels' memory. */
export interface Letterbox {
  placement: Placement;
  rows: number;
  columns: number;
  /** Words of weights that a row and a column have. */
  rowWords: number;
  columnWords: number;
  sums: number;
  first: number;
  last: number;
  /** As the engine's, or -1 where a weight is too large for bytes. */
  byteFlip: number;
}

/** Bytes that `prepareLetterbox` needs at most for frames up to `width` pixels and inputs up to the given size. */
export function letterboxBytes(frame: { width: number; height: number }, input: { width: number; height: number }, most: number): number {
  return 4 * entryOf(most, 1) * (input.width + input.height) + 8 * frame.width + 64;
}

/**
 * Writes the tables of a placement at byte `at` (64 bytes aligned, `letterboxBytes` long).
 * @throws E_ARGUMENT where the placement has no pixels
 */
export function prepareLetterbox(
  { memory, byteFlip }: Engine,
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
  const most = Math.max(maxTaps(sourceWidth, width), maxTaps(sourceHeight, height));
  const across = { start: sourceX, length: sourceWidth, out: width, size: frame.width, most, mirrored: flip };
  const down = { start: sourceY, length: sourceHeight, out: height, size: frame.height, most, mirrored: false };
  const rows = at;
  const columns = rows + 4 * entryOf(most, 1) * height;
  const sums = Math.ceil((columns + 4 * entryOf(most, 1) * width) / 16) * 16;
  axisTable(memory.i32.subarray(rows >> 2, columns >> 2), down, 1);
  const table = memory.i32.subarray(columns >> 2, sums >> 2);
  const quads = axisTable(table, across, 2) <= MAX_QUAD_WEIGHT && byteFlip >= 0;
  if (quads) axisTable(table, across, 4);
  const entry = entryOf(most, quads ? 4 : 2);
  let first = frame.width;
  let last = 0;
  for (let i = 0; i < width; i++) {
    first = Math.min(first, table[i * entry]!);
    last = Math.max(last, table[i * entry]! + table[i * entry + 1]!);
  }
  const words = { rowWords: entryOf(most, 1) - 2, columnWords: entry - 2 };
  return { placement, rows, columns, ...words, sums, first, last, byteFlip: quads ? byteFlip : -1 };
}

/** Runs a letterbox: `rgba` (byte offset of the frame) to `out` (byte offset of the input, signed bytes). */
export function runLetterbox(
  { kernels }: Engine,
  { placement, rows, columns, rowWords, columnWords, sums, first, last, byteFlip }: Letterbox,
  rgba: number,
  frame: Pick<Frame, "width">,
  out: number,
  input: { width: number; height: number },
): void {
  const { left, top, width: w, height: h } = placement;
  const { width, height } = input;
  kernels.letterbox(
    out,
    rgba,
    sums,
    rows,
    columns,
    rowWords,
    columnWords,
    frame.width,
    first,
    last,
    left,
    top,
    w,
    h,
    width,
    height,
    byteFlip,
  );
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
  const most = Math.max(maxTaps(placement.sourceWidth, placement.width), maxTaps(placement.sourceHeight, placement.height));
  try {
    const rgba = memory.reserve(frame.data.length);
    const tables = memory.reserve(letterboxBytes(frame, size, most));
    const out = memory.reserve(3 * size.width * size.height);
    memory.u8.set(frame.data, rgba);
    runLetterbox(engine, prepareLetterbox(engine, tables, frame, placement), rgba, frame, out, size);
    return read(out);
  } finally {
    memory.release(mark);
  }
}
