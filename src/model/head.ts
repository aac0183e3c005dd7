import { FourwayError } from "../core/errors.js";
import { stored } from "../ops/layout.js";

/** A named run of channels that a head gives for each cell, such as `["box", 4]` or `["bins", 32]`. */
export type HeadOutput = readonly [name: string, channels: number];

/** Where a cell's points are. */
export interface PointRows {
  /** First channel of x and y of each point, from the cell's point, in sizes of the cell's box (the root of its area). */
  first: number;
  /** Which point each becomes in the mirror: of left eye, right eye and nose 1, 0, 2. */
  mirror: readonly number[];
}

/** What a head gives for each cell of its maps, and where it lies. */
export interface HeadLayout {
  /**
   * In the order of the channels; "logit" (1 channel) first, "box" (4) or "bins" (4 times as many as a side has) among the others, "points" (2 a point) too. The logit alone:
   * it answers for the whole picture, whether the task is there.
   */
  outputs: readonly HeadOutput[];
  /** Channels of a map. */
  channels: number;
  /** Floats from a cell to the next in memory, padding included. */
  cell: number;
  /** First channel of the distances to the left, top, right and bottom edge, in strides; -1 where there is no box. The logit is channel 0. */
  box: number;
  /** Logits of a side's distribution, whose mean bin is the distance; 0: a side is one channel, the logarithm of the distance. */
  bins: number;
  /** Points of an object (landmarks); undefined where there are none. */
  points?: PointRows;
  /** Where in its cell the point lies from which distances count, in strides from the cell's left and top edge. */
  point: number;
}

/** How a network's maps are made: their strides, fine to coarse, and the layout of their cells. Of a head without boxes the one stride is `WHOLE`. */
export interface HeadMaps {
  strides: readonly number[];
  layout: HeadLayout;
}

/** In place of a stride: one cell for the whole picture. */
export const WHOLE = 0;

/** The bins of a side are counted in vectors. */
const BINS_MULTIPLE = 4;
/** The most channels that a head may have. */
const MAX_CHANNELS = 256;
/** The coarsest stride that a network may have. */
const MAX_STRIDE = 256;

/**
 * The layout of a head with these outputs. Logarithms of distances count from the middle of a cell; bins count from its corner, as those of
 * generalized focal loss (arXiv 2006.04388) do.
 * @param mirror of the points: which each becomes in the mirror; without it each stays itself
 * @throws E_MODEL where "logit" is not the first, others come without "box" or "bins", or a name or size is wrong
 */
export function headLayout(outputs: readonly HeadOutput[], mirror?: readonly number[]): HeadLayout {
  const names = outputs.map(([name]) => name);
  const channels = outputs.reduce((sum, [, count]) => sum + count, 0);
  const at = names.findIndex((name) => name === "box" || name === "bins");
  const sides = outputs[at]?.[1] ?? 0;
  const bins = names[at] === "bins" ? sides / 4 : 0;
  const boxed = outputs.length > 1;
  const wrong =
    names[0] !== "logit" ||
    outputs[0]![1] !== 1 ||
    (boxed && (bins === 0 ? sides !== 4 : bins % BINS_MULTIPLE !== 0)) ||
    (names.includes("box") && names.includes("bins")) ||
    new Set(names).size !== names.length ||
    !outputs.every(([, count]) => Number.isInteger(count) && count > 0) ||
    channels > MAX_CHANNELS;
  if (wrong)
    throw new FourwayError(
      "E_MODEL",
      `head: expected the output ["logit", 1], alone or with ["box", 4] or ["bins", a multiple of 16] and others of different names, ${MAX_CHANNELS} channels at most, got ${JSON.stringify(outputs)}; begin with the logit`,
    );
  const first = (index: number): number => outputs.slice(0, index).reduce((sum, [, count]) => sum + count, 0);
  const layout = { outputs, channels, cell: stored(channels), box: boxed ? first(at) : -1, bins, point: bins === 0 ? 0.5 : 0 };
  const rows = names.indexOf("points");
  if (rows < 0) return layout;
  const count = outputs[rows]![1] / 2;
  const partners = mirror ?? Array.from({ length: count }, (_, i) => i);
  if (!Number.isInteger(count) || partners.length !== count || !partners.every((other, i) => partners[other] === i))
    throw new FourwayError(
      "E_MODEL",
      `head: expected points of two channels each and for each the one that it becomes in the mirror, got ${outputs[rows]![1]} channels and ${partners.join(", ")}; such as 10 and 1, 0, 2, 4, 3`,
    );
  return { ...layout, points: { first: first(rows), mirror: partners } };
}

/** Strides of the maps of the shipped models, and of any model whose file says nothing else. */
export const STRIDES: readonly number[] = [8, 16, 32];

/** Head of the shipped models: the logit, then the four log distances. */
export const BOX_HEAD = headLayout([
  ["logit", 1],
  ["box", 4],
]);

/**
 * The head whose sides are distributions over `bins` distances, 0 to bins - 1 strides; of 0 bins the one of the shipped models.
 * @param mirror of the points that it gives for each object too, as `headLayout` takes it
 * @throws E_MODEL
 */
export function boxHead(bins: number, mirror?: readonly number[]): HeadLayout {
  const boxes: HeadOutput = bins === 0 ? ["box", 4] : ["bins", 4 * bins];
  if (mirror) return headLayout([["logit", 1], boxes, ["points", 2 * mirror.length]], mirror);
  return bins === 0 ? BOX_HEAD : headLayout([["logit", 1], boxes]);
}

/** The maps of the shipped models. */
export const BOX_MAPS: HeadMaps = { strides: STRIDES, layout: BOX_HEAD };

/** The head that says for a whole picture whether the task is there: one logit, no boxes. */
export const PRESENCE_MAPS: HeadMaps = { strides: [WHOLE], layout: headLayout([["logit", 1]]) };

/** What heads answer: boxes, or one logit a task for the whole picture. */
export type HeadKind = "boxes" | "presence";

/** Every kind of head. */
export const HEAD_KINDS: readonly HeadKind[] = ["boxes", "presence"];

/** Throws E_MODEL unless the strides double from 8, 16 or 32 on; of a head without boxes, unless it is `WHOLE` alone. */
export function checkMaps({ strides, layout }: HeadMaps): void {
  if (layout.box < 0) {
    if (strides.length !== 1 || strides[0] !== WHOLE)
      throw new FourwayError(
        "E_MODEL",
        `strides: expected ${WHOLE} alone for a head without boxes, got ${strides.join(", ")}; such a head looks at the whole picture`,
      );
    return;
  }
  const wrong =
    !STRIDES.includes(strides[0]!) || strides.some((stride, i) => i > 0 && stride !== 2 * strides[i - 1]!) || strides.at(-1)! > MAX_STRIDE;
  if (wrong)
    throw new FourwayError(
      "E_MODEL",
      `strides: expected 8, 16 or 32 and then each twice the one before, ${MAX_STRIDE} at most, got ${strides.join(", ")}; such as ${STRIDES.join(", ")}`,
    );
}
