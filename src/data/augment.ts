import type { Box } from "../core/box.js";
import type { Frame } from "../core/frame.js";
import type { Random } from "../core/random.js";
import type { Task } from "../core/task.js";
import { INPUT_ZERO } from "../graph/graph.js";
import { GREY, type Placement, resampled } from "../image/letterbox.js";
import type { Engine } from "../wasm/load.js";
import { type Sample, TEACHER_WEIGHT } from "./dataset.js";
import type { Example } from "./example.js";

/** A picture with its labels. */
export interface Picture {
  frame: Frame;
  sample: Sample;
}

/** A part of the input: all of it for one picture, a quarter of it in a mosaic. */
interface Window {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Share of the examples that are mosaics of four pictures. */
const MOSAIC = 0.25;
/** Power of two by which a picture's aspect changes at most: half of it to each side. */
const STRETCH = 0.2;
/** Powers of two by which it is scaled relative to its best fit: alone, in a mosaic, and where it must stay whole, even if stretched. */
const ZOOM = { alone: [-0.5, 1], mosaic: [-0.3, 0.8], whole: [-0.5, -STRETCH / 2], allWhole: [-0.5, 0] } as const;
/** The largest factor by which a side of a picture grows relative to its best fit into the input. */
export const LARGEST_ZOOM = 2 ** (ZOOM.alone[1] + STRETCH / 2);
/** A box of which less than this share stays in view becomes an ignored region. */
const IN_VIEW = 0.3;
/** Points are taught where at least this share of the box stays in view: they are measured by the box, which ends at the input's edge. */
const POINTS_IN_VIEW = 0.8;
/** A box with a side below this many input pixels is dropped. */
const SMALLEST = 2;
/** Colour: ranges of saturation and contrast (factors) and brightness (bytes). */
const SATURATION = [0.4, 1.5] as const;
const CONTRAST = [0.7, 1.3] as const;
const BRIGHTNESS = 32;

/** How many pictures each of `count` examples is made of: 1, or 4 for a mosaic; where pictures stay `whole` always 1. */
export function drawRecipe(random: Random, count: number, whole = false): number[] {
  return Array.from({ length: count }, () => (!whole && random.chance(MOSAIC) ? 4 : 1));
}

function windowsOf(pictures: number, width: number, height: number, random: Random): Window[] {
  if (pictures === 1) return [{ left: 0, top: 0, width, height }];
  const x = Math.floor(width * random.uniform(0.35, 0.65));
  const y = Math.floor(height * random.uniform(0.35, 0.65));
  return [
    { left: 0, top: 0, width: x, height: y },
    { left: x, top: 0, width: width - x, height: y },
    { left: 0, top: y, width: x, height: height - y },
    { left: x, top: y, width: width - x, height: height - y },
  ];
}

/** Where a picture is placed in a window, and how its pixels map there: x' = x * scaleX + x0 (mirrored within the window if `flip`). */
function place(
  frame: Frame,
  window: Window,
  kind: keyof typeof ZOOM,
  random: Random,
): { placement: Placement; scaleX: number; scaleY: number; x0: number; y0: number } {
  const scale = Math.min(window.width / frame.width, window.height / frame.height) * 2 ** random.uniform(...ZOOM[kind]);
  const stretch = 2 ** random.uniform(-STRETCH, STRETCH);
  // a network for whole pictures must see them as large as later: stretching only shrinks a side
  const scaleX = scale * (kind === "allWhole" ? Math.min(1, stretch) : Math.sqrt(stretch));
  const scaleY = scale * (kind === "allWhole" ? Math.min(1, 1 / stretch) : 1 / Math.sqrt(stretch));
  const offset = (room: number, size: number): number => {
    const free = room - Math.max(1, Math.round(size));
    return Math.min(0, free) + random.below(Math.abs(free) + 1);
  };
  const x0 = offset(window.width, frame.width * scaleX);
  const y0 = offset(window.height, frame.height * scaleY);
  const sourceX = Math.max(0, -x0) / scaleX;
  const sourceY = Math.max(0, -y0) / scaleY;
  const sourceWidth = Math.min(frame.width, (window.width - x0) / scaleX) - sourceX;
  const sourceHeight = Math.min(frame.height, (window.height - y0) / scaleY) - sourceY;
  const left = Math.max(0, x0);
  const top = Math.max(0, y0);
  const width = Math.min(window.width - left, Math.max(1, Math.round(sourceWidth * scaleX)));
  const height = Math.min(window.height - top, Math.max(1, Math.round(sourceHeight * scaleY)));
  const flip = random.chance(0.5);
  const placement = {
    sourceX,
    sourceY,
    sourceWidth,
    sourceHeight,
    left: flip ? window.width - left - width : left,
    top,
    width,
    height,
    flip,
  };
  return { placement, scaleX, scaleY, x0, y0 };
}

/** Colour matrix of a picture for assembly/image/input.ts: saturation, then contrast about the mean, then brightness. */
function drawColour(pixels: Int8Array, random: Random): Float32Array {
  let sum = 0;
  for (let i = 0; i < pixels.length; i++) sum += pixels[i]!;
  const mean = sum / pixels.length;
  const saturation = random.uniform(...SATURATION);
  const contrast = random.uniform(...CONTRAST);
  const offset = mean * (1 - contrast) + random.uniform(-BRIGHTNESS, BRIGHTNESS);
  const other = (contrast * (1 - saturation)) / 3;
  const own = contrast * saturation + other;
  return Float32Array.of(own, other, other, 0, other, own, other, 0, other, other, own, 0, offset, offset, offset, 0);
}

/** The resampled window, into `pixels` of the whole input. */
function copyPixels(engine: Engine, frame: Frame, placement: Placement, window: Window, pixels: Int8Array, width: number): void {
  const row = 3 * window.width;
  resampled(engine, frame, placement, window, (out) => {
    for (let y = 0; y < window.height; y++)
      pixels.set(engine.memory.i8.subarray(out + y * row, out + (y + 1) * row), 3 * ((window.top + y) * width + window.left));
  });
}

/** What the network's heads ask of examples. */
export interface ExampleOptions {
  /** Every picture stays whole and alone, and is present what its label says is, however small: for heads that look at whole pictures. */
  whole?: boolean;
  /** Of points, which each becomes in the mirror, as `HeadLayout` has it; without it points are left out. */
  mirror?: readonly number[];
}

/** The square about marked points, twice as large as they reach. */
export function boxAbout(marked: readonly number[]): Box {
  const [x0, x1, y0, y1] = [0, 1].flatMap((axis) => {
    const values = marked.filter((_, i) => i % 2 === axis);
    return [Math.min(...values), Math.max(...values)];
  }) as [number, number, number, number];
  const reach = Math.max(x1 - x0, y1 - y0);
  return { x: (x0 + x1) / 2 - reach, y: (y0 + y1) / 2 - reach, width: 2 * reach, height: 2 * reach };
}

/**
 * One training example from one picture (scaled, stretched, cut, mirrored) or from four around a point (mosaic), with colours shifted.
 * A task that is "?" in one quarter of a mosaic is ignored there only. A teacher's label weighs `TEACHER_WEIGHT`, beside a person's in a mosaic as
 * much as that. A picture with a task that is only known to be present
 * ("true") stays whole, so that the thing stays in view; with `whole` every picture does, and is present what its label says is, however small.
 * @param pixels [height, width, 3], written
 */
export function makeExample(
  engine: Engine,
  pictures: readonly Picture[],
  tasks: readonly Task[],
  width: number,
  height: number,
  random: Random,
  pixels: Int8Array,
  { whole: allWhole = false, mirror }: ExampleOptions = {},
): Example {
  pixels.fill(GREY - INPUT_ZERO);
  const example: Example = {
    pixels,
    colour: new Float32Array(16),
    boxes: [],
    ...(mirror ? { points: [] } : {}),
    ignored: [],
    mapWeight: tasks.map(() => 0),
    presence: tasks.map(() => 0),
    presenceWeight: tasks.map(() => 0),
  };
  const windows = windowsOf(pictures.length, width, height, random);
  pictures.forEach(({ frame, sample }, i) => {
    const window = windows[i]!;
    const whole = tasks.some((task) => sample.labels[task] === true);
    const kind = allWhole ? "allWhole" : pictures.length > 1 ? "mosaic" : whole ? "whole" : "alone";
    const { placement, scaleX, scaleY, x0, y0 } = place(frame, window, kind, random);
    copyPixels(engine, frame, placement, window, pixels, width);
    const unitX = (frame.width / sample.width) * scaleX;
    const unitY = (frame.height / sample.height) * scaleY;
    const across = (x: number): number => (placement.flip ? window.width - (x * unitX + x0) : x * unitX + x0) + window.left;
    const laid = (marked: readonly number[]): number[] =>
      mirror!.flatMap((partner, i) => {
        const from = placement.flip ? partner : i;
        return [across(marked[2 * from]!), marked[2 * from + 1]! * unitY + y0 + window.top];
      });
    const lay = (task: number, box: Box, ignore: boolean, marked: readonly number[] | null = null): void => {
      let left = box.x * unitX + x0;
      let right = (box.x + box.width) * unitX + x0;
      if (placement.flip) [left, right] = [window.width - right, window.width - left];
      const top = box.y * unitY + y0;
      const bottom = (box.y + box.height) * unitY + y0;
      const [l, t, r, b] = [Math.max(0, left), Math.max(0, top), Math.min(window.width, right), Math.min(window.height, bottom)];
      if (r - l < SMALLEST || b - t < SMALLEST) return;
      const inView = ((r - l) * (b - t)) / ((right - left) * (bottom - top));
      const hidden = inView < IN_VIEW;
      if (!(ignore || hidden)) example.points?.push(marked && inView >= POINTS_IN_VIEW ? laid(marked) : null);
      (ignore || hidden ? example.ignored : example.boxes).push(task, l + window.left, t + window.top, r + window.left, b + window.top);
    };
    tasks.forEach((task, t) => {
      const label = sample.labels[task] ?? null;
      for (const box of sample.ignore[task] ?? []) lay(t, box, true);
      if (Array.isArray(label)) {
        for (const [i, box] of label.entries()) lay(t, box, false, sample.points?.[task]?.[i]);
        example.mapWeight[t] = Math.max(example.mapWeight[t]!, sample.from?.[task] === undefined ? 1 : TEACHER_WEIGHT);
      } else if (pictures.length > 1)
        example.ignored.push(t, window.left, window.top, window.left + window.width, window.top + window.height);
      else if (label === true) {
        example.presence[t] = 1;
        example.presenceWeight[t] = 1;
        // the box about the points only says which cells answer for them: the task's map and boxes stay masked
        if (mirror) for (const marked of sample.points?.[task] ?? []) if (marked) lay(t, boxAbout(marked), false, marked);
      }
    });
  });
  // where something is boxed it is present; where only an ignored region is in view, presence is unknown
  tasks.forEach((task, t) => {
    if (example.mapWeight[t] === 0) return;
    const present = allWhole ? isPresent(pictures[0]!.sample, task) : hasRow(example.boxes, t);
    example.presence[t] = present ? 1 : 0;
    example.presenceWeight[t] = present || !hasRow(example.ignored, t) ? example.mapWeight[t]! : 0;
  });
  example.colour = drawColour(pixels, random);
  return example;
}

function isPresent({ labels }: Sample, task: Task): boolean {
  const label = labels[task] ?? null;
  return label === true || (label !== null && label.length > 0);
}

function hasRow(rows: readonly number[], task: number): boolean {
  for (let i = 0; i < rows.length; i += 5) if (rows[i] === task) return true;
  return false;
}
