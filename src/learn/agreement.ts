// What a teacher's looks at a camera's frames are worth as labels. A sighting is sure, and becomes a box, or open, and becomes a region that is neither
// learned nor measured. Three rules, in this order:
//   sizes   what both looks see and one takes for likely is sure; so is what the fine look alone is sure of, for it sees smaller things
//   time    open between two sure ones is sure; a lone one among things that can be followed is open; what is missing between two sure ones is open
//   places  a thing that stays where it is, frame after frame, with a so-so score is open: posts and bollards that are taken for people

import { type Box, iou } from "../core/box.js";
import type { DetectedObject } from "../core/detection.js";
import type { Task } from "../core/task.js";
import { entryOfTask } from "../core/vocabulary.js";
import type { ModelInfo } from "../model/model.js";

/** An object that a teacher saw in a frame, in one look or both; box in pixels of the input. */
export interface Sighting {
  task: Task;
  box: Box;
  /** The higher score of both looks; 0 for one that only the frames before and after have. */
  score: number;
  sure: boolean;
}

/** Scores of a task's operating points: a sure one, a likely one, the least that counts. */
export interface Marks {
  sure: number;
  likely: number;
  least: number;
}

/** Boxes of two looks with at least this IoU are one object. */
const SAME = 0.5;
/** An object's boxes in neighbouring frames overlap by at least this (IoU). */
const FOLLOWED = 0.3;
/** A thing's boxes overlap by at least this (IoU) while it stays where it is. */
const STILL = 0.6;
/** A thing stays where it is if it was seen there so often, and in such a share of the frames since the first. */
const STILL_FRAMES = 12;
const STILL_SHARE = 0.8;
/** Places that are remembered, at most; the least seen ones are forgotten first. */
const PLACES = 256;
/** A place is forgotten after so many frames in which it was mostly not seen. */
const PATIENCE = 8;

/** The marks of a teacher's tasks, from its thresholds. */
export function marksOf({ thresholds: { precise, balanced, sensitive }, tasks }: ModelInfo): ReadonlyMap<Task, Marks> {
  return new Map(tasks.map((task) => [task, { sure: precise[task]!, likely: balanced[task]!, least: sensitive[task]! }]));
}

/** The object of the list that overlaps a box most; undefined where none of the task does by `least`. */
function nearest<T extends { task: Task; box: Box }>(
  objects: readonly T[],
  { task, box }: { task: Task; box: Box },
  least: number,
): T | undefined {
  let found: T | undefined;
  let most = least;
  for (const object of objects) {
    const overlap = object.task === task ? iou(object.box, box) : 0;
    if (overlap < most || (found && overlap === most)) continue;
    [found, most] = [object, overlap];
  }
  return found;
}

/**
 * What two looks at one frame come to, of tasks that have marks.
 * @param coarse objects at fewer pixels, best first. @param fine at more; its boxes are the ones that are kept
 */
export function agreed(coarse: readonly DetectedObject[], fine: readonly DetectedObject[], marks: ReadonlyMap<Task, Marks>): Sighting[] {
  const counts = ({ task, score }: DetectedObject): boolean => score >= (marks.get(task)?.least ?? Number.POSITIVE_INFINITY);
  const left = coarse.filter(counts);
  const seen = fine.filter(counts).map((object): Sighting => {
    const { task, box, score } = object;
    const { sure, likely } = marks.get(task)!;
    const other = nearest(left, object, SAME);
    if (!other) return { task, box, score, sure: score >= sure };
    left.splice(left.indexOf(other), 1);
    const most = Math.max(score, other.score);
    return { task, box, score: most, sure: most >= likely };
  });
  return [...seen, ...left.map(({ task, box, score }) => ({ task, box, score, sure: false }))];
}

/**
 * A frame's sightings, settled by those of the frames just before and after it.
 * @param before undefined where there is no frame, as at a clip's beginning: then nothing is missed
 */
export function settled(
  before: readonly Sighting[] | undefined,
  now: readonly Sighting[],
  after: readonly Sighting[] | undefined,
  marks: ReadonlyMap<Task, Marks>,
): Sighting[] {
  if (!before || !after) return [...now];
  const around = now.map((sighting) => [before, after].map((others) => nearest(others, sighting, FOLLOWED)));
  const lone = (i: number): boolean => around[i]!.every((other) => other === undefined);
  const sure = [...now.keys()].filter((i) => now[i]!.sure);
  const result = now.map((sighting, i): Sighting => {
    if (!sighting.sure) return { ...sighting, sure: around[i]!.every((other) => other?.sure === true) };
    const others = sure.filter((k) => k !== i);
    const followed = others.length > 0 && others.filter((k) => !lone(k)).length * 2 >= others.length;
    return { ...sighting, sure: !(followed && lone(i) && sighting.score < marks.get(sighting.task)!.sure) };
  });
  for (const was of before) {
    const comes = was.sure ? nearest(after, was, FOLLOWED) : undefined;
    if (!comes?.sure || nearest(now, was, FOLLOWED) || nearest(now, comes, FOLLOWED)) continue;
    result.push({ task: was.task, box: between(was.box, comes.box), score: 0, sure: false });
  }
  return result;
}

function between(a: Box, b: Box): Box {
  const mean = (key: keyof Box): number => (a[key] + b[key]) / 2;
  return { x: mean("x"), y: mean("y"), width: mean("width"), height: mean("height") };
}

/** Where something was seen again and again. */
export interface Place {
  task: Task;
  /** The mean of the latest. */
  box: Box;
  /** Frames in which it was seen, and the sum of its scores. */
  seen: number;
  scores: number;
  /** Number of the frame in which it was seen first. */
  since: number;
}

/** The places at which things stay, over frames of a camera that does not move; one that moves has none. */
export class Places {
  constructor(
    /** Oldest first. */
    public list: Place[] = [],
  ) {}

  /** Adds the sightings of a frame; frames are numbered from 0 in their order. */
  add(frame: number, sightings: readonly Sighting[]): void {
    for (const sighting of sightings) {
      if (sighting.score === 0) continue;
      const place = nearest(this.list, sighting, STILL);
      if (!place) {
        this.list.push({ task: sighting.task, box: sighting.box, seen: 1, scores: sighting.score, since: frame });
        continue;
      }
      place.seen++;
      place.scores += sighting.score;
      const share = 1 / Math.min(place.seen, STILL_FRAMES);
      const mix = (key: keyof Box): number => (1 - share) * place.box[key] + share * sighting.box[key];
      place.box = { x: mix("x"), y: mix("y"), width: mix("width"), height: mix("height") };
    }
    this.list = this.list.filter(({ since, seen }) => frame - since < PATIENCE || 2 * seen > frame - since);
    if (this.list.length > PLACES) {
      const least = this.list.toSorted((a, b) => b.seen - a.seen)[PLACES - 1]!.seen;
      this.list = this.list.filter(({ seen }) => seen >= least).slice(-PLACES);
    }
  }

  /** The place at which a thing stays; undefined where it moves. @param frames that were added */
  of(sighting: Sighting, frames: number): Place | undefined {
    const place = nearest(this.list, sighting, STILL);
    return place && place.seen >= STILL_FRAMES && place.seen >= STILL_SHARE * (frames - place.since) ? place : undefined;
  }
}

/** Whether what stays at a place is to be left open: its score is half-way to certain at most, and things of its task move. */
export function isSuspicious({ task, seen, scores }: Place, marks: ReadonlyMap<Task, Marks>): boolean {
  return !entryOfTask(task)?.still && scores / seen < (1 + marks.get(task)!.sure) / 2;
}
