import { type Box, iou } from "../core/box.js";
import type { DetectedObject } from "../core/detection.js";
import type { Task } from "../core/task.js";

/** Milliseconds in which a box comes about two thirds of the way to where its object was seen last. */
const FOLLOW_MS = 60;
/** The same of a box that appears, and of one whose object is seen no more. */
const APPEAR_MS = 70;
const FADE_MS = 160;
/** The same of a task's presence: fast on, slow off. */
const RISE_MS = 90;
const FALL_MS = 900;
/** Boxes of one task that overlap less are those of two objects. */
const SAME_OBJECT = 0.2;
/** Fainter boxes are gone, and a smaller change of how faint they are is not seen. */
const GONE = 0.02;
const VISIBLE_FADE = 0.02;

/** A box on its way. */
export interface Moving {
  task: Task;
  score: number;
  /** In fractions of the frame's sides. */
  box: Box;
  /** How much of it is there, 0..1. */
  opacity: number;
}

interface Track extends Moving {
  target: Box;
  /** Whether the newest detection has it. */
  seen: boolean;
}

const percent = (share: number): number => Math.round(100 * share);

/** What is drawn between detections: boxes on the way to where their objects were seen, and presence that rises fast and falls slowly. */
export class Motion {
  private tracks: Track[] = [];
  private targets: Readonly<Record<Task, number>> = {};
  private readonly shown = new Map<Task, number>();
  private time: number | undefined;
  /** What has changed since `markDrawn`: how far a box went, in fractions of the frame's sides, how much one faded, and whether what it says did. */
  private way = 0;
  private fade = 0;
  private told = true;

  /** Boxes as they are drawn now. */
  get boxes(): readonly Moving[] {
    return this.tracks;
  }

  /** Presence as it is drawn now, 0..1. */
  get presence(): ReadonlyMap<Task, number> {
    return this.shown;
  }

  /** A detection in a frame of `width` x `height`: each object is the overlapping one of before that is nearest, or new. */
  see(objects: readonly DetectedObject[], presence: Readonly<Record<Task, number>>, width: number, height: number): void {
    const free = new Set(this.tracks);
    for (const track of free) track.seen = false;
    for (const { task, score, box } of objects) {
      const target = { x: box.x / width, y: box.y / height, width: box.width / width, height: box.height / height };
      let best: Track | undefined;
      let overlap = SAME_OBJECT;
      for (const track of free) {
        const shared = track.task === task ? Math.max(iou(track.target, target), iou(track.box, target)) : 0;
        if (shared > overlap) [best, overlap] = [track, shared];
      }
      if (best) {
        free.delete(best);
        this.told ||= percent(best.score) !== percent(score);
        Object.assign(best, { target, score, seen: true });
      } else this.tracks.push({ task, score, target, box: { ...target }, opacity: 0, seen: true });
    }
    this.targets = presence;
  }

  /** Moves all to a moment, in milliseconds. @returns whether anything goes on moving */
  step(now: number): boolean {
    const passed = this.time === undefined ? 0 : Math.max(0, now - this.time);
    this.time = now;
    const share = (ms: number): number => 1 - Math.exp(-passed / ms);
    const follow = share(FOLLOW_MS);
    let moving = false;
    let [farthest, faded] = [0, 0];
    for (const track of this.tracks) {
      for (const side of ["x", "y", "width", "height"] as const) {
        const way = track.target[side] - track.box[side];
        track.box[side] += way * follow;
        farthest = Math.max(farthest, Math.abs(way * follow));
        moving ||= Math.abs(way) > 1e-4;
      }
      const goal = track.seen ? 1 : 0;
      const change = (goal - track.opacity) * share(track.seen ? APPEAR_MS : FADE_MS);
      track.opacity += change;
      faded = Math.max(faded, Math.abs(change));
      moving ||= Math.abs(goal - track.opacity) > 1e-2;
    }
    this.way += farthest;
    this.fade += faded;
    this.tracks = this.tracks.filter(({ seen, opacity }) => seen || opacity > GONE);
    for (const [task, goal] of Object.entries(this.targets)) {
      const before = this.shown.get(task) ?? 0;
      this.shown.set(task, before + (goal - before) * share(goal > before ? RISE_MS : FALL_MS));
      moving ||= Math.abs(goal - before) > 1e-2;
    }
    return moving;
  }

  /** Whether boxes look otherwise than when they were drawn last. @param pixel of the picture, as a share of its sides */
  looksNew(pixel: number): boolean {
    return this.told || this.way >= pixel / 2 || this.fade >= VISIBLE_FADE;
  }

  /** The boxes were drawn as they are now. */
  markDrawn(): void {
    this.told = false;
    this.way = this.fade = 0;
  }

  /** Nothing is seen any more, at once. */
  clear(): void {
    this.told = true;
    this.tracks = [];
    this.targets = {};
    this.shown.clear();
    this.time = undefined;
  }
}
