import { FourwayError } from "../core/errors.js";
import type { OperatingPoint } from "../core/operatingPoint.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import type { ReadImage } from "../data/picture.js";
import { inputSize, letterboxed } from "../image/letterbox.js";
import { type BetaCalibration, IDENTITY, type PlattScaling } from "../model/calibration.js";
import { DEFAULT_THRESHOLD, type Model, type ModelInfo } from "../model/model.js";
import { type Answers, detectAll } from "./answers.js";
import { type Found, IGNORED, matchTask, RIGHT } from "./averagePrecision.js";
import { fitBetaCalibration, fitPlattScaling } from "./fitCalibration.js";
import { chooseThresholds } from "./operatingPoints.js";
import { presenceTruth } from "./presence.js";

/** Pixels of the inputs that a model is fitted at, beside its own. */
const FIT_PIXELS = [61_440, 122_880, 245_760];
/** Sides of boxes, in pixels of the input, at which scores are fitted. */
const BOX_SIDES = [8, 16, 32, 64, 128, 256, 512];
/** Raw scores below this are left out of the fit: next to nothing is right there, and they are many. */
const LEAST_FITTED = 0.01;
/** Thresholds are rounded down to one such part: a detection's own score passes, and none that was to be kept out lies so close below. */
const THRESHOLD_STEPS = 1e6;
/** Digits behind the point of a calibration's scales, bends and offsets: files stay small. */
const DIGITS = 3;
/** Probabilities are clamped to this distance from 0 and 1 before they become logits. */
const MIN_PROBABILITY = 1e-7;

/** Answers of a model without calibration, looking at inputs of about so many pixels. */
export interface RawAnswers {
  samples: readonly Sample[];
  found: readonly Found[];
  pixels: number;
}

/** Pixels of the inputs that calibrations, thresholds and an int8 network's ranges are fitted at: its own first. */
export function fitSizes(pixels: number): number[] {
  return [...new Set([pixels, ...FIT_PIXELS])];
}

function logit(probability: number): number {
  const p = Math.min(1 - MIN_PROBABILITY, Math.max(MIN_PROBABILITY, probability));
  return Math.log(p / (1 - p));
}

function rounded({ sizes, ...terms }: BetaCalibration): BetaCalibration {
  const round = (values: number[]): number[] => values.map((value) => Number(value.toFixed(DIGITS)));
  return { sizes, scales: round(terms.scales), ...(terms.bends ? { bends: round(terms.bends) } : {}), offsets: round(terms.offsets) };
}

/** The input that a model sees a sample's picture in, and how much of it each pixel of the label takes: input pixels a side. */
function inputOf(sample: Sample, pixels: number): { side: number; scale: number } {
  const input = inputSize(sample.width, sample.height, pixels);
  const { width, height } = letterboxed(sample, input);
  return { side: Math.sqrt(input.width * input.height), scale: Math.sqrt((width * height) / (sample.width * sample.height)) };
}

/** Calibration of a task's scores: the share of its detections that are right at IoU .5, by the side of the box; the identity where none is. */
export function fitScores(task: Task, answers: readonly RawAnswers[]): PlattScaling {
  const logits: number[] = [];
  const truths: boolean[] = [];
  const sides: number[] = [];
  for (const { samples, found, pixels } of answers) {
    const { scores, verdicts, pictures, found: boxes } = matchTask(task, samples, found, [0.5]);
    const scales = samples.map((sample) => inputOf(sample, pixels).scale);
    scores.forEach((score, i) => {
      const verdict = verdicts[0]![i];
      if (verdict === IGNORED || score < LEAST_FITTED) return;
      const { width, height } = boxes[i]!;
      logits.push(logit(score));
      truths.push(verdict === RIGHT);
      sides.push(scales[pictures[i]!]! * Math.sqrt(width * height));
    });
  }
  return truths.includes(true) ? rounded(fitPlattScaling(logits, truths, { of: sides, at: BOX_SIDES })) : { ...IDENTITY };
}

/** Calibration of a task's presence, by the side of the input; the identity where nothing is known. */
export function fitPresence(task: Task, answers: readonly RawAnswers[]): BetaCalibration {
  const logits: number[] = [];
  const truths: boolean[] = [];
  const sides: number[] = [];
  for (const { samples, found, pixels } of answers)
    samples.forEach((sample, i) => {
      const truth = presenceTruth(sample, task);
      if (truth === null) return;
      logits.push(logit(found[i]!.presence[task]!));
      truths.push(truth);
      sides.push(inputOf(sample, pixels).side);
    });
  const at = new Set(answers.map(({ pixels }) => Math.round(Math.sqrt(pixels))).toSorted((a, b) => a - b));
  return rounded(fitBetaCalibration(logits, truths, { of: sides, at: [...at] }));
}

/** Settings of `calibrateModel`. */
interface CalibrateOptions {
  read: ReadImage;
  /** Called for each image that cannot be decoded, which is then left out; without it such an image is an error. */
  onFault?: (fault: string) => void;
  /** Called after each image: at which step, how many are done, and of how many. */
  onImage?: (what: string, done: number, count: number) => void;
}

/**
 * The model with scores, presence and thresholds fitted anew on labelled pictures, at several sizes of the input together; the network stays as it is.
 * @returns the model, and its answers at its own input size
 * @throws E_DATA without a picture; E_IMAGE without `onFault`
 */
export async function calibrateModel(
  { graph, info }: Model,
  samples: readonly Sample[],
  { read, onFault, onImage }: CalibrateOptions,
): Promise<{ model: Model; answers: Answers }> {
  if (samples.length === 0)
    throw new FourwayError("E_DATA", "calibrate: expected labelled pictures of the val split, got none; add data with some");
  const { tasks, pixels } = info;
  const look = (model: Model, what: string, size: number, known: readonly Sample[]): Promise<Answers> =>
    detectAll(read, model, known, { pixels: size, onFault, onPicture: (done) => onImage?.(what, done, known.length) });
  const raw: Model = { graph, info: { ...info, scores: ofAll(tasks, () => IDENTITY), presence: ofAll(tasks, () => IDENTITY) } };
  const answers: RawAnswers[] = [];
  const sizes = fitSizes(pixels);
  let readable = samples;
  for (const size of sizes) {
    const { samples: seen, found } = await look(raw, `at ${size} pixels`, size, readable);
    readable = seen;
    answers.push({ samples: seen, found, pixels: size });
  }
  const calibrated: ModelInfo = {
    ...info,
    scores: ofAll(tasks, (task) => fitScores(task, answers)),
    presence: ofAll(tasks, (task) => fitPresence(task, answers)),
  };
  const looks: Answers[] = [];
  for (const size of sizes) looks.push(await look({ graph, info: calibrated }, `calibrated, at ${size} pixels`, size, readable));
  const seen = looks.flatMap((each) => each.samples);
  const found = looks.flatMap((each) => each.found);
  const chosen = ofAll(tasks, (task) => chooseThresholds(task, seen, found));
  const at = (point: OperatingPoint): Record<Task, number> =>
    ofAll(tasks, (task) => Math.floor((chosen[task]?.[point] ?? DEFAULT_THRESHOLD) * THRESHOLD_STEPS) / THRESHOLD_STEPS);
  const thresholds = { precise: at("precise"), balanced: at("balanced"), sensitive: at("sensitive") };
  return { model: { graph, info: { ...calibrated, thresholds } }, answers: looks[0]! };
}

function ofAll<T>(tasks: readonly Task[], of: (task: Task) => T): Record<Task, T> {
  return Object.fromEntries(tasks.map((task) => [task, of(task)]));
}
