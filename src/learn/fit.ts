import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Model } from "../model/model.js";
import { grownScales } from "../quant/quantize.js";
import type { Engine } from "../wasm/load.js";
import { recalibrated } from "./calibrate.js";
import { type Cut, cutBefore, type Part, putBack } from "./cut.js";
import { fitBehind, type Lesson } from "./fitting.js";
import { type GuardResult, judge, lossesOf } from "./guard.js";
import { answersAt } from "./look.js";
import { featuresOf, reachesOf, type Seen } from "./passes.js";
import { asSample, type LearnSample, truthOf } from "./sample.js";

/** A value may reach so far beyond what int8 does before its scale is doubled: the few that do are clipped, and the others keep their steps. */
const SLACK = 1.25;
/** Objects below this score do not change a threshold. */
const LEAST_SCORE = 0.001;

/** What learning needs to know. */
export interface LearnOptions {
  part: Part;
  steps: number;
  rate: number;
  seed: number;
  /** What to rehearse for a cut. */
  rehearsal: (cut: Cut) => Promise<readonly Lesson[]>;
  signal?: AbortSignal;
  onStep?: (step: number, loss: number) => void;
}

/** A model that learned, not yet committed. */
export interface Learned {
  model: Model;
  /** What learned in the end: less than was asked for where a task was refused. */
  part: Part;
  /** What the guard said of each task that was taught. */
  guard: Record<Task, GuardResult>;
  /** How many scales of values had to grow. */
  grown: number;
}

/** The tasks that samples teach, in the model's order. */
export function taughtTasks({ info }: Model, samples: readonly LearnSample[]): Task[] {
  return info.tasks.filter((task) => samples.some(({ labels, held }) => (labels[task] ?? null) !== null && !held.includes(task)));
}

const seenBy = (engine: Engine, cut: Cut, samples: readonly LearnSample[]): Seen[] => {
  const features = featuresOf(engine, cut, samples);
  return samples.map(({ width, height }, i) => ({ width, height, features: features[i]! }));
};

/** The network with other weights behind a cut, and how many scales grew for them. */
function quantized(engine: Engine, model: Model, cut: Cut, learner: Cut["learner"], seen: readonly Seen[]): { model: Model; grown: number } {
  const old = cut.behind.scales!;
  const scales = grownScales(learner, old, reachesOf(engine, learner, old, seen), SLACK);
  const grown = [...scales].filter(([name, scale]) => scale !== old.get(name)).length;
  return { model: { ...model, graph: putBack(model.graph, cut, learner, scales) }, grown };
}

/**
 * A model taught on samples: what is behind the cut learns, is quantized again, and each task keeps that only where its loss on the samples that
 * were held back fell. A task that got worse gets its old head back; where the path learned with it, that gets its old weights back too, and the
 * heads of the other tasks learn again on it.
 * @throws E_ARGUMENT where nothing is taught; what `fitBehind` throws
 */
export async function learn(engine: Engine, model: Model, samples: readonly LearnSample[], options: LearnOptions): Promise<Learned> {
  const tasks = taughtTasks(model, samples);
  if (tasks.length === 0)
    throw new FourwayError("E_ARGUMENT", "fit: expected labelled frames, got none; add some first");
  return learnTasks(engine, model, samples, tasks, options);
}

async function learnTasks(engine: Engine, model: Model, samples: readonly LearnSample[], taught: readonly Task[], options: LearnOptions): Promise<Learned> {
  const { part, rehearsal, signal, ...settings } = options;
  const cut = cutBefore(model, part, part === "heads" ? taught : model.info.tasks);
  const { tasks } = cut;
  const seen = seenBy(engine, cut, samples);
  const only = (measures: boolean) => (sample: LearnSample, i: number) => ({
    ...seen[i]!,
    truth: truthOf({ ...sample, labels: Object.fromEntries(taught.map((task) => [task, sample.labels[task] ?? null])) }, tasks, measures),
  });
  const says = ({ truth }: Lesson): boolean => [...truth.mapWeight, ...truth.presenceWeight].some((weight) => weight > 0);
  const lessons = samples.map(only(false)).filter(says);
  const exams = samples.map(only(true)).filter(says);
  const rehearsed = await rehearsal(cut);
  const learner = await fitBehind(engine, cut, [lessons, rehearsed], { ...settings, signal, maps: model.info });
  const shown = [...lessons, ...rehearsed.slice(0, lessons.length)];
  const first = quantized(engine, model, cut, learner, shown);

  const before = lossesOf(engine, cut.behind, exams, tasks, model.info);
  const after = lossesOf(engine, cutBefore(first.model, part, tasks).behind, exams, tasks, model.info);
  const guard: Record<Task, GuardResult> = Object.fromEntries(
    taught.map((task) => {
      const t = tasks.indexOf(task);
      return [task, judge(before[t]!, after[t]!)];
    }),
  );
  const kept = taught.filter((task) => guard[task]!.kept);
  if (kept.length === taught.length) return { ...first, part, guard };
  if (kept.length === 0) return { model, part, guard, grown: 0 };
  if (part !== "heads") {
    const again = await learnTasks(engine, model, samples, kept, { ...options, part: "heads" });
    return { ...again, guard: { ...guard, ...again.guard } };
  }
  const params = new Map(learner.params);
  for (const [name, param] of cut.learner.params) if (!kept.some((task) => name.startsWith(`head.${task}.`))) params.set(name, param);
  return { ...quantized(engine, model, cut, { ...learner, params }, shown), part, guard };
}

/**
 * The model with thresholds and presence of some tasks fitted to samples: to those that were held back of a task where it has learned, for it is
 * too sure of what it learned.
 */
export function recalibrate(engine: Engine, model: Model, samples: readonly LearnSample[], tasks: readonly Task[], learned: boolean): Model {
  let { info } = model;
  const cut = cutBefore(model, "heads", tasks);
  for (const task of tasks) {
    const labelled = samples.filter(({ labels }) => (labels[task] ?? null) !== null);
    const held = labelled.filter(({ held }) => held.includes(task));
    const fitted = learned && held.length > 0 ? held : labelled;
    const found = answersAt(engine, cut, info, seenBy(engine, cut, fitted), LEAST_SCORE);
    info = recalibrated(info, [task], fitted.map(asSample), found);
  }
  return { ...model, info };
}
