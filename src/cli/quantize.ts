import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Command } from "commander";
import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import { Random } from "../core/random.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import type { Found } from "../eval/averagePrecision.js";
import { formatScores, scoresToJson } from "../eval/format.js";
import { fitPlattScaling } from "../eval/plattScaling.js";
import { presenceTruth } from "../eval/presence.js";
import { defaultThreshold, evaluate } from "../eval/scores.js";
import { INPUT_SCALE } from "../graph/graph.js";
import { inputSize, letterboxed, resampled } from "../image/letterbox.js";
import { inputMultiple } from "../model/head.js";
import { DEFAULT_THRESHOLD, defaultInfo, loadModel, type Model, saveModel } from "../model/model.js";
import { detectAll } from "../node/evaluate.js";
import { readImage } from "../node/image.js";
import { ProgressLine } from "../node/progress.js";
import { safeWrite } from "../node/safeWrite.js";
import { quantize } from "../quant/quantize.js";
import type { CalibrationInput } from "../quant/ranges.js";
import { modelFacts } from "../report/card.js";
import { createEngine } from "../wasm/load.js";
import { DATA_FLAGS, type DataOptions, readSamples } from "./data.js";
import { presenceReliability } from "./eval.js";
import { numberIn, trainingPixels } from "./values.js";

/** Thresholds are rounded down to one such part: a detection's own score passes, and none that was to be kept out lies so close below. */
const THRESHOLD_STEPS = 1e6;

/** Options of `fourway quantize`, as commander gives them. */
interface QuantizeOptions extends DataOptions {
  model: string;
  out: string;
  pictures: number;
  pixels?: number;
  seed: number;
  sources?: string;
}

/** What a `--sources` file says. */
interface Sources {
  /** By file name. */
  trunks?: Record<string, string>;
  /** Whose labels they are. */
  labels?: string;
  sets?: Record<string, Record<string, string>>;
}

/** Adds `fourway quantize` to the program. */
export function addQuantize(program: Command): void {
  program
    .command("quantize")
    .description("turn an f32 model into int8: calibrated on train pictures; thresholds and presence from val; a card beside it")
    .requiredOption("--model <file>", "an f32 Fourway model")
    .requiredOption(...DATA_FLAGS.data)
    .requiredOption("--out <file>", "the int8 model to write, .onnx; its card goes beside it as .json")
    .option("--pictures <n>", "of the train split to calibrate on", numberIn({ least: 1, most: 10_000, whole: true }), 128)
    .option("--pixels <n>", "of the input that the model is for, about; those that it was trained at where not given", trainingPixels)
    .option("--seed <n>", "which pictures", numberIn({ least: 0, most: 1e9, whole: true }), 1)
    .option("--sources <file>", "JSON of what is known of the sets and trunks (source, licence, doubts), for the card")
    .option(...DATA_FLAGS.labelled, (text) => text.split(","))
    .option(...DATA_FLAGS.strict)
    .action(runQuantize);
}

/** Inputs of `count` pictures drawn at random; one that cannot be read is told and another drawn, unless no picture can. */
async function readInputs(
  samples: readonly Sample[],
  pixels: number,
  multiple: number,
  { pictures: count, seed, strict }: QuantizeOptions,
  onFault: (fault: string) => void,
): Promise<CalibrationInput[]> {
  const engine = await createEngine();
  const { memory, kernels } = engine;
  const random = new Random(seed);
  const inputs: CalibrationInput[] = [];
  for (let draws = 0; inputs.length < count && draws < 2 * count; draws++) {
    const { image, source } = random.pick(samples);
    let frame: Frame;
    try {
      frame = await readImage(image);
    } catch (error) {
      if (strict || !(error instanceof FourwayError)) throw error;
      onFault(`${source ?? image}: ${error.message}`);
      continue;
    }
    const input = inputSize(frame.width, frame.height, pixels, multiple);
    const values = 3 * input.width * input.height;
    const floatPixels = resampled(engine, frame, letterboxed(frame, input), input, (bytes) => {
      const floats = memory.reserve(4 * values);
      kernels.toFloat(floats, bytes, values, INPUT_SCALE);
      return memory.f32.slice(floats >> 2, (floats >> 2) + values);
    });
    inputs.push({ ...input, pixels: floatPixels });
  }
  return inputs;
}

/** Presence calibration from uncalibrated probabilities. */
function fitPresence(tasks: readonly Task[], samples: readonly Sample[], found: readonly Found[]): Model["info"]["presence"] {
  return Object.fromEntries(
    tasks.map((task) => {
      const logits: number[] = [];
      const truths: boolean[] = [];
      samples.forEach((sample, i) => {
        const truth = presenceTruth(sample, task);
        const p = Math.min(1 - 1e-7, Math.max(1e-7, found[i]!.presence[task]!));
        if (truth === null) return;
        logits.push(Math.log(p / (1 - p)));
        truths.push(truth);
      });
      return [task, truths.length > 0 ? fitPlattScaling(logits, truths) : { scale: 1, offset: 0 }];
    }),
  );
}

async function runQuantize(options: QuantizeOptions): Promise<void> {
  const line = new ProgressLine();
  const f32 = loadModel(await readFile(options.model));
  if (f32.graph.scales)
    throw new FourwayError("E_MODEL", `quantize: expected an f32 model, got int8 in ${options.model}; give the file that training wrote`);
  const { tasks, notes } = f32.info;
  const { pixels = f32.info.pixels } = options;
  const samples = await readSamples({ ...options, tasks }, (text) => line.say(text));
  const train = samples.filter(({ split }) => split === "train");
  const val = samples.filter(({ split }) => split === "val");
  if (train.length === 0)
    throw new FourwayError("E_DATA", "quantize: expected pictures of the train split to calibrate on, got none; give more --data");

  line.say(`calibrating on ${options.pictures} pictures`);
  const inputs = await readInputs(train, pixels, inputMultiple(f32.info.strides), options, (fault) => line.say(`skipped: ${fault}`));
  const graph = quantize(await createEngine(), f32.graph, inputs);
  const model: Model = {
    graph,
    info: { ...defaultInfo(tasks, f32.info), pixels, notes: { ...notes, quantized: `${options.pictures} pictures, seed ${options.seed}` } },
  };

  let measured: Record<string, unknown> = {};
  if (val.length > 0) {
    const onFault = options.strict ? undefined : (fault: string) => line.say(`skipped: ${fault}`);
    const measure = (which: Model, pictures: readonly Sample[], name: string) =>
      detectAll(which, pictures, { onFault, onPicture: (done) => line.show(() => `${name}: ${done} of ${pictures.length} pictures`) });
    const first = await measure({ ...f32, info: model.info }, val, "f32");
    const pictures = first.samples;
    const before = evaluate(tasks, pictures, first.found);
    model.info.presence = fitPresence(tasks, pictures, (await measure(model, pictures, "int8")).found);
    const { found } = await measure(model, pictures, "int8, calibrated");
    const after = evaluate(tasks, pictures, found);
    const chosen = after.tasks.map((scores) => [scores.task, defaultThreshold(scores, after.precision)] as const);
    model.info.thresholds = Object.fromEntries(
      chosen.map(([task, choice]) => [task, choice ? Math.floor(choice.threshold * THRESHOLD_STEPS) / THRESHOLD_STEPS : DEFAULT_THRESHOLD]),
    );
    line.say(`f32 on val\n${formatScores(before)}\nint8 on val\n${formatScores(after)}`);
    measured = {
      f32: scoresToJson(before),
      int8: scoresToJson(after),
      reliability: presenceReliability(tasks, pictures, found),
      thresholdsBy: Object.fromEntries(chosen.map(([task, choice]) => [task, choice?.by ?? "nothing found"])),
    };
  }
  const file = saveModel(model);
  await safeWrite(options.out, file);
  const name = basename(options.out, ".onnx");
  const sources: Sources = options.sources === undefined ? {} : JSON.parse(await readFile(options.sources, "utf8"));
  const sets = Object.fromEntries(
    [...new Set(train.map(({ set }) => set))].map((set) => [
      set,
      { pictures: train.filter((sample) => sample.set === set).length, ...sources.sets?.[set] },
    ]),
  );
  const { thresholds, presence, notes: training } = model.info;
  const trunk = sources.trunks?.[training.start ?? ""];
  const card = {
    name,
    ...(await modelFacts(model, file)),
    tasks,
    thresholds,
    presence,
    training: { ...training, trunk, labels: sources.labels, sets },
    val: measured,
  };
  await safeWrite(options.out.replace(/(\.onnx)?$/, ".json"), `${JSON.stringify(card, null, 2)}\n`);
  line.say(`${options.out}: ${file.length} bytes`);
}
