import { FourwayError } from "../core/errors.js";
import { Random } from "../core/random.js";
import type { Sample } from "../data/dataset.js";
import { openPicture, type ReadImage } from "../data/picture.js";
import { INPUT_SCALE } from "../graph/graph.js";
import { inputSize, letterboxed, resampled } from "../image/letterbox.js";
import { defaultInfo, type Model } from "../model/model.js";
import { quantize } from "../quant/quantize.js";
import type { CalibrationInput } from "../quant/ranges.js";
import { createEngine } from "../wasm/load.js";
import { type Answers, detectAll } from "./answers.js";
import { calibrateModel, fitSizes } from "./calibrateModel.js";
import { evaluate, type Scores } from "./scores.js";

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
  /** The int8 model's answers, calibrated. */
  answers: Answers;
}

/**
 * Inputs from images drawn at random, of the sizes by turns: more pixels show what fewer do not, and what passes a range is clipped. Where one
 * cannot be decoded another is drawn, at most `2 * images` in all.
 */
async function drawInputs(
  samples: readonly Sample[],
  sizes: readonly number[],
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
    const input = inputSize(frame.width, frame.height, sizes[inputs.length % sizes.length]!);
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

/**
 * The int8 twin of a trained f32 model: ranges measured on images of the train split, scores, presence and thresholds fitted on the val split.
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
  const graph = quantize(await createEngine(), f32.graph, await drawInputs(train, fitSizes(pixels), options));
  const model: Model = {
    graph,
    info: { ...defaultInfo(tasks, f32.info), pixels, notes: { ...notes, quantized: `${images} pictures, seed ${seed}` } },
  };
  if (val.length === 0) return { model, figures: null };

  const first = await detectAll(read, { ...f32, info: model.info }, val, {
    onFault,
    onPicture: (done) => onImage?.("f32", done, val.length),
  });
  const calibrated = await calibrateModel(model, first.samples, {
    read,
    onFault,
    onImage: (what, done, count) => onImage?.(`int8, ${what}`, done, count),
  });
  const { samples: readable, found } = calibrated.answers;
  return {
    model: calibrated.model,
    figures: {
      f32: evaluate(tasks, first.samples, first.found),
      int8: evaluate(tasks, readable, found),
      answers: calibrated.answers,
    },
  };
}
