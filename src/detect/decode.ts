import type { Point } from "../core/detection.js";
import { exp, log } from "../core/math.js";
import type { Placement } from "../image/letterbox.js";
import type { HeadLayout } from "../model/head.js";

// Head maps to candidates.
//   logit          channel 0: score = sigmoid(logit)
//   distances      from the layout's `box` on, from the cell's point to the left, top, right and bottom edge, in strides: four logarithms,
//                  clamped to -4..5, or four distributions, of which the mean bin counts
//   points         x and y of each, from the cell's point, in sizes of the cell's box (`boxSize`)
//   cell           its point lies (column + point, row + point) strides from the input's top left corner, `point` as the layout says

/** The most boxes a task that go into suppression, the best ones. */
export const MAX_CANDIDATES = 300;

/** Bounds of the log distances, as in assembly/train/boxloss.ts. */
const LOG_DISTANCE = [-4, 5] as const;

/** One task's map at one stride: [height, width, cell] floats as the layout says, the first at index `at` of the kernels' memory. */
export interface HeadMap {
  at: number;
  height: number;
  width: number;
  stride: number;
  layout: HeadLayout;
  /** Where the map holds logits alone: what computes all that the layout has, of the cells that are candidates. */
  rows?: LateRows;
}

/** Computes cells' numbers when it is known which cells they are wanted of. */
export interface LateRows {
  /** Floats from a logit of the map to the next. */
  step: number;
  /**
   * Computes the rows of those candidates that are cells of a map, and writes where they begin into `to.rows`.
   * @param map its number
   * @param taken rows of other maps that are to stay
   * @returns how many rows were computed
   */
  compute(to: Candidates, map: number, taken: number): number;
}

/** Room for the best cells of one task, used again for each task of each frame. The first `count` entries count, best first. */
export interface Candidates {
  count: number;
  logits: Float32Array;
  /** The number of each one's cell, row by row, and which of the maps it belongs to. */
  cells: Int32Array;
  maps: Uint8Array;
  /** Where each one's numbers begin in the kernels' memory (floats); `locate` fills them. */
  rows: Int32Array;
  /** Edges x0, y0, x1, y1 in frame pixels, four numbers each; `locate` fills them. */
  boxes: Float64Array;
  /** For suppression: sums of the edges of those that a candidate stands for, and of their weights, five numbers each. */
  votes: Float64Array;
}

/** Empty room for `most` candidates. */
export function createCandidates(most = MAX_CANDIDATES): Candidates {
  return {
    count: 0,
    logits: new Float32Array(most),
    cells: new Int32Array(most),
    maps: new Uint8Array(most),
    rows: new Int32Array(most),
    boxes: new Float64Array(4 * most),
    votes: new Float64Array(5 * most),
  };
}

/** The probability of a logit. */
export function sigmoid(logit: number): number {
  return 1 / (1 + exp(-logit));
}

/** The logit of a probability: -Infinity for 0, Infinity for 1. */
export function logitOf(probability: number): number {
  return log(probability / (1 - probability));
}

/**
 * Keeps the best cells of one task's maps, those whose logit is at least `least`. Equal logits keep the order of the maps, row by row.
 * @param values the kernels' memory. Logits that are not numbers are skipped.
 * @returns the largest logit of all cells: presence; -Infinity where none is a number
 */
export function selectCells(to: Candidates, values: Float32Array, maps: readonly HeadMap[], least: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  to.count = 0;
  for (let map = 0; map < maps.length; map++) {
    const { at, height, width, layout, rows } = maps[map]!;
    const step = rows?.step ?? layout.cell;
    const count = height * width;
    for (let cell = 0; cell < count; cell++) {
      const logit = values[at + cell * step]!;
      if (logit > largest) largest = logit;
      if (logit >= least) insert(to, logit, cell, map);
    }
  }
  return largest;
}

/** Puts a cell behind all that are as good; the last one falls out where there is no room. */
function insert(to: Candidates, logit: number, cell: number, map: number): void {
  const { logits, cells, maps } = to;
  const most = logits.length;
  if (to.count === most && !(logit > logits[most - 1]!)) return;
  let low = 0;
  for (let high = to.count; low < high; ) {
    const middle = (low + high) >> 1;
    if (logits[middle]! >= logit) low = middle + 1;
    else high = middle;
  }
  const last = Math.min(to.count, most - 1);
  logits.copyWithin(low + 1, low, last);
  cells.copyWithin(low + 1, low, last);
  maps.copyWithin(low + 1, low, last);
  logits[low] = logit;
  cells[low] = cell;
  maps[low] = map;
  to.count = last + 1;
}

/** Finds each candidate's numbers, or has them computed. */
function findRows(to: Candidates, maps: readonly HeadMap[]): void {
  let taken = 0;
  for (let map = 0; map < maps.length; map++) {
    const { at, layout, rows } = maps[map]!;
    if (rows) taken += rows.compute(to, map, taken);
    else for (let i = 0; i < to.count; i++) if (to.maps[i] === map) to.rows[i] = at + to.cells[i]! * layout.cell;
  }
}

/** Fills the candidates' boxes: from the cells' distances, taken back from the letterbox to frame pixels, clipped to the placed part. */
export function locate(to: Candidates, values: Float32Array, maps: readonly HeadMap[], placement: Placement): void {
  findRows(to, maps);
  const { sourceX, sourceY, sourceWidth, sourceHeight, left, top, width, height } = placement;
  const xScale = sourceWidth / width;
  const yScale = sourceHeight / height;
  for (let i = 0; i < to.count; i++) {
    const { stride, layout, width: columns } = maps[to.maps[i]!]!;
    const cell = to.cells[i]!;
    const from = to.rows[i]!;
    const row = Math.floor(cell / columns);
    const x = ((cell - row * columns + layout.point) * stride - left) * xScale;
    const y = ((row + layout.point) * stride - top) * yScale;
    const box = 4 * i;
    to.boxes[box] = sourceX + clamp(x - distance(values, from, layout, 0) * stride * xScale, 0, sourceWidth);
    to.boxes[box + 1] = sourceY + clamp(y - distance(values, from, layout, 1) * stride * yScale, 0, sourceHeight);
    to.boxes[box + 2] = sourceX + clamp(x + distance(values, from, layout, 2) * stride * xScale, 0, sourceWidth);
    to.boxes[box + 3] = sourceY + clamp(y + distance(values, from, layout, 3) * stride * yScale, 0, sourceHeight);
  }
}

/** The points of a candidate that was located, in frame pixels; undefined where the layout has none. */
export function pointsOf(
  { cells, maps: of, rows }: Candidates,
  candidate: number,
  values: Float32Array,
  maps: readonly HeadMap[],
  { sourceX, sourceY, sourceWidth, sourceHeight, left, top, width, height }: Placement,
): Point[] | undefined {
  const { stride, layout, width: columns } = maps[of[candidate]!]!;
  if (!layout.points) return undefined;
  const cell = cells[candidate]!;
  const from = rows[candidate]!;
  const row = Math.floor(cell / columns);
  const { first, mirror } = layout.points;
  const size = boxSize(values, from, layout);
  return mirror.map((_, i) => ({
    x: sourceX + ((cell - row * columns + layout.point + size * values[from + first + 2 * i]!) * stride - left) * (sourceWidth / width),
    y: sourceY + ((row + layout.point + size * values[from + first + 2 * i + 1]!) * stride - top) * (sourceHeight / height),
  }));
}

function clamp(v: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, v));
}

/**
 * How far an edge lies from a cell's point, in strides.
 * @param cell where the cell begins in `values`
 * @param side 0 left, 1 top, 2 right, 3 bottom
 */
export function distance(values: Float32Array, cell: number, { box, bins }: HeadLayout, side: number): number {
  if (bins === 0) return exp(clamp(values[cell + box + side]!, LOG_DISTANCE[0], LOG_DISTANCE[1]));
  return meanBin(values, cell + box + side * bins, bins);
}

/** The size of a cell's box, in strides: the root of its area. @param cell where the cell begins in `values` */
export function boxSize(values: Float32Array, cell: number, layout: HeadLayout): number {
  const side = (from: number, to: number): number => distance(values, cell, layout, from) + distance(values, cell, layout, to);
  return Math.sqrt(side(0, 2) * side(1, 3));
}

/** The mean of the numbers 0..bins - 1 under the softmax of the `bins` logits from index `first` on. */
export function meanBin(values: Float32Array, first: number, bins: number): number {
  let most = values[first]!;
  for (let i = 1; i < bins; i++) if (values[first + i]! > most) most = values[first + i]!;
  let sum = 0;
  let mean = 0;
  for (let i = 0; i < bins; i++) {
    const share = exp(values[first + i]! - most);
    sum += share;
    mean += i * share;
  }
  return mean / sum;
}
