import type { Box } from "../core/box.js";
import type { Point } from "../core/detection.js";
import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import { sha256 } from "../core/sha256.js";
import type { Task } from "../core/task.js";
import { boxAbout } from "../data/augment.js";
import type { Label, Sample } from "../data/dataset.js";
import type { Truth } from "../data/example.js";
import { clip } from "../data/read.js";
import type { Placement } from "../image/letterbox.js";
import type { HeadLayout } from "../model/head.js";
import type { ModelInfo } from "../model/model.js";

/** What a person said of a task where they did not look at the whole frame, such as by a tap. */
export interface PartialLabel {
  /** Boxes of the task. */
  yes?: readonly Box[];
  /** Regions where there is none: a box that is wrong, for one. */
  no?: readonly Box[];
}

/** What is known of a frame, a task each: as in a data set, or a part of it. A task that is missing is not known. Boxes in frame pixels. */
export type FrameLabels = Readonly<Record<Task, Label | PartialLabel>>;

/**
 * Points (landmarks) of a task's objects, x and y of each point in turn, in frame pixels: of a list of boxes (of a partial label: of `yes`) one entry a
 * box, of `true` one an object whose box is not given. null: not marked.
 */
export type FramePoints = Readonly<Record<Task, readonly (readonly number[] | null)[]>>;

/** What is known of a frame that is learned from; boxes in pixels of the input. */
export interface LearnSample {
  /** SHA-256 of its pixels and labels. */
  id: string;
  /** Of the input. */
  width: number;
  height: number;
  labels: Record<Task, Label>;
  ignore: Record<Task, Box[]>;
  /** Of the tasks whose points are known, as `FramePoints`; in pixels of the input. */
  points?: Record<Task, (number[] | null)[]>;
  /** Tasks that this frame measures and does not teach. */
  held: Task[];
  /** Tasks whose labels contradict the detector and wait for an answer. */
  asked: Task[];
  /** Whose labels they are, where they are not a person's: the name of the teacher that gave them, for each of its tasks. */
  from?: Record<Task, string>;
  /** SHA-256 of its pixels, where a teacher labelled it: a person's labels of the same picture take its place. */
  digest?: string;
}

/** A frame as the network sees it: [height, width, 3] signed bytes. */
export interface Picture {
  width: number;
  height: number;
  pixels: Int8Array;
}

/** A box with a side below this many input pixels teaches nothing. */
const SMALLEST = 2;

/** A box of a frame in pixels of the input. */
export function boxInInput(box: Box, { left, top, width, height, sourceWidth, sourceHeight }: Placement): Box {
  const [x, y] = [width / sourceWidth, height / sourceHeight];
  return { x: left + box.x * x, y: top + box.y * y, width: box.width * x, height: box.height * y };
}

/** Whether a box of the input teaches nothing. */
export function isTooSmall({ width, height }: Box): boolean {
  return width < SMALLEST || height < SMALLEST;
}

/** A box of the input in frame pixels. */
export function outOfInput({ x, y, width, height }: Box, placement: Placement): Box {
  const [sx, sy] = [placement.sourceWidth / placement.width, placement.sourceHeight / placement.height];
  return { x: (x - placement.left) * sx, y: (y - placement.top) * sy, width: width * sx, height: height * sy };
}

/** A point of the input in frame pixels. */
export function pointOutOfInput({ x, y }: Point, placement: Placement): Point {
  const box = outOfInput({ x, y, width: 0, height: 0 }, placement);
  return { x: box.x, y: box.y };
}

/** A rectangle without others, as rectangles: strips between all their edges. */
export function without(whole: Box, holes: readonly Box[]): Box[] {
  const cuts = (start: number, length: number, edges: number[]): number[] =>
    [...new Set([start, start + length, ...edges.filter((v) => v > start && v < start + length)])].sort((a, b) => a - b);
  const xs = cuts(
    whole.x,
    whole.width,
    holes.flatMap(({ x, width }) => [x, x + width]),
  );
  const ys = cuts(
    whole.y,
    whole.height,
    holes.flatMap(({ y, height }) => [y, y + height]),
  );
  const free: Box[] = [];
  for (let j = 0; j + 1 < ys.length; j++)
    for (let i = 0; i + 1 < xs.length; i++) {
      const [x, y] = [(xs[i]! + xs[i + 1]!) / 2, (ys[j]! + ys[j + 1]!) / 2];
      if (holes.some((hole) => x > hole.x && x < hole.x + hole.width && y > hole.y && y < hole.y + hole.height)) continue;
      free.push({ x: xs[i]!, y: ys[j]!, width: xs[i + 1]! - xs[i]!, height: ys[j + 1]! - ys[j]! });
    }
  return free;
}

const isBox = (box: Box): boolean => [box?.x, box?.y, box?.width, box?.height].every(Number.isFinite) && box.width > 0 && box.height > 0;

/**
 * A task's points in pixels of the input, as many entries as it has objects.
 * @param objects how many; undefined where their boxes are not given
 */
function pointsInInput(
  task: Task,
  points: readonly (readonly number[] | null)[],
  objects: number | undefined,
  placement: Placement,
  { points: rows }: HeadLayout,
): (number[] | null)[] {
  const count = rows?.mirror.length ?? 0;
  const isMarked = (marked: readonly number[] | null): boolean =>
    marked === null || (Array.isArray(marked) && count > 0 && marked.length === 2 * count && marked.every(Number.isFinite));
  if (!Array.isArray(points) || (objects !== undefined && points.length !== objects) || !points.every(isMarked))
    throw new FourwayError(
      "E_ARGUMENT",
      count === 0
        ? `add: expected no points for ${task}, got some; the model's heads give none`
        : `add: expected points for ${task} as ${objects ?? "some"} lists of ${count} times x and y, or null, got ${JSON.stringify(points)}; give one an object, in frame pixels`,
    );
  return points.map((marked) => {
    if (!marked) return null;
    return Array.from({ length: count }, (_, i) =>
      boxInInput({ x: marked[2 * i]!, y: marked[2 * i + 1]!, width: 0, height: 0 }, placement),
    ).flatMap(({ x, y }) => [x, y]);
  });
}

/**
 * Labels of a frame in the input's pixels. What a partial label leaves open, and what is too small for the input, is ignored.
 * @throws E_ARGUMENT for a task that is not the model's, a label of another kind, a box that is none or lies outside of the frame, or points that do
 * not fit labels or model
 */
export function labelsInInput(
  frame: Pick<Frame, "width" | "height">,
  placement: Placement,
  { labels, ignore, points = {} }: { labels: FrameLabels; ignore: Readonly<Record<Task, readonly Box[]>>; points?: FramePoints },
  { tasks, layout }: Pick<ModelInfo, "tasks" | "layout">,
): Pick<LearnSample, "labels" | "ignore" | "points"> {
  const placed: ReturnType<typeof labelsInInput> = { labels: {}, ignore: {} };
  for (const task of [...Object.keys(labels), ...Object.keys(ignore), ...Object.keys(points)])
    if (!tasks.includes(task))
      throw new FourwayError("E_ARGUMENT", `add: expected labels of ${tasks.join(", ")}, got one of "${task}"; fix the name, or addTask`);
  const checked = (task: Task, box: Box): Box => {
    const inFrame = isBox(box) ? clip(box, frame.width, frame.height) : null;
    if (!inFrame)
      throw new FourwayError(
        "E_ARGUMENT",
        `add: expected boxes { x, y, width, height } within ${frame.width} x ${frame.height} for ${task}, got ${JSON.stringify(box)}; give frame pixels`,
      );
    return boxInInput(inFrame, placement);
  };
  const whole = { x: 0, y: 0, width: frame.width, height: frame.height };
  for (const task of tasks) {
    const label = labels[task] ?? null;
    const regions = (ignore[task] ?? []).map((box) => checked(task, box));
    const marked = (objects?: number): (number[] | null)[] | undefined =>
      points[task] && pointsInInput(task, points[task], objects, placement, layout);
    if (label === null && points[task])
      throw new FourwayError("E_ARGUMENT", `add: expected a label of ${task} beside its points, got none; true says that it is there`);
    if (label === null || label === true) {
      if (label) placed.labels[task] = true;
      const own = marked();
      if (own) placed.points = { ...placed.points, [task]: own };
      continue;
    }
    if (typeof label !== "object")
      throw new FourwayError(
        "E_ARGUMENT",
        `add: expected a list of boxes, true, null or { yes, no } for ${task}, got ${typeof label}; see Label`,
      );
    const partial = Array.isArray(label) ? undefined : (label as PartialLabel);
    const boxes = (partial ? (partial.yes ?? []) : (label as Box[])).map((box) => checked(task, box));
    if (partial) {
      if (boxes.length === 0 && !partial.no?.length)
        throw new FourwayError("E_ARGUMENT", `add: expected a box in yes or no for ${task}, got none; [] says that the frame has none`);
      const known = (partial.no ?? []).map((box) => checked(task, box));
      regions.push(...without(boxInInput(whole, placement), known));
    }
    const own = marked(boxes.length)?.filter((_, i) => !isTooSmall(boxes[i]!));
    placed.labels[task] = boxes.filter((box) => !isTooSmall(box));
    if (own) placed.points = { ...placed.points, [task]: own };
    placed.ignore[task] = [...regions, ...boxes.filter(isTooSmall)];
  }
  return placed;
}

/** What a sample teaches of some tasks, or what it measures. */
export function truthOf(
  { labels, ignore, points, held, asked }: Pick<LearnSample, "labels" | "ignore" | "points" | "held" | "asked">,
  tasks: readonly Task[],
  measures = false,
): Truth {
  const truth: Truth = { boxes: [], ignored: [], mapWeight: [], presence: [], presenceWeight: [], ...(points ? { points: [] } : {}) };
  tasks.forEach((task, t) => {
    const label = held.includes(task) === measures && !asked.includes(task) ? (labels[task] ?? null) : null;
    const rows = (to: number[], boxes: readonly Box[]): void => {
      for (const { x, y, width, height } of boxes) to.push(t, x, y, x + width, y + height);
    };
    const [boxes, regions] = [Array.isArray(label) ? label : [], ignore[task] ?? []];
    // the boxes about points alone only say which cells answer for them: the task's map and boxes stay masked
    const about = label === true ? (points?.[task] ?? []).filter((marked) => marked !== null) : [];
    rows(truth.boxes, label === true ? about.map(boxAbout) : boxes);
    truth.points?.push(...(label === true ? about : boxes.map((_, i) => points?.[task]?.[i] ?? null)));
    if (label !== null) rows(truth.ignored, regions);
    truth.mapWeight.push(Array.isArray(label) ? 1 : 0);
    const present = label === true || boxes.length > 0;
    truth.presence.push(present ? 1 : 0);
    truth.presenceWeight.push(present || (Array.isArray(label) && regions.length === 0) ? 1 : 0);
  });
  return truth;
}

/** The sample as the metrics take it. */
export function asSample({ id, width, height, labels, ignore, points }: LearnSample): Sample {
  return { image: id, width, height, split: "train", group: id, set: "learn", labels, ignore, ...(points ? { points } : {}) };
}

/** A sample's bytes in a store: length of the head, its JSON, the pixels. */
export function encodeSample(head: Pick<Picture, "width" | "height">, pixels: Int8Array): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(4 + json.length + pixels.length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  bytes.set(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.length), 4 + json.length);
  return bytes;
}

/** What `encodeSample` wrote. @throws E_DATA where it is something else */
export function decodeSample<Head extends Pick<Picture, "width" | "height"> = LearnSample>(
  bytes: Uint8Array,
  where: string,
): { head: Head; pixels: Int8Array<ArrayBuffer> } {
  try {
    const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Head;
    const pixels = new Int8Array(bytes.slice(4 + length).buffer);
    if (pixels.length !== 3 * head.width * head.height) throw new Error(`${pixels.length} bytes of pixels`);
    return { head, pixels };
  } catch (cause) {
    throw new FourwayError(
      "E_DATA",
      `${where}: expected a frame of a learner, got "${(cause as Error).message}"; take it out of the store`,
      {
        cause,
      },
    );
  }
}

/** SHA-256 of a picture's pixels. */
export function digestOf({ pixels }: Picture): string {
  return sha256(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.length));
}

/** The id of a frame with labels. */
export function idOf(
  { width, height, pixels }: Picture,
  { labels, ignore, points }: Pick<LearnSample, "labels" | "ignore" | "points">,
): string {
  const said = new TextEncoder().encode(JSON.stringify([width, height, labels, ignore, ...(points ? [points] : [])]));
  const all = new Uint8Array(said.length + pixels.length);
  all.set(said);
  all.set(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.length), said.length);
  return sha256(all);
}
