import { type Box, iou } from "../core/box.js";
import type { DetectedObject } from "../core/detection.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import type { RuleOf, TaskRule } from "./rules.js";

/** The detections of one teacher in a picture. */
export interface Seen {
  /** Its name, for provenance. */
  teacher: string;
  /** Boxes in pixels of the sample. */
  objects: readonly DetectedObject[];
}

/** Settings of `fillSample`. */
interface FillOptions {
  rules: RuleOf;
  /** The split whose pictures are filled. */
  split: string;
  /** Boxes of two teachers with at least this IoU are one object. */
  overlap: number;
}

/** A person's box, or an ignored region, that covers this much of a teacher's box replaces it. */
const COVERED = 0.5;

/** A box with its highest score, and the lowest that a teacher gave it: 0 where one of them does not detect it. */
interface Candidate {
  box: Box;
  most: number;
  least: number;
}

/** Tasks of a sample that a teacher may fill: "?" or only known to be present, in one split (what others measure on is for people's labels alone). */
export function openTasks(sample: Sample, tasks: readonly Task[], { rules, split }: Pick<FillOptions, "rules" | "split">): Task[] {
  if (sample.split !== split) return [];
  return tasks.filter((task) => !Array.isArray(sample.labels[task] ?? null) && !rules(sample.set, task).leave);
}

/**
 * A sample whose open tasks are filled from the detections of one or two teachers; the sample itself is unchanged. A task a person labelled
 * with a list, and every other split, stay untouched. For the others:
 * - a confident box (see `TaskRule`) becomes a label, a doubtful one an ignored region; with neither the task is absent: [];
 * - where a person labelled the task as present (true) and no box is confident, the best doubtful one becomes a label; without one it stays true;
 * - a person's incomplete boxes (`partial`) are labels, and a teacher's boxes of the same objects are left out.
 * Filled tasks have the teachers' names in `from`.
 */
export function fillSample(
  sample: Sample,
  tasks: readonly Task[],
  seen: readonly Seen[],
  partial: Readonly<Record<Task, readonly Box[]>>,
  { rules, split, overlap }: FillOptions,
): Sample {
  const filled: Sample = { ...sample, labels: { ...sample.labels }, ignore: { ...sample.ignore }, from: { ...sample.from } };
  for (const task of openTasks(sample, tasks, { rules, split })) {
    const rule = rules(sample.set, task);
    const drawn = partial[task] ?? [];
    const known = [...drawn, ...(sample.ignore[task] ?? [])];
    const candidates = candidatesOf(seen, task, rule, overlap).filter(
      ({ box }) => !known.some((other) => iou(box, other) >= overlap || fractionWithin(box, other) > COVERED),
    );
    let sure = candidates.filter((candidate) => isSure(candidate, rule));
    const doubtful = candidates.filter((candidate) => !isSure(candidate, rule));
    if (sample.labels[task] === true && sure.length + drawn.length === 0) {
      sure = doubtful.slice(0, 1);
      if (sure.length === 0) continue;
    }
    filled.labels[task] = [...drawn, ...sure.map(({ box }) => box)];
    filled.ignore[task] = [
      ...(sample.ignore[task] ?? []),
      ...doubtful.filter(({ box }) => !sure.some((other) => iou(box, other.box) >= overlap)).map(({ box }) => box),
    ];
    filled.from![task] = seen.map(({ teacher }) => teacher).join("+");
  }
  if (Object.keys(filled.from!).length === 0) delete filled.from;
  return filled;
}

function isSure({ most, least }: Candidate, { sure, both, agree }: TaskRule): boolean {
  return most >= sure && (!agree || (least > 0 && least >= both));
}

/** Boxes of the task with at least the score `doubt`: those on which the teachers agree first, then by score. */
function candidatesOf(seen: readonly Seen[], task: Task, { doubt }: TaskRule, overlap: number): Candidate[] {
  const [first = [], second = []] = seen.map(({ objects }) =>
    objects.filter((object) => object.task === task && object.score >= doubt).toSorted((a, b) => b.score - a.score),
  );
  const free = new Set(second);
  const candidates = first.map(({ box, score }): Candidate => {
    let match: DetectedObject | undefined;
    let most = overlap;
    for (const other of free) {
      const both = iou(box, other.box);
      if (both < most || (match && both === most)) continue;
      match = other;
      most = both;
    }
    if (match === undefined) return { box, most: score, least: 0 };
    free.delete(match);
    return { box: match.score > score ? match.box : box, most: Math.max(score, match.score), least: Math.min(score, match.score) };
  });
  for (const { box, score } of free) candidates.push({ box, most: score, least: 0 });
  return candidates.sort((a, b) => Number(b.least > 0) - Number(a.least > 0) || b.most - a.most);
}

/** The share of a box inside another, 0..1. */
function fractionWithin(box: Box, other: Box): number {
  const width = Math.min(box.x + box.width, other.x + other.width) - Math.max(box.x, other.x);
  const height = Math.min(box.y + box.height, other.y + other.height) - Math.max(box.y, other.y);
  return width > 0 && height > 0 ? (width * height) / (box.width * box.height) : 0;
}
