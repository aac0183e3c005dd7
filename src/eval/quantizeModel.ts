import { FourwayError } from "../core/errors.js";
import { Random } from "../core/random.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import { openPicture, type ReadImage } from "../data/picture.js";
import { INPUT_SCALE } from "../graph/graph.js";
import { inputSize, letterboxed, resampled } from "../image/letterbox.js";
import { inputMultiple } from "../model/head.js";
import { DEFAULT_THRESHOLD, defaultInfo, type Model } from "../model/model.js";
import { quantize } from "../quant/quantize.js";
import type { CalibrationInput } from "../quant/ranges.js";
import { createEngine } from "../wasm/load.js";
import { type Answers, detectAll } from "./answers.js";
import type { Found } from "./averagePrecision.js";
import { fitPlattScaling, IDENTITY } from "./plattScaling.js";
import { presenceTruth } from "./presence.js";
import { defaultThreshold, evaluate, type Scores } from "./scores.js";

/** Thresholds are rounded down to a multiple of 1 / this: the score they were chosen at passes, and no lower score is that close. */
const THRESHOLD_STEPS = 1e6;
/** Probabilities are clamped to this distance from 0 and 1 before they become logits. */
const MIN_PROBABILITY = 1e-7;

/** Settings of `quantizeModel`. */
interface QuantizeModelOptions {
  read: ReadImage;
  /** How many images of the train split to calibrate on, and which. */
  images: number;
  seed: number;
  /** Of the input that the model is for, about; default: the model's. */
  pixels?: number;
  /** Called for each image that cannot be decoded, which is then left out; without it such an image is an error. */
  onFault?: (fault: string) => void;
  /** Called after each image of the val split: with which model, how many are done, and of how many. */
  onImage?: (model: string, done: number, count: number) => void;
}

/** How a quantized model and the one it was made from do on the val split. */
interface QuantizedFigures {
  f32: Scores;
  int8: Scores;
  /** The int8 model's answers, presence calibrated. */
  answers: Answers;
  /** What each task's threshold was chosen by. */
  thresholdsBy: Record<Task, string>;
}

/** Inputs from images drawn at random; where one cannot be decoded another is drawn, at most `2 * images` in all. */
async function drawInputs(
  samples: readonly Sample[],
  pixels: number,
  multiple: number,
  { read, images, seed, onFault }: QuantizeModelOptions,
): Promise<CalibrationInput[]> {
  const engine = await createEngine();
  const { memory, kernels } = engine;
  const random = new Random(seed);
  const inputs: CalibrationInput[] = [];
  for (let draws = 0; inputs.length < images && draws < 2 * images; draws++) {
    const frame = await openPicture(read, random.pick(samples));
    if (frame instanceof FourwayError) {
      if (!onFault) throw frame;
      onFault(frame.message);
      continue;
    }
    const input = inputSize(frame.width, frame.height, pixels, multiple);
    const values = 3 * input.width * input.height;
    const floatPixels = resampled(engine, frame, letterboxed(frame, input), input, (bytes) => {
      const floats = memory.reserve(4 * values);
      kernels.dequantize(floats, bytes, values, INPUT_SCALE);
      return memory.f32.slice(floats >> 2, (floats >> 2) + values);
    });
    inputs.push({ ...input, pixels: floatPixels });
  }
  return inputs;
}

/** Calibration of presence, a task each, from uncalibrated probabilities; the identity where nothing is known of a task. */
export function fitPresence(tasks: readonly Task[], samples: readonly Sample[], found: readonly Found[]): Model["info"]["presence"] {
  return Object.fromEntries(
    tasks.map((task) => {
      const logits: number[] = [];
      const truths: boolean[] = [];
      samples.forEach((sample, i) => {
        const truth = presenceTruth(sample, task);
        const p = Math.min(1 - MIN_PROBABILITY, Math.max(MIN_PROBABILITY, found[i]!.presence[task]!));
        if (truth === null) return;
        logits.push(Math.log(p / (1 - p)));
        truths.push(truth);
      });
      return [task, truths.length > 0 ? fitPlattScaling(logits, truths) : { ...IDENTITY }];
    }),
  );
}

/**
 * The int8 twin of a trained f32 model: calibrated on images of the train split, thresholds and presence from the val split.
 * @returns the model, and its figures on val; null without a val split
 * @throws E_MODEL for an int8 model; E_DATA without a train split; E_IMAGE without `onFault`
 */
export async function quantizeModel(
  f32: Model,
  samples: readonly Sample[],
  options: QuantizeModelOptions,
): Promise<{ model: Model; figures: QuantizedFigures | null }> {
  if (f32.graph.scales) throw new FourwayError("E_MODEL", "quantize: expected an f32 model, got int8; give the file that training wrote");
  const train = samples.filter(({ split }) => split === "train");
  const val = samples.filter(({ split }) => split === "val");
  if (train.length === 0)
    throw new FourwayError("E_DATA", "quantize: expected images of the train split to calibrate on, got none; add data with some");
  const { tasks, notes } = f32.info;
  const { read, images, seed, pixels = f32.info.pixels, onFault, onImage } = options;
  const graph = quantize(await createEngine(), f32.graph, await drawInputs(train, pixels, inputMultiple(f32.info.strides), options));
  const model: Model = {
    graph,
    info: { ...defaultInfo(tasks, f32.info), pixels, notes: { ...notes, quantized: `${images} pictures, seed ${seed}` } },
  };
  if (val.length === 0) return { model, figures: null };

  const measure = (which: Model, known: readonly Sample[], name: string): Promise<Answers> =>
    detectAll(read, which, known, { onFault, onPicture: (done) => onImage?.(name, done, known.length) });
  const first = await measure({ ...f32, info: { ...model.info } }, val, "f32");
  const readable = first.samples;
  model.info.presence = fitPresence(tasks, readable, (await measure(model, readable, "int8")).found);
  const answers = await measure(model, readable, "int8, calibrated");
  const int8 = evaluate(tasks, readable, answers.found);
  const thresholdsBy: Record<Task, string> = {};
  for (const scores of int8.tasks) {
    const choice = defaultThreshold(scores, int8.precision);
    model.info.thresholds[scores.task] = choice ? Math.floor(choice.threshold * THRESHOLD_STEPS) / THRESHOLD_STEPS : DEFAULT_THRESHOLD;
    thresholdsBy[scores.task] = choice?.by ?? "nothing found";
  }
  return { model, figures: { f32: evaluate(tasks, readable, first.found), int8, answers, thresholdsBy } };
}
