import { DEFAULT_OPERATING_POINT } from "../core/operatingPoint.js";
import type { Task } from "../core/task.js";
import type { Label } from "../data/dataset.js";
import { scoresAt } from "../eval/operatingPoints.js";
import { evaluate } from "../eval/scores.js";
import type { Model } from "../model/model.js";
import type { Engine } from "../wasm/load.js";
import { type Cut, cutBefore } from "./cut.js";
import { isLabelled } from "./fit.js";
import { answersAt } from "./look.js";
import type { Features } from "./passes.js";
import { decisive } from "./provenance.js";
import { asSample, type LearnSample } from "./sample.js";

/** What a model is worth for a task; null where there is nothing to score. */
export interface TaskFigures {
  /** Average precision at IoU .5. */
  ap50: number | null;
  /** F1 at IoU .5 at the model's own threshold. */
  f1: number | null;
  /** Average precision of presence, over frames. */
  presenceAp: number | null;
  /** Of a model that gives points: their mean distance from the labels', relative to the longer side of the box about these. */
  pointError: number | null;
}

/** A task before and after. */
export interface TaskEvaluation {
  /** Frames that it was measured on, and whether these were held back. */
  frames: number;
  held: boolean;
  before: TaskFigures;
  after: TaskFigures;
}

/** A task each, of those that frames are labelled for. */
export type Evaluation = Record<Task, TaskEvaluation>;

/** Objects below this score do not change AP. */
const LEAST_SCORE = 0.001;

/**
 * Two models on frames, a task each where it was held back.
 * @param features values at a cut of the chosen frames
 */
export async function evaluated(
  engine: Engine,
  before: Model,
  after: Model,
  samples: readonly LearnSample[],
  features: (cut: Cut, chosen: readonly number[]) => Promise<readonly Features[]>,
): Promise<Evaluation> {
  const result: Evaluation = {};
  for (const task of before.info.tasks) {
    const measures = (label: Label): boolean => Array.isArray(label) || (label === true && before.info.layout.box < 0);
    const labelled = [...samples.keys()].filter((i) => measures(samples[i]!.labels[task] ?? null) && isLabelled(samples[i]!, task));
    if (labelled.length === 0) continue;
    const held = labelled.filter((i) => samples[i]!.held.includes(task));
    const chosen = decisive(held.length > 0 ? held : labelled, samples, task);
    const figures = async (model: Model): Promise<TaskFigures> => {
      const cut = cutBefore(model, "heads", [task]);
      const values = await features(cut, chosen);
      const seen = chosen.map((i, k) => ({ width: samples[i]!.width, height: samples[i]!.height, features: values[k]! }));
      const found = answersAt(engine, cut, model.info, seen, LEAST_SCORE);
      const known = chosen.map((i) => asSample(samples[i]!));
      const at = scoresAt(task, known, found, model.info.thresholds[DEFAULT_OPERATING_POINT][task]!);
      const { ap50, presenceAp, points } = evaluate([task], known, found).tasks[0]!;
      return { ap50, f1: at.all?.f1 ?? null, presenceAp, pointError: points?.error ?? null };
    };
    result[task] = { frames: chosen.length, held: held.length > 0, before: await figures(before), after: await figures(after) };
  }
  return result;
}
