import type { Task } from "../core/task.js";
import type { Graph } from "../graph/graph.js";
import type { HeadMaps } from "../model/head.js";
import { elements } from "../program/plan.js";
import { largestMap, multiTaskLoss, reserveLoss } from "../train/loss.js";
import type { Engine } from "../wasm/load.js";
import type { Lesson } from "./fitting.js";
import { plansOf, runOver } from "./passes.js";
import type { LabelledBy } from "./provenance.js";

// Whether a task may keep what was learned: the loss on frames that were held back, after learning less before, paired frame by frame.
// It cannot see labels that are wrong in the same way in the frames held back too.

/** Of the paired differences: their mean over its standard error must be at most this. */
const LEAST_T = -1.5;
/** At most this share of the frames may have become worse. */
const MOST_WORSE = 0.25;
/** Of a task that no frame held back has, the mean loss may rise by this: half of what a false alarm of score .5 adds. It is near 0, and moves without meaning. */
const ALARM = 0.05;

/** What the guard measured of a task. */
export interface GuardResult {
  /** Frames held back of the task. */
  frames: number;
  /** Mean loss on them before and after. */
  before: number;
  after: number;
  /** Mean difference over its standard error; null with less than two frames. */
  t: number | null;
  /** Frames whose loss rose. */
  worse: number;
  /** Whether the task keeps what it learned. Without a frame held back it does, unguarded. */
  kept: boolean;
  /** Who labelled these frames: people, or, where they labelled none of those held back, a teacher; null without any. */
  by: LabelledBy | null;
}

/**
 * Losses before and after, a frame each: whether it got better, and how sure that is.
 * @param absent whether no frame has the task: then it is enough that it got no false alarms
 */
export function judge(before: readonly number[], after: readonly number[], absent = false): Omit<GuardResult, "by"> {
  const n = before.length;
  const mean = (values: readonly number[]): number => (n === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / n);
  const differences = after.map((value, i) => value - before[i]!);
  const change = mean(differences);
  const worse = differences.filter((difference) => difference > 0).length;
  const variance = n < 2 ? 0 : differences.reduce((sum, difference) => sum + (difference - change) ** 2, 0) / (n - 1);
  const t = n < 2 ? null : change / Math.sqrt(Math.max(variance, Number.MIN_VALUE) / n);
  const kept = n === 0 || (absent ? change <= ALARM : change < 0 && worse <= MOST_WORSE * n && (t === null || t <= LEAST_T));
  return { frames: n, before: mean(before), after: mean(after), t, worse, kept };
}

/**
 * The loss of each task that each frame measures.
 * @param behind the int8 part of a network, from the frames' features to the maps of `tasks`
 * @returns [task][frames that measure it]
 */
export function lossesOf(engine: Engine, behind: Graph, exams: readonly Lesson[], tasks: readonly Task[], maps: HeadMaps): number[][] {
  const losses = tasks.map((): number[] => []);
  const measured = maps.layout.box < 0 ? "presenceWeight" : "mapWeight";
  const { memory } = engine;
  const mark = memory.mark;
  try {
    const plans = [...plansOf(behind, exams).values()];
    const outputsOf = (plan: (typeof plans)[number]) => behind.outputs.map((name) => ({ offset: 0, ...plan.shapes.get(name)! }));
    const buffers = reserveLoss(engine, Math.max(1, ...plans.map((plan) => largestMap({ plan, outputs: outputsOf(plan) }))), maps.layout);
    const most = Math.max(0, ...plans.flatMap((plan) => behind.outputs.map((name) => elements(plan.shapes.get(name)!, 1))));
    const spare = memory.reserve(4 * most); // gradients, which nobody reads
    runOver(engine, behind, exams, (program, i) => {
      const { truth } = exams[i]!;
      const loss = multiTaskLoss(engine, { ...program, dOutputs: program.outputs.map(() => spare) }, buffers, [truth], tasks.length, maps);
      tasks.forEach((_, t) => {
        if (truth[measured][t]! > 0) losses[t]!.push(loss.tasks[t]!);
      });
    });
    return losses;
  } finally {
    memory.release(mark);
  }
}
