import type { Frame } from "../core/frame.js";
import type { Sample } from "../data/dataset.js";
import type { Answers, LookOptions } from "../eval/answers.js";
import * as answers from "../eval/answers.js";
import type { Found } from "../eval/averagePrecision.js";
import type { Model } from "../model/model.js";
import { readView } from "./image.js";

export type { Answers, LookOptions };

/** The image of a path for `train`, `quantizeModel` and `detectAll`, within the bound of memory of `readView`. */
export async function readViewFrame(path: string): Promise<Frame> {
  return (await readView(path)).frame;
}

/** `answersTo` of src/eval on image files. @throws as it does */
export function answersTo(
  samples: readonly Sample[],
  detect: (frame: Frame) => Found | Promise<Found>,
  options: LookOptions = {},
): Promise<Answers> {
  return answers.answersTo(readViewFrame, samples, detect, options);
}

/** `detectAll` of src/eval on image files. @throws as `answersTo` */
export function detectAll(model: Model, samples: readonly Sample[], options: LookOptions = {}): Promise<Answers> {
  return answers.detectAll(readViewFrame, model, samples, options);
}
