import { type Loadable, unwrapped } from "../core/address.js";
import type { DetectedObject } from "../core/detection.js";
import { FourwayError } from "../core/errors.js";
import { checkFrame, type Frame, type YuvFrame } from "../core/frame.js";
import { sha256 } from "../core/sha256.js";
import type { Task } from "../core/task.js";
import { Detector } from "../detect/detector.js";
import { type ModelSource, readModelBytes, shippedModel } from "../detect/source.js";
import type { Placement } from "../image/letterbox.js";
import { loadModel, type Model, saveModel } from "../model/model.js";
import type { Engine, WasmSource } from "../wasm/load.js";
import { agreed, isSuspicious, type Marks, marksOf, type Sighting, settled } from "./agreement.js";
import { differenceOf, FramePool, type PooledFrame } from "./framePool.js";
import { checkFitOptions, type FitOptions, type FitReport } from "./options.js";
import { type PlacedPicture, pictureOf } from "./picture.js";
import { contradictions } from "./questions.js";
import { boxInInput, digestOf, idOf, isTooSmall, type LearnSample, type Picture } from "./sample.js";
import type { Shelf } from "./shelf.js";
import type { LearnStore } from "./store.js";

// A larger model teaches a smaller one what a camera sees. It looks at each frame at two sizes (agreement.ts says what that is worth), frames worth
// learning are kept aside (framePool.ts), and when all frames were looked at the best of them become labelled frames like those of people, but for
// their `from`.

/** Frames of a camera in their order, one at a time: an array, or whatever `for await` takes, such as an async generator. */
export type CameraFrames = AsyncIterable<Frame | YuvFrame> | Iterable<Frame | YuvFrame>;

/** How `Learner.adapt` is to work. */
export interface AdaptOptions extends Pick<FitOptions, "what" | "steps" | "seconds" | "signal"> {
  /**
   * The teacher, as `Detector.load` takes it: a larger model, or the same at more pixels. Default: the one the package ships. It has memory of its own,
   * beside the learner's.
   */
  teacher?: Loadable<ModelSource | Model>;
  /** About so many pixels the teacher sees in its second look; its first is at its own. Default 400,000. */
  pixels?: number;
  /** Frames that are learned from, at most. Default 32. */
  frames?: number;
  /** The kernels for the detectors, as `Detector.load` takes them. */
  wasm?: Loadable<WasmSource>;
  /** Called after each frame that was looked at, and after each step. */
  onProgress?: (progress: { phase: "look"; frames: number } | { phase: "fit"; step: number; steps: number; loss: number }) => void;
}

/** What came of `Learner.adapt`. */
export interface AdaptReport {
  /** Frames that the teacher looked at in this store so far, and those that were passed over: known already, or labelled by people. */
  looked: number;
  passed: number;
  /** Ids of the frames that were added. */
  added: readonly string[];
  /** Of each task that is taught: frames, sure boxes and regions left open in them, and things of these that were left open because they never move. */
  tasks: Readonly<Record<Task, { frames: number; boxes: number; open: number; still: number }>>;
  /** What was learned; undefined where the shelf has nothing to learn from. */
  fit?: FitReport;
}

/** What a teacher needs of a learner. */
interface Classroom {
  engine: Engine;
  model: Model;
  /** Of the learner's input, about. */
  pixels: number;
  store: LearnStore;
  shelf: Shelf;
}

const PIXELS = 400_000;
const FRAMES = 32;
/** Frames of a teacher on the shelf, at most, as a multiple of those that one call adds: the oldest go. */
const SHELVED = 2;
/** A task with sure boxes in fewer of the chosen frames is not taught: the teacher may be wrong, and its absence says little. */
const LEAST_FRAMES = 4;
/** Looks between two writes of the store: what a killed program does again, at most. */
const SAVED = 16;

/** A frame that was looked at and waits for the next, by which it is settled. */
interface Look {
  picture: Picture;
  digest: string;
  sightings: Sighting[];
  /** What the learner's model finds. */
  objects: DetectedObject[];
}

/** The teacher at two sizes, and the model that is taught. */
class Lookers {
  private constructor(
    readonly name: string,
    readonly marks: ReadonlyMap<Task, Marks>,
    private readonly coarse: Detector,
    private readonly fine: Detector,
    private readonly own: Detector,
  ) {}

  /** @throws E_ARGUMENT where the teacher knows none of the model's tasks; what `Detector.load` throws */
  static async open(
    { model, pixels: input }: Classroom,
    { teacher = shippedModel(), pixels = PIXELS, wasm }: AdaptOptions,
  ): Promise<Lookers> {
    const given = await unwrapped(teacher);
    const file = (await readModelBytes(given)) ?? saveModel(given as Model);
    const { info } = loadModel(file);
    const marks = new Map([...marksOf(info)].filter(([task]) => model.info.tasks.includes(task)));
    if (marks.size === 0 || info.layout.box < 0)
      throw new FourwayError(
        "E_ARGUMENT",
        `adapt: expected a teacher that finds boxes of ${model.info.tasks.join(", ")}, got one of ${info.tasks.join(", ")}; take fourway-m`,
      );
    const kernels = await unwrapped(wasm);
    const load = (what: Uint8Array | Model, size?: number): Promise<Detector> =>
      Detector.load(what, { pixels: size, wasm: kernels as WasmSource | undefined });
    const name = `${sha256(file).slice(0, 12)} at ${info.pixels} and ${pixels} pixels`;
    return new Lookers(name, marks, await load(file), await load(file, pixels), await load(model, input));
  }

  /** A frame's sightings and the model's own objects, boxes in pixels of the input. */
  look(frame: Frame | YuvFrame, placement: Placement): Pick<Look, "sightings" | "objects"> {
    const minScore = Math.min(...[...this.marks.values()].map(({ least }) => least));
    const placed = (objects: readonly DetectedObject[]): DetectedObject[] =>
      objects.map((object) => ({ ...object, box: boxInInput(object.box, placement) }));
    const [coarse, fine] = [this.coarse, this.fine].map((detector) => placed(detector.detect(frame, { minScore }).objects));
    const objects = placed(this.own.detect(frame).objects).filter(({ task }) => this.marks.has(task));
    return { sightings: agreed(coarse!, fine!, this.marks), objects };
  }

  close(): void {
    for (const detector of [this.coarse, this.fine, this.own]) detector.dispose();
  }
}

/**
 * Lets a teacher look at frames, one after the other, and puts those worth learning on the shelf. What was looked at is in the store every few frames;
 * the same call with the same frames goes on.
 * @throws E_ARGUMENT for bad options, frames or teachers; the signal's reason
 */
export async function lookThrough(room: Classroom, frames: CameraFrames, options: AdaptOptions): Promise<AdaptReport> {
  const { frames: most = FRAMES, signal, onProgress } = options;
  checkFitOptions(fitOptionsOf(options));
  if (!(Number.isInteger(most) && most >= LEAST_FRAMES))
    throw new FourwayError("E_ARGUMENT", `adapt: expected frames of at least ${LEAST_FRAMES}, got ${most}; leave it out for ${FRAMES}`);
  const lookers = await Lookers.open(room, options);
  try {
    const pool = await FramePool.open(room.store, lookers.name);
    for await (const picture of room.shelf.pictures()) pool.know(digestOf(picture));
    let passed = 0;
    const waiting: Look[] = []; // one at most
    const settle = (after?: Look): void => {
      const now = waiting.pop();
      if (now) {
        const sightings = settled(pool.latest, now.sightings, after?.sightings, lookers.marks);
        pool.offer(now.picture, sightings, differenceOf(sightings, now.objects), most);
        pool.know(now.digest, now.sightings);
      }
      if (after) waiting.push(after);
    };
    try {
      for await (const frame of frames) {
        signal?.throwIfAborted();
        checkFrame(frame, "adapt");
        const { picture, placement }: PlacedPicture = pictureOf(room.engine, frame, room.pixels);
        const digest = digestOf(picture);
        if (pool.knows(digest) || digest === waiting[0]?.digest) {
          passed++;
          continue;
        }
        settle({ picture, digest, ...lookers.look(frame, placement) });
        if (pool.frames % SAVED === SAVED - 1) await pool.save();
        onProgress?.({ phase: "look", frames: pool.frames + 1 });
        await new Promise((resolve) => setTimeout(resolve, 0)); // frames and timers go on
      }
      settle();
    } finally {
      await pool.save();
    }
    const chosen = pool.chosen(most);
    const result = await shelve(room, pool, chosen, lookers, most);
    await pool.clear();
    return { looked: pool.frames, passed, ...result };
  } finally {
    lookers.close();
  }
}

/** How to learn what a teacher saw. */
export function fitOptionsOf({ what, steps, seconds, signal, onProgress }: AdaptOptions): FitOptions {
  return { what, steps, seconds, signal, onProgress: (at) => onProgress?.({ phase: "fit", ...at }) };
}

/** Makes chosen frames labelled ones. */
async function shelve(
  { shelf }: Classroom,
  pool: FramePool,
  chosen: readonly PooledFrame[],
  { name, marks }: Lookers,
  most: number,
): Promise<Pick<AdaptReport, "added" | "tasks">> {
  const people = shelf.heads.filter(({ from }) => !from);
  const isStill = (sighting: Sighting, { width, height }: PooledFrame): boolean => {
    const place = pool.places.of(sighting, pool.frames);
    if (!place) return false;
    const denied = people.some(
      (head) =>
        head.width === width &&
        head.height === height &&
        contradictions(
          { labels: { [sighting.task]: head.labels[sighting.task] ?? null }, ignore: head.ignore },
          { presence: {}, objects: [sighting] },
          () => 0,
        ).length > 0,
    );
    return denied || isSuspicious(place, marks);
  };
  const settledFrames = chosen.map((pooled) => ({
    pooled,
    sightings: pooled.sightings.map((sighting) => ({ ...sighting, still: sighting.sure && isStill(sighting, pooled) })),
  }));
  const isBox = ({ sure, still, box }: Sighting & { still: boolean }): boolean => sure && !still && !isTooSmall(box);
  const tasks = [...marks.keys()].filter(
    (task) => settledFrames.filter(({ sightings }) => sightings.some((each) => each.task === task && isBox(each))).length >= LEAST_FRAMES,
  );
  const counts = Object.fromEntries(tasks.map((task) => [task, { frames: 0, boxes: 0, open: 0, still: 0 }]));
  const added: string[] = [];
  for (const { pooled, sightings } of tasks.length > 0 ? settledFrames : []) {
    const said: Pick<LearnSample, "labels" | "ignore"> = { labels: {}, ignore: {} };
    for (const task of tasks) {
      const mine = sightings.filter((each) => each.task === task);
      const boxes = mine.filter(isBox).map(({ box }) => box);
      const open = mine.filter((each) => !isBox(each)).map(({ box }) => box);
      said.labels[task] = boxes;
      said.ignore[task] = open;
      const count = counts[task]!;
      count.frames++;
      count.boxes += boxes.length;
      count.open += open.length;
      count.still += mine.filter(({ still }) => still).length;
    }
    const picture = await pool.picture(pooled);
    const id = idOf(picture, said);
    const from = Object.fromEntries(tasks.map((task) => [task, name]));
    await shelf.add({ id, width: picture.width, height: picture.height, ...said, asked: [], from, digest: digestOf(picture) }, picture);
    added.push(id);
  }
  const old = shelf.heads.filter(({ from }) => from).slice(0, -SHELVED * most);
  for (const { id } of old) await shelf.remove(id);
  return { added, tasks: counts };
}
