import type { Truth } from "../data/example.js";
import { BOX_MAPS, type HeadMaps } from "../model/head.js";
import type { TrainingProgram } from "../program/training.js";
import type { Engine } from "../wasm/load.js";
import { roomFor } from "../wasm/memory.js";
import { assign, type Level, type Target } from "./targets.js";

/** Of the box term where sides are distributions: the cross entropy's weight beside 1 - GIoU. */
const BINS = 0.125;
/** Weights of the three terms. */
const MAP = 2;
const BOX = 2;
const PRESENCE = 0.25;
/** The map and box terms are divided by the batch's total quality, but by no less than this. */
const MIN_TOTAL = 4;

/** What the terms are divided by: the labelled cells' quality, all together, and how many presences are known. */
export interface Divisors {
  quality: number;
  known: number;
}

/** A step's loss, already weighted: a task each (map + box + presence). */
export interface StepLoss {
  tasks: number[];
  total: number;
  /** Of these examples alone. */
  divisors: Divisors;
}

/** What is known of a picture, and of some tasks what their maps should answer: boxes and ignored regions are not asked for these. */
export interface Taught extends Truth {
  /** A task each. */
  targets?: readonly (Target | undefined)[];
}

/** The maps that the loss reads and the gradients that it writes, as a `TrainingProgram` has them. */
type LossMaps = Pick<TrainingProgram, "outputs" | "dOutputs"> & { plan: { batch: number } };

/** Lists in the kernels' memory that the loss kernels read; reserved once for the largest plan. */
export interface LossBuffers {
  quality: number;
  weight: number;
  cell: number;
  target: number;
  listWeight: number;
}

/** Cells of the largest map of a plan, all pictures together. */
export function largestMap({ plan, outputs }: Pick<LossMaps, "plan" | "outputs">): number {
  return Math.max(...outputs.map(({ height, width }) => plan.batch * height * width));
}

/** How much memory `reserveLoss` takes. */
export function lossBytes(cells: number): number {
  return 4 * roomFor(4 * cells) + roomFor(16 * cells);
}

/** Reserves the lists for maps of at most `cells` cells. */
export function reserveLoss({ memory }: Engine, cells: number): LossBuffers {
  return {
    quality: memory.reserve(4 * cells),
    weight: memory.reserve(4 * cells),
    cell: memory.reserve(4 * cells),
    target: memory.reserve(16 * cells),
    listWeight: memory.reserve(4 * cells),
  };
}

/**
 * The multi-task cost of a batch and its gradient: for every picture the sum over the labelled tasks of a quality-aware logistic loss on
 * the maps, 1 - GIoU on the boxes (with a cross entropy where sides are distributions) and a logistic loss on the largest logit (presence). A task whose `mapWeight` (`presenceWeight`) is 0
 * adds nothing and its head receives exactly 0 from that picture.
 * Reads the program's outputs, writes all of its `dOutputs`.
 * Outputs of the layout other than the logit and the box get a gradient of exactly 0.
 * @param tasks how many; outputs are ordered as `buildNetwork` makes them
 * @param rest of the batch, where its gradients are added up in several calls
 */
export function multiTaskLoss(
  { kernels, memory }: Engine,
  program: LossMaps,
  buffers: LossBuffers,
  examples: readonly Taught[],
  tasks: number,
  { strides, layout }: HeadMaps = BOX_MAPS,
  rest: Divisors = { quality: 0, known: 0 },
): StepLoss {
  const { outputs, dOutputs } = program;
  const { f32, i32 } = memory;
  const size = (level: number): number => outputs[level * tasks]!.height * outputs[level * tasks]!.width;
  const levelsOf = (picture: number, task: number): Level[] =>
    strides.map((stride, level) => {
      const { offset, height, width } = outputs[level * tasks + task]!;
      return { values: f32, at: (offset >> 2) + picture * height * width * layout.cell, height, width, stride, layout };
    });

  const targets = examples.map((example, picture) =>
    example.mapWeight.map((_, task) => example.targets?.[task] ?? assign(levelsOf(picture, task), example, task)),
  );
  let total = 0;
  let known = 0;
  examples.forEach(({ mapWeight, presenceWeight }, picture) => {
    mapWeight.forEach((weight, task) => {
      if (weight > 0) for (const q of targets[picture]![task]!.quality) total += q * weight;
    });
    for (const weight of presenceWeight) known += weight;
  });
  const scale = 1 / Math.max(MIN_TOTAL, total + rest.quality);
  const presenceScale = PRESENCE / Math.max(1, known + rest.known);

  const losses = new Array<number>(tasks).fill(0);
  // presence: the largest logit that is not masked, of each picture and task
  const peaks = examples.map((example, picture) =>
    example.presenceWeight.map((weight, task) => {
      if (weight === 0) return undefined;
      const { skip } = targets[picture]![task]!;
      let best = -Infinity;
      let at: { level: number; cell: number } | undefined;
      let start = 0;
      levelsOf(picture, task).forEach((level, l) => {
        const count = level.height * level.width;
        for (let cell = 0; cell < count; cell++) {
          const logit = level.values[level.at + cell * layout.cell]!;
          if (!skip[start + cell] && logit > best) {
            best = logit;
            at = { level: l, cell: picture * count + cell };
          }
        }
        start += count;
      });
      return at;
    }),
  );

  let start = 0;
  const step = 4 * layout.cell;
  strides.forEach((stride, level) => {
    const count = size(level);
    const { width } = outputs[level * tasks]!;
    for (let task = 0; task < tasks; task++) {
      const { offset } = outputs[level * tasks + task]!;
      const dOffset = dOutputs[level * tasks + task]!;
      const listed = { boxes: 0 };
      examples.forEach(({ mapWeight }, picture) => {
        const { quality, skip, cells, boxes } = targets[picture]![task]!;
        const weight = mapWeight[task]!;
        const first = picture * count;
        for (let cell = 0; cell < count; cell++) {
          f32[(buffers.quality >> 2) + first + cell] = quality[start + cell]!;
          f32[(buffers.weight >> 2) + first + cell] = skip[start + cell] ? 0 : weight;
        }
        if (weight === 0) return;
        cells.forEach((cell, i) => {
          const inLevel = cell - start;
          if (inLevel < 0 || inLevel >= count) return;
          const x = ((inLevel % width) + layout.point) * stride;
          const y = (Math.floor(inLevel / width) + layout.point) * stride;
          const n = listed.boxes++;
          i32[(buffers.cell >> 2) + n] = first + inLevel;
          f32[(buffers.listWeight >> 2) + n] = quality[cell]! * weight;
          const to = (buffers.target >> 2) + 4 * n;
          f32[to] = (x - boxes[4 * i]!) / stride;
          f32[to + 1] = (y - boxes[4 * i + 1]!) / stride;
          f32[to + 2] = (boxes[4 * i + 2]! - x) / stride;
          f32[to + 3] = (boxes[4 * i + 3]! - y) / stride;
        });
      });
      losses[task]! += kernels.mapLoss(dOffset, offset, buffers.quality, buffers.weight, examples.length * count, step, MAP * scale);
      const [dBox, box] = [dOffset + 4 * layout.box, offset + 4 * layout.box];
      const { cell, target, listWeight } = buffers;
      losses[task]! +=
        layout.bins === 0
          ? kernels.boxLoss(dBox, box, cell, target, listWeight, listed.boxes, step, BOX * scale)
          : kernels.binLoss(dBox, box, cell, target, listWeight, listed.boxes, step, layout.bins, BINS, BOX * scale);
      let n = 0;
      examples.forEach(({ presence, presenceWeight }, picture) => {
        const peak = peaks[picture]![task];
        if (peak?.level !== level) return;
        i32[(buffers.cell >> 2) + n] = peak.cell;
        f32[(buffers.target >> 2) + n] = presence[task]!;
        f32[(buffers.listWeight >> 2) + n++] = presenceWeight[task]!;
      });
      losses[task]! += kernels.presenceLoss(dOffset, offset, buffers.cell, buffers.target, buffers.listWeight, n, step, presenceScale);
    }
    start += count;
  });
  return { tasks: losses, total: losses.reduce((a, b) => a + b, 0), divisors: { quality: total, known } };
}
