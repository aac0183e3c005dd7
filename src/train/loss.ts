import { ROW, type Truth } from "../data/example.js";
import { boxSize } from "../detect/decode.js";
import { BOX_MAPS, type HeadLayout, type HeadMaps } from "../model/head.js";
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
/**
 * Of the points' term, which is divided by the quality of the cells with points, but by no less than `MIN_TOTAL`. Its errors are small numbers: of 8 faces learned by heart
 * in 300 steps the points' error was 0.25 with 2, 0.24 with 10 and 0.21 with 40; all were found.
 */
const POINTS = 40;
/** The map and box terms are divided by the batch's total quality, but by no less than this. */
const MIN_TOTAL = 4;

/** What the terms are divided by: the labelled cells' quality, all together, and how many presences are known (of heads without boxes: pictures). */
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
  /** For points: an entry's gain (the size of its cell's box in those of its object), and room for one entry's points each. */
  gain: number;
  points: number;
}

/** Cells of the largest map of a plan, all pictures together. */
export function largestMap({ plan, outputs }: Pick<LossMaps, "plan" | "outputs">): number {
  return Math.max(...outputs.map(({ height, width }) => plan.batch * height * width));
}

/** How much memory `reserveLoss` takes. */
export function lossBytes(cells: number, { points }: Pick<HeadLayout, "points">): number {
  return 4 * roomFor(4 * cells) + roomFor(16 * cells) + (points ? roomFor(4 * cells) + roomFor(8 * points.mirror.length * cells) : 0);
}

/** Reserves the lists for maps of at most `cells` cells. */
export function reserveLoss({ memory }: Engine, cells: number, { points }: Pick<HeadLayout, "points"> = BOX_MAPS.layout): LossBuffers {
  return {
    quality: memory.reserve(4 * cells),
    weight: memory.reserve(4 * cells),
    cell: memory.reserve(4 * cells),
    target: memory.reserve(16 * cells),
    listWeight: memory.reserve(4 * cells),
    gain: points ? memory.reserve(4 * cells) : 0,
    points: points ? memory.reserve(8 * points.mirror.length * cells) : 0,
  };
}

/**
 * The multi-task cost of a batch and its gradient: for every picture the sum over the labelled tasks of a quality-aware logistic loss on
 * the maps, 1 - GIoU on the boxes (with a cross entropy where sides are distributions) and a logistic loss on the largest logit (presence). A task whose `mapWeight` (`presenceWeight`) is 0
 * adds nothing and its head receives exactly 0 from that picture.
 * Reads the program's outputs, writes all of its `dOutputs`.
 * Outputs of the layout other than logit, box and points get a gradient of exactly 0. The points' loss counts
 * wherever an object's points are known, its box or not. Heads without boxes have the cost of `presenceCost`.
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
  if (layout.box < 0) return presenceCost({ kernels, memory }, program, buffers, examples, tasks, layout);
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

  const step = 4 * layout.cell;
  /** The loss of the points on one map: of all cells that answer for an object with points, whether its box is known or not. */
  const marked = layout.points ? markedTotal(examples, targets) : 0;
  const pointsOf = (task: number, level: number, first: number, dOffset: number, offset: number): number => {
    if (!layout.points || marked === 0) return 0;
    const { height, width } = outputs[level * tasks]!;
    const count = 2 * layout.points.mirror.length;
    const stride = strides[level]!;
    let n = 0;
    examples.forEach(({ boxes, points }, picture) => {
      const { quality, cells, rows } = targets[picture]![task]!;
      cells.forEach((cell, i) => {
        const values = points?.[rows[i]!];
        const inLevel = cell - first;
        if (!values || inLevel < 0 || inLevel >= height * width) return;
        const [x, y] = [((inLevel % width) + layout.point) * stride, (Math.floor(inLevel / width) + layout.point) * stride];
        const [, x0, y0, x1, y1] = boxes.slice(ROW * rows[i]!) as [number, number, number, number, number];
        i32[(buffers.cell >> 2) + n] = picture * height * width + inLevel;
        f32[(buffers.listWeight >> 2) + n] = quality[cell]!;
        const size = Math.sqrt((x1 - x0) * (y1 - y0));
        const own = (offset >> 2) + (picture * height * width + inLevel) * layout.cell;
        f32[(buffers.gain >> 2) + n] = (boxSize(f32, own, layout) * stride) / size;
        values.forEach((value, k) => {
          f32[(buffers.points >> 2) + n * count + k] = (value - (k % 2 === 0 ? x : y)) / size;
        });
        n++;
      });
    });
    const at = 4 * layout.points.first;
    const { cell, points, gain, listWeight } = buffers;
    return kernels.pointLoss(
      dOffset + at,
      offset + at,
      cell,
      points,
      gain,
      listWeight,
      n,
      step,
      count,
      POINTS / Math.max(MIN_TOTAL, marked),
    );
  };

  let start = 0;
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
      losses[task]! += pointsOf(task, level, start, dOffset, offset);
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

/** The quality of all cells that answer for an object with points. */
function markedTotal(examples: readonly Truth[], targets: readonly (readonly Target[])[]): number {
  let total = 0;
  examples.forEach(({ points }, picture) => {
    for (const { quality, cells, rows } of targets[picture]!)
      cells.forEach((cell, i) => {
        if (points?.[rows[i]!]) total += quality[cell]!;
      });
  });
  return total;
}

/**
 * The plain multi-task cost of heads that look at the whole picture, and its gradient: the mean over the pictures of the sum over the labelled tasks of
 * logistic losses, w (-t log p - (1 - t) log(1 - p)). A task whose `presenceWeight` w is 0 ("?") adds nothing.
 * source: Caruana 1997, Multitask Learning; with missing labels left out
 */
function presenceCost(
  { kernels, memory }: Pick<Engine, "kernels" | "memory">,
  { outputs, dOutputs }: LossMaps,
  { cell, target, listWeight }: LossBuffers,
  examples: readonly Truth[],
  tasks: number,
  layout: HeadLayout,
): StepLoss {
  const count = examples.length;
  const step = 4 * layout.cell;
  const losses = Array.from({ length: tasks }, (_, task) => {
    examples.forEach(({ presence, presenceWeight }, picture) => {
      memory.i32[(cell >> 2) + picture] = picture;
      memory.f32[(target >> 2) + picture] = presence[task]!;
      memory.f32[(listWeight >> 2) + picture] = presenceWeight[task]!;
    });
    const dOffset = dOutputs[task]!;
    memory.u8.fill(0, dOffset, dOffset + count * step);
    return kernels.presenceLoss(dOffset, outputs[task]!.offset, cell, target, listWeight, count, step, 1 / count);
  });
  return { tasks: losses, total: losses.reduce((a, b) => a + b, 0), divisors: { quality: 0, known: count } };
}
