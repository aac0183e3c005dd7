// Matching of detections to labelled boxes and average precision, by COCO's rules (pycocotools 2.0, cocoeval.py, area range "all"):
//   - a picture keeps a task's 100 highest scores (ties: the earlier detection first);
//   - in that order each detection takes the free box it overlaps most, if by at least the threshold (ties: the later box);
//   - an ignored region (iscrowd) is only asked when no labelled box fits, can be taken often, and measures the overlap by
//     the detection's own area; what it takes is neither right nor wrong;
//   - precision is read at 101 recalls from the curve's upper envelope; AP is the mean over the overlaps .50, .55 .. .95.
// test/golden/metrics.py holds these to pycocotools.

import { type Box, iou } from "../core/box.js";
import type { DetectedObject } from "../core/detection.js";
import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";

/** What a model said of one picture: objects down to a low score (in any order) and one probability a task. */
export interface Found {
  objects: readonly DetectedObject[];
  presence: Record<Task, number>;
}

/** At most this many detections of a task in one picture are scored (COCO's maxDets). */
const MAX_DETECTIONS = 100;

/** The overlaps (IoU) that AP is the mean over: .50, .55 .. .95, to the bit those of numpy.linspace(.5, .95, 10). */
export const OVERLAPS: readonly number[] = Array.from({ length: 10 }, (_, i) => (i === 9 ? 0.95 : i * ((0.95 - 0.5) / 9) + 0.5));

/** The recalls at which precision is read: 0, .01 .. 1, to the bit those of numpy.linspace(0, 1, 101). */
const RECALLS: readonly number[] = Array.from({ length: 101 }, (_, i) => i * 0.01);

/** The verdict on a detection that no labelled box fits. */
export const WRONG = 0;
/** The verdict on a detection that took a labelled box. */
export const RIGHT = 1;
/** The verdict on a detection that an ignored region took: not counted. */
export const IGNORED = 2;

/** All detections of one task over a set of pictures, held against the labels. Detections come in falling order of score. */
export interface Matches {
  /** How many labelled boxes there are to be found. */
  boxes: number;
  scores: Float64Array;
  /** The sample and the box of each detection. */
  pictures: Int32Array;
  found: Box[];
  /** verdicts[overlap][detection]: WRONG, RIGHT or IGNORED. */
  verdicts: Uint8Array[];
  /** Every labelled box, and the score and IoU of the detection that took it at the first overlap; null if none did. */
  truths: { picture: number; box: Box; score: number | null; overlap: number | null }[];
}

/** Throws E_ARGUMENT unless there is one answer a sample. */
export function checkFound(where: string, samples: readonly Sample[], found: readonly Found[]): void {
  if (samples.length !== found.length)
    throw new FourwayError(
      "E_ARGUMENT",
      `${where}: expected one answer a sample, got ${found.length} for ${samples.length} samples; pass found[i] for samples[i]`,
    );
}

/** The task's highest scores in one picture, in COCO's order. Throws E_ARGUMENT at a number that is not finite. */
function highest(task: Task, picture: number, objects: readonly DetectedObject[]): DetectedObject[] {
  const mine = objects.filter((object) => object.task === task);
  for (const { score, box } of mine)
    if (!Number.isFinite(score + box.x + box.y + box.width + box.height))
      throw new FourwayError(
        "E_ARGUMENT",
        `metrics: expected finite scores and boxes, got score ${score} at [${box.x}, ${box.y}, ${box.width}, ${box.height}] for ${task} in sample ${picture}; the model's output is broken`,
      );
  return mine.sort((a, b) => b.score - a.score).slice(0, MAX_DETECTIONS);
}

/** The share of a detection inside an ignored region, 0..1. */
function inside(box: Box, region: Box): number {
  const width = Math.min(box.x + box.width, region.x + region.width) - Math.max(box.x, region.x);
  const height = Math.min(box.y + box.height, region.y + region.height) - Math.max(box.y, region.y);
  return width <= 0 || height <= 0 ? 0 : (width * height) / (box.width * box.height);
}

/** Overlaps of each detection with each labelled box and then each ignored region, [detections, boxes + regions]. */
function overlapTable(detections: readonly DetectedObject[], boxes: readonly Box[], regions: readonly Box[]): Float64Array {
  const columns = boxes.length + regions.length;
  const table = new Float64Array(detections.length * columns);
  detections.forEach(({ box }, row) => {
    for (let i = 0; i < boxes.length; i++) table[row * columns + i] = iou(box, boxes[i]!);
    for (let i = 0; i < regions.length; i++) table[row * columns + boxes.length + i] = inside(box, regions[i]!);
  });
  return table;
}

/**
 * COCO's greedy matching in one picture at one overlap: for each row of the table the column it takes, or -1.
 * The first `boxes` columns are labelled boxes, the others ignored regions.
 */
function greedy(table: Float64Array, rows: number, columns: number, boxes: number, overlap: number): Int32Array {
  const takes = new Int32Array(rows).fill(-1);
  const taken = new Uint8Array(boxes);
  for (let row = 0; row < rows; row++) {
    let best = overlap;
    let take = -1;
    for (let column = 0; column < columns; column++) {
      if (column < boxes && taken[column]) continue;
      if (column >= boxes && take >= 0 && take < boxes) break;
      const value = table[row * columns + column]!;
      if (value < best) continue;
      best = value;
      take = column;
    }
    takes[row] = take;
    if (take >= 0 && take < boxes) taken[take] = 1;
  }
  return takes;
}

/**
 * Holds a task's detections against the labels, in the pictures where all its instances are boxed; pictures labelled null
 * or `true` are left out.
 * @param overlaps the IoU that a detection must reach; one list of verdicts for each.
 * Throws E_ARGUMENT where a score or box is not finite, or `found` does not fit `samples`.
 */
export function matchTask(
  task: Task,
  samples: readonly Sample[],
  found: readonly Found[],
  overlaps: readonly number[] = OVERLAPS,
): Matches {
  checkFound("metrics", samples, found);
  const kept = samples.map((sample, i) => (Array.isArray(sample.labels[task]) ? highest(task, i, found[i]!.objects) : []));
  const flat = kept.flatMap((objects, picture) => objects.map(({ score, box }) => ({ score, box, picture })));
  const verdicts = overlaps.map(() => new Uint8Array(flat.length));
  const truths: Matches["truths"] = [];
  let start = 0;
  samples.forEach((sample, picture) => {
    const boxes = sample.labels[task];
    if (!Array.isArray(boxes)) return;
    const mine = kept[picture]!;
    const regions = sample.ignore[task] ?? [];
    const columns = boxes.length + regions.length;
    const table = overlapTable(mine, boxes, regions);
    const taken: { score: number | null; overlap: number | null }[] = boxes.map(() => ({ score: null, overlap: null }));
    overlaps.forEach((overlap, o) => {
      const takes = greedy(table, mine.length, columns, boxes.length, overlap);
      takes.forEach((take, row) => {
        verdicts[o]![start + row] = take < 0 ? WRONG : take < boxes.length ? RIGHT : IGNORED;
        if (o === 0 && take >= 0 && take < boxes.length) taken[take] = { score: mine[row]!.score, overlap: table[row * columns + take]! };
      });
    });
    boxes.forEach((box, i) => {
      truths.push({ picture, box, ...taken[i]! });
    });
    start += mine.length;
  });
  const scores = Float64Array.from(flat, ({ score }) => score);
  const order = Uint32Array.from(flat.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  return {
    boxes: truths.length,
    scores: scores.map((_, i) => scores[order[i]!]!),
    pictures: Int32Array.from(order, (i) => flat[i]!.picture),
    found: Array.from(order, (i) => flat[i]!.box),
    verdicts: verdicts.map((list) => list.map((_, i) => list[order[i]!]!)),
    truths,
  };
}

/**
 * COCO's average precision at one overlap, 0..1; null where there is no labelled box.
 * @param verdicts WRONG, RIGHT or IGNORED for each detection, in falling order of score.
 */
export function averagePrecision(verdicts: Uint8Array, boxes: number): number | null {
  if (boxes === 0) return null;
  const recall = new Float64Array(verdicts.length);
  const precision = new Float64Array(verdicts.length);
  let right = 0;
  let wrong = 0;
  verdicts.forEach((verdict, i) => {
    if (verdict === RIGHT) right++;
    else if (verdict === WRONG) wrong++;
    recall[i] = right / boxes;
    precision[i] = right === 0 ? 0 : right / (wrong + right);
  });
  for (let i = verdicts.length - 1; i > 0; i--) precision[i - 1] = Math.max(precision[i - 1]!, precision[i]!);
  let sum = 0;
  let at = 0;
  for (const wanted of RECALLS) {
    while (at < recall.length && recall[at]! < wanted) at++;
    if (at === recall.length) break;
    sum += precision[at]!;
  }
  return sum / RECALLS.length;
}
