import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Command } from "commander";
import { picturesBySet } from "../data/dataset.js";
import { formatScores, scoresToJson } from "../eval/format.js";
import { quantizeModel } from "../eval/quantizeModel.js";
import { loadModel, saveModel } from "../model/model.js";
import { readViewFrame } from "../node/evaluate.js";
import { ProgressLine } from "../node/progress.js";
import { checkWritable, safeWrite } from "../node/safeWrite.js";
import { modelCard, type Sources } from "../report/card.js";
import { valFigures } from "./calibrate.js";
import { DATA_FLAGS, type DataOptions, readTwoSplits, type SplitOptions, splitOption } from "./data.js";
import { numberIn, trainingPixels } from "./values.js";

/** Options of `fourway quantize`, as commander gives them. */
interface QuantizeOptions extends DataOptions, SplitOptions {
  model: string;
  out: string;
  pictures: number;
  pixels?: number;
  seed: number;
  sources?: string;
}

/** Adds `fourway quantize` to the program. */
export function addQuantize(program: Command): void {
  program
    .command("quantize")
    .description("turn an f32 model into int8: ranges from train pictures; scores, presence and thresholds from val; with a model card")
    .requiredOption("--model <file>", "an f32 Fourway model")
    .requiredOption(...DATA_FLAGS.data)
    .requiredOption("--out <file>", "the int8 model to write, .onnx; its card is written next to it as .json")
    .addOption(splitOption("to calibrate on", "train"))
    .addOption(splitOption("that thresholds and presence are chosen on", "val", "--val-split"))
    .option("--pictures <n>", "how many to calibrate on", numberIn({ least: 1, most: 10_000, whole: true }), 128)
    .option("--pixels <n>", "of the input that the model is for, about (default: those of its training)", trainingPixels)
    .option("--seed <n>", "which pictures", numberIn({ least: 0, most: 1e9, whole: true }), 1)
    .option("--sources <file>", "JSON of what is known of the sets and trunks (source, licence, doubts), for the card")
    .option(...DATA_FLAGS.labelled, (text) => text.split(","))
    .option(...DATA_FLAGS.strict)
    .action(runQuantize);
}

async function runQuantize(options: QuantizeOptions): Promise<void> {
  const line = new ProgressLine();
  const say = (text: string): void => line.say(text);
  const cardPath = options.out.replace(/(\.onnx)?$/, ".json");
  for (const path of [options.out, cardPath]) await checkWritable(path);
  const sources: Sources = options.sources === undefined ? {} : JSON.parse(await readFile(options.sources, "utf8"));
  const f32 = loadModel(await readFile(options.model));
  const { tasks } = f32.info;
  const samples = await readTwoSplits({ ...options, tasks }, say);

  line.say(`calibrating on ${options.pictures} pictures`);
  const { model, figures } = await quantizeModel(f32, samples, {
    read: readViewFrame,
    images: options.pictures,
    seed: options.seed,
    pixels: options.pixels,
    onFault: options.strict ? undefined : (fault) => line.skipped(fault),
    onImage: (name, done, count) => line.show(() => `${name}: ${done} of ${count} pictures`),
  });
  let val: Record<string, unknown> = {};
  if (figures) {
    const { f32: before, int8: after, answers } = figures;
    line.say(`f32 on val\n${formatScores(before)}\nint8 on val\n${formatScores(after)}`);
    val = { f32: scoresToJson(before), ...valFigures(model, answers, after) };
  }

  const file = saveModel(model);
  await safeWrite(options.out, file);
  const card = await modelCard(basename(options.out, ".onnx"), model, file, picturesBySet(samples, "train"), sources, val);
  await safeWrite(cardPath, `${JSON.stringify(card, null, 2)}\n`);
  line.say(`${options.out}: ${file.length} bytes`);
}
