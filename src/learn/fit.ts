import type { Task } from "../core/task.js";
import type { Truth } from "../data/example.js";
import type { Model, ModelInfo } from "../model/model.js";
import { grownScales } from "../quant/quantize.js";
import type { Taught } from "../train/loss.js";
import type { Engine } from "../wasm/load.js";
import { withPresence, withThresholds } from "./calibrate.js";
import { type Cut, cutBefore, type Part, putBack } from "./cut.js";
import { type FitSettings, fitBehind, type Lesson } from "./fitting.js";
import { type GuardResult, judge, lossesOf } from "./guard.js";
import { answersAt } from "./look.js";
import type { FitReport } from "./options.js";
import { type Features, reachesOf, type Seen } from "./passes.js";
import { decisive, labelledBy } from "./provenance.js";
import { answersAsTargets } from "./rehearsal.js";
import { asSample, type LearnSample, truthOf } from "./sample.js";

/** A value may reach so far beyond what int8 does before its scale is doubled: the few that do are clipped, and the others keep their steps. */
const SLACK = 1.25;
/**
 * How far the weights go from the old ones towards those that were learned (WiSE-FT, arXiv 2109.01903): it forgets less and gains a little less;
 * docs/learning.md has figures of other shares. Where nothing is rehearsed, for tasks that the shipped model did not have, there is nothing to
 * forget, and they go the whole way.
 */
const SHARE = 0.8;
/**
 * Highest rate of AdamW, and what it is by the root of how many weights learn: AdamW moves each about as far, so that many of them change more together.
 * docs/learning.md has figures of both rates for two models.
 */
const RATE = { most: 2e-3, rooted: 0.5 } as const;
/** Frames, and as many rehearsed scenes, on which it is seen how far values reach. */
const SHOWN = 8;
/** Objects below this score do not change a threshold. */
const LEAST_SCORE = 0.001;

/** What learning needs to know. */
interface LearnOptions {
  part: Part;
  steps: FitSettings["steps"];
  seed: number;
  /** The samples' values at a cut. */
  features: (cut: Cut) => Promise<readonly Features[]>;
  /** What to rehearse for a cut. */
  rehearsal: (cut: Cut) => Promise<readonly Lesson[]>;
  signal?: AbortSignal;
  onStep?: FitSettings["onStep"];
}

/** A model that learned, not yet committed. */
interface Learned {
  model: Model;
  /** What learned in the end: less than was asked for where a task was refused. */
  part: Part;
  /** What the guard said of each task that was taught. */
  guard: Record<Task, GuardResult>;
  /** Steps that were done. */
  steps: number;
}

/** A model that learned and waits for `commit` or `discard`. */
export interface Candidate extends FitReport {
  model: Model;
  /** Ids of the frames that it was fitted on. */
  frames: readonly string[];
}

/** The rate at which a network learns: of AdamW, at its highest. */
export function rateOf({ params }: Cut["learner"]): number {
  const weights = [...params.values()].reduce((sum, { data }) => sum + data.length, 0);
  return Math.min(RATE.most, RATE.rooted / Math.sqrt(weights));
}

/** The tasks that samples teach, in the model's order. */
export function taughtTasks({ info }: Model, samples: readonly LearnSample[]): Task[] {
  return info.tasks.filter((task) => samples.some((sample) => isLabelled(sample, task) && !sample.held.includes(task)));
}

/** Whether a sample says anything of a task that can be learned or measured. */
export function isLabelled({ labels, asked }: LearnSample, task: Task): boolean {
  return (labels[task] ?? null) !== null && !asked.includes(task);
}

const seenAs = (samples: readonly LearnSample[], features: readonly Features[]): Seen[] =>
  samples.map(({ width, height }, i) => ({ width, height, features: features[i]! }));

/** What is known of a frame, and what is to stay as it is: the answers for tasks that nothing was said of. */
function completed(truth: Taught, answer: Taught, untaught: readonly boolean[]): Taught {
  return {
    ...truth,
    mapWeight: truth.mapWeight.map((weight, t) => (untaught[t] ? answer.mapWeight[t]! : weight)),
    presence: truth.presence.map((present, t) => (untaught[t] ? answer.presence[t]! : present)),
    presenceWeight: truth.presenceWeight.map((weight, t) => (untaught[t] ? answer.presenceWeight[t]! : weight)),
    targets: untaught.map((is, t) => (is ? answer.targets?.[t] : undefined)),
  };
}

/** What is known of a frame but for presence where all boxes are: its cost would press the logits of what a camera never sees down, in the whole world. */
function withoutPresence(truth: Truth): Truth {
  return { ...truth, presenceWeight: truth.presenceWeight.map((weight, t) => (truth.mapWeight[t]! > 0 ? 0 : weight)) };
}

/** The model with other weights behind a cut, and larger scales where these ask for it. */
function quantized(engine: Engine, model: Model, cut: Cut, learner: Cut["learner"], seen: readonly Seen[]): Model {
  const { scales } = cut.behind;
  const grown = grownScales(learner, scales!, reachesOf(engine, learner, scales!, seen), SLACK);
  return { ...model, graph: putBack(model.graph, cut, learner, grown) };
}

/**
 * A model taught on samples: what is behind the cut learns, is quantized again, and each task keeps that only where its loss on the samples that
 * were held back fell. A task that got worse gets its old head back; where the path learned with it, that gets its old weights back too, and the
 * heads of the other tasks learn again on it.
 */
async function learn(
  engine: Engine,
  model: Model,
  samples: readonly LearnSample[],
  taught: readonly Task[],
  options: LearnOptions,
): Promise<Learned> {
  const { part, features, rehearsal, signal, ...settings } = options;
  const cut = cutBefore(model, part, part === "heads" ? taught : model.info.tasks);
  const { tasks } = cut;
  const seen = seenAs(samples, await features(cut));
  const only = (measures: boolean) => (sample: LearnSample, i: number) => ({
    ...seen[i]!,
    truth: truthOf({ ...sample, labels: Object.fromEntries(taught.map((task) => [task, sample.labels[task] ?? null])) }, tasks, measures),
  });
  const held = (task: Task): number[] =>
    [...samples.keys()].filter((i) => samples[i]!.held.includes(task) && isLabelled(samples[i]!, task));
  const examined = new Map(taught.map((task) => [task, decisive(held(task), samples, task)]));
  const says = ({ truth }: Lesson): boolean => [...truth.mapWeight, ...truth.presenceWeight].some((weight) => weight > 0);
  const untaught = tasks.map((task) => !taught.includes(task));
  const answers = untaught.includes(true) ? answersAsTargets(engine, cut, model.info, tasks, seen) : [];
  const lessons = samples.flatMap((sample, i) => {
    const lesson = only(false)(sample, i);
    if (!says(lesson)) return [];
    const truth = model.info.layout.box < 0 ? lesson.truth : withoutPresence(lesson.truth);
    return [{ ...lesson, truth: answers[i] ? completed(truth, answers[i], untaught) : truth }];
  });
  const exams = samples
    .map((sample, i) => only(true)({ ...sample, held: sample.held.filter((task) => examined.get(task)?.includes(i)) }, i))
    .filter(says);
  const rehearsed = await rehearsal(cut);
  const share = rehearsed.length > 0 ? SHARE : 1;
  const rate = rateOf(cut.learner);
  const { learner, steps } = await fitBehind(engine, cut, [lessons, rehearsed], { ...settings, rate, share, signal, maps: model.info });
  const shown = [...lessons.slice(0, SHOWN), ...rehearsed.slice(0, SHOWN)];
  const made = quantized(engine, model, cut, learner, shown);

  const before = lossesOf(engine, cut.behind, exams, tasks, model.info);
  const after = lossesOf(engine, cutBefore(made, part, tasks).behind, exams, tasks, model.info);
  const guard: Record<Task, GuardResult> = Object.fromEntries(
    taught.map((task) => {
      const t = tasks.indexOf(task);
      const absent = !exams.some(({ truth }) => truth.presence[t]! > 0);
      const [first] = examined.get(task)!;
      const by = first === undefined ? null : labelledBy(samples[first]!, task);
      return [task, { ...judge(before[t]!, after[t]!, absent), by }];
    }),
  );
  const kept = taught.filter((task) => guard[task]!.kept);
  if (kept.length === taught.length) return { model: made, part, guard, steps };
  if (kept.length === 0) return { model, part, guard, steps };
  if (part !== "heads") {
    const again = await learn(engine, model, samples, kept, { ...options, part: "heads" });
    return { ...again, guard: { ...guard, ...again.guard } };
  }
  const params = new Map(learner.params);
  for (const [name, param] of cut.learner.params) if (!kept.some((task) => name.startsWith(`head.${task}.`))) params.set(name, param);
  return { model: quantized(engine, model, cut, { ...learner, params }, shown), part, guard, steps };
}

/**
 * The model with thresholds and presence of some tasks fitted to samples. Presence, where a task has learned, to those that were held back of it: the
 * network is too sure of what it learned. Thresholds to all: those held back have so few boxes that chance decides, which costs more F1.
 */
async function recalibrate(
  engine: Engine,
  model: Model,
  samples: readonly LearnSample[],
  tasks: readonly Task[],
  learned: boolean,
  features: LearnOptions["features"],
): Promise<Model> {
  let { info } = model;
  const cut = cutBefore(model, "heads", tasks);
  const found = answersAt(engine, cut, info, seenAs(samples, await features(cut)), LEAST_SCORE);
  for (const task of tasks) {
    const labelled = [...samples.keys()].filter((i) => isLabelled(samples[i]!, task));
    const held = labelled.filter((i) => samples[i]!.held.includes(task));
    const fitted = (by: typeof withThresholds, places: readonly number[]): ModelInfo => {
      const chosen = decisive(places, samples, task);
      return by(
        info,
        task,
        chosen.map((i) => asSample(samples[i]!)),
        chosen.map((i) => found[i]!),
      );
    };
    info = fitted(withThresholds, labelled);
    info = fitted(withPresence, learned && held.length > 0 ? held : labelled);
  }
  return { ...model, info };
}

/**
 * A model fitted to samples: taught, unless thresholds are all that is asked for, and with thresholds and presence fitted.
 * @returns a report, and the model; none where no task keeps what it learned
 * @throws what `fitBehind` throws
 */
export async function fitModel(
  engine: Engine,
  model: Model,
  samples: readonly LearnSample[],
  { what, ...options }: Omit<LearnOptions, "part"> & { what: Part | "thresholds" },
): Promise<FitReport & { model?: Model }> {
  const taught = taughtTasks(model, samples);
  if (what === "thresholds")
    return { what, steps: 0, guard: {}, refused: [], model: await recalibrate(engine, model, samples, taught, false, options.features) };
  const { part, steps, guard, model: learned } = await learn(engine, model, samples, taught, { ...options, part: what });
  const kept = taught.filter((task) => guard[task]!.kept);
  const report = { what: part, steps, guard, refused: taught.filter((task) => !guard[task]!.kept) };
  return kept.length === 0 ? report : { ...report, model: await recalibrate(engine, learned, samples, kept, true, options.features) };
}
