import { type Box, iou } from "../core/box.js";
import type { Task } from "../core/task.js";
import { type Place, Places, type Sighting } from "./agreement.js";
import { decodeSample, encodeSample, type Picture } from "./sample.js";
import type { LearnStore } from "./store.js";

// What a teacher's looks left in the store, so that they can go on:
//   adapt/state          JSON: who looked, how many frames, how many of them share a slot, places
//   adapt/seen           the first 32 bits of each frame's digest
//   adapt/frames/000012  a frame that may be learned from: what was seen in it, and its pixels

const STATE = "adapt/state";
const SEEN = "adapt/seen";
const FRAMES = "adapt/frames/";
/** Frames that are known again, at most: the latest. */
const KNOWN = 2 ** 18;
/** Boxes with at least this IoU have not moved. */
const UNMOVED = 0.8;
/** Grey levels (mean difference of two thumbnails) by which pictures with the same boxes must differ to be two. */
const DIFFERENT = 4;
/** Sides of a thumbnail. */
const THUMB = 8;

/** A frame that may be learned from. */
export interface PooledFrame {
  /** Its number among those looked at, from 0. */
  frame: number;
  /** Of the input. */
  width: number;
  height: number;
  sightings: readonly Sighting[];
  /** Boxes of the teacher that the model does not find, and boxes of the model that the teacher does not see. */
  difference: number;
}

/** Of a state in the store, beside the frames. */
interface State {
  teacher: string;
  frames: number;
  every: number;
  places: Place[];
  /** The latest frame: what was seen in it, before it was settled; undefined at the beginning of other frames. */
  latest?: readonly Sighting[];
  /** The latest that was no duplicate. */
  last?: { thumbnail: number[]; sightings: readonly Sighting[] };
}

/** How much a model's objects and a teacher's sightings differ, as `PooledFrame` counts it. What is open counts for neither. */
export function differenceOf(sightings: readonly Sighting[], objects: readonly { task: Task; box: Box }[]): number {
  const meets = (a: { task: Task; box: Box }, least: number) => (b: { task: Task; box: Box }) =>
    a.task === b.task && iou(a.box, b.box) >= least;
  const missed = sightings.filter((sighting) => sighting.sure && !objects.some(meets(sighting, 0.5)));
  const wrong = objects.filter((object) => !sightings.some(meets(object, 0.3)));
  return missed.length + wrong.length;
}

/** Mean bytes of a picture's parts. */
function thumbnail({ width, height, pixels }: Picture): number[] {
  const sums = new Array<number>(THUMB * THUMB).fill(0);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = 3 * (y * width + x);
      sums[Math.floor((y * THUMB) / height) * THUMB + Math.floor((x * THUMB) / width)]! += pixels[at]! + pixels[at + 1]! + pixels[at + 2]!;
    }
  return sums.map((sum) => (sum * THUMB * THUMB) / (3 * width * height));
}

function unmoved(a: readonly Sighting[], b: readonly Sighting[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ task, box, sure }) => b.some((other) => other.task === task && other.sure === sure && iou(other.box, box) >= UNMOVED))
  );
}

/**
 * The frames that may be learned from: at most twice as many as are wanted, spread over all that were looked at. Time is cut in slots, of which each
 * keeps the frame in which model and teacher differ most; when there are too many, two slots become one.
 */
export class FramePool {
  private readonly changes = new Map<string, Uint8Array | undefined>();

  private constructor(
    private readonly store: LearnStore,
    private readonly state: State,
    readonly places: Places,
    private readonly seen: Set<number>,
    private list: PooledFrame[],
  ) {}

  /** Goes on where the store ended, if the same teacher looked; what another left is dropped with the next `save`. */
  static async open(store: LearnStore, teacher: string): Promise<FramePool> {
    const text = await store.read(STATE);
    const state = text && (JSON.parse(new TextDecoder().decode(text)) as State);
    const keys = await store.list(FRAMES);
    if (state?.teacher !== teacher) {
      const fresh = new FramePool(store, { teacher, frames: 0, every: 1, places: [] }, new Places(), new Set(), []);
      for (const key of keys) fresh.changes.set(key, undefined);
      return fresh;
    }
    const digests = (await store.read(SEEN)) ?? new Uint8Array();
    const list: PooledFrame[] = [];
    for (const key of keys) list.push(decodeSample<PooledFrame>((await store.read(key))!, key).head);
    return new FramePool(store, state, new Places(state.places), new Set(new Uint32Array(digests.slice().buffer)), list);
  }

  /** How many frames were looked at. */
  get frames(): number {
    return this.state.frames;
  }

  /** Whether a frame was looked at before. @param digest SHA-256 of its picture */
  knows(digest: string): boolean {
    return this.seen.has(Number.parseInt(digest.slice(0, 8), 16));
  }

  /** What was seen in the frame that was looked at last, as it was told to `know`. */
  get latest(): readonly Sighting[] | undefined {
    return this.state.latest;
  }

  /** Counts a frame as looked at. @param sightings in it, where the next frame follows it */
  know(digest: string, sightings?: readonly Sighting[]): void {
    if (sightings) this.state.latest = sightings;
    this.seen.add(Number.parseInt(digest.slice(0, 8), 16));
    if (this.seen.size > KNOWN) this.seen.delete(this.seen.values().next().value!);
  }

  /** Takes in the next frame of those looked at. @param most frames that are wanted */
  offer(picture: Picture, sightings: readonly Sighting[], difference: number, most: number): void {
    const { width, height } = picture;
    const pooled: PooledFrame = { frame: this.state.frames++, width, height, sightings, difference };
    this.places.add(pooled.frame, sightings);
    const thumb = thumbnail(picture);
    const { last } = this.state;
    const distance = last ? thumb.reduce((sum, value, i) => sum + Math.abs(value - last.thumbnail[i]!), 0) / thumb.length : 0;
    if (last && distance < DIFFERENT && unmoved(last.sightings, sightings)) return;
    this.state.last = { thumbnail: thumb, sightings };
    this.list.push(pooled);
    this.changes.set(keyOf(pooled), encodeSample(pooled, picture.pixels));
    this.thin();
    while (this.list.length > 2 * most) {
      this.state.every *= 2;
      this.thin();
    }
  }

  /** Leaves one frame in each slot. */
  private thin(): void {
    const { every } = this.state;
    const slotOf = ({ frame }: PooledFrame): number => Math.floor(frame / every);
    const kept: PooledFrame[] = [];
    for (const pooled of this.list) {
      const other = kept.at(-1);
      if (!other || slotOf(other) !== slotOf(pooled)) {
        kept.push(pooled);
        continue;
      }
      const [worse, better] = pooled.difference > other.difference ? [other, pooled] : [pooled, other];
      kept[kept.length - 1] = better;
      this.changes.set(keyOf(worse), undefined);
    }
    this.list = kept;
  }

  /** The frames to learn from, in their order: as many parts of the time, and of each the frame in which model and teacher differ most. */
  chosen(most: number): PooledFrame[] {
    const parts = Math.min(most, this.list.length);
    return Array.from({ length: parts }, (_, i) => {
      const part = this.list.slice(Math.floor((i * this.list.length) / parts), Math.floor(((i + 1) * this.list.length) / parts));
      return part.reduce((best, each) => (each.difference > best.difference ? each : best));
    });
  }

  /** The picture of a pooled, which was saved. */
  async picture(pooled: PooledFrame): Promise<Picture> {
    const { width, height } = pooled;
    return { width, height, pixels: decodeSample((await this.store.read(keyOf(pooled)))!, keyOf(pooled)).pixels };
  }

  /** Writes to the store what changed. */
  async save(): Promise<void> {
    const json = JSON.stringify({ ...this.state, places: this.places.list } satisfies State);
    this.changes.set(STATE, new TextEncoder().encode(json));
    this.changes.set(SEEN, new Uint8Array(Uint32Array.from(this.seen).buffer));
    await this.store.write(new Map(this.changes));
    this.changes.clear();
  }

  /** Forgets the frames; frames that were looked at stay known. */
  async clear(): Promise<void> {
    for (const pooled of this.list) this.changes.set(keyOf(pooled), undefined);
    [this.list, this.state.every, this.state.latest, this.state.last] = [[], 1, undefined, undefined];
    await this.save();
  }
}

function keyOf({ frame }: PooledFrame): string {
  return `${FRAMES}${String(frame).padStart(9, "0")}`;
}
