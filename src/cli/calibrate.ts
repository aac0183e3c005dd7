import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { OPERATING_POINTS } from "../core/operatingPoint.js";
import type { Sample } from "../data/dataset.js";
import type { Answers } from "../eval/answers.js";
import { calibrateModel } from "../eval/calibrateModel.js";
import { formatScores, scoresToJson } from "../eval/format.js";
import { scoresAt } from "../eval/operatingPoints.js";
import { evaluate, type Scores } from "../eval/scores.js";
import { loadModel, type Model, saveModel } from "../model/model.js";
import { readViewFrame } from "../node/evaluate.js";
import { ProgressLine } from "../node/progress.js";
import { checkWritable, safeWrite } from "../node/safeWrite.js";
import { recalibratedCard } from "../report/card.js";
import { DATA_FLAGS, type DataOptions, readSamples, splitOption } from "./data.js";
import { presenceReliability } from "./eval.js";

/** Options of `fourway calibrate`, as commander gives them. */
interface CalibrateCommandOptions extends DataOptions {
  model: string;
  out: string;
  split: string;
}

/** Adds `fourway calibrate` to the program. */
export function addCalibrate(program: Command): void {
  program
    .command("calibrate")
    .description("fit a model's scores, presence and thresholds to a val split again; its weights stay, bit for bit")
    .requiredOption("--model <file>", "a Fourway model, f32 or int8")
    .requiredOption(...DATA_FLAGS.data)
    .requiredOption("--out <file>", "the model to write, .onnx; a card next to --model is written next to it with the new figures")
    .addOption(splitOption("to fit to", "val"))
    .option(...DATA_FLAGS.labelled, (text) => text.split(","))
    .option(...DATA_FLAGS.strict)
    .action(runCalibrate);
}

/** A model's figures on the val split, for its card: of its answers at its own size. */
export function valFigures(
  { graph, info: { tasks, thresholds } }: Model,
  { samples, found }: Answers,
  scores: Scores,
): Record<string, unknown> {
  return {
    [graph.scales ? "int8" : "f32"]: scoresToJson(scores),
    reliability: presenceReliability(tasks, samples, found),
    operatingPoints: Object.fromEntries(
      OPERATING_POINTS.map((point) => [
        point,
        Object.fromEntries(tasks.map((task) => [task, scoresAt(task, samples, found, thresholds[point][task]!)])),
      ]),
    ),
  };
}

const cardOf = (path: string): string => path.replace(/(\.onnx)?$/, ".json");

async function runCalibrate(options: CalibrateCommandOptions): Promise<void> {
  const line = new ProgressLine();
  for (const path of [options.out, cardOf(options.out)]) await checkWritable(path);
  const before = loadModel(await readFile(options.model));
  const { tasks } = before.info;
  const asVal = (sample: Sample): Sample[] => (sample.split === options.split ? [{ ...sample, split: "val" }] : []);
  const samples = await readSamples({ ...options, tasks }, (text) => line.say(text), asVal);
  const { model, answers } = await calibrateModel(before, samples, {
    read: readViewFrame,
    onFault: options.strict ? undefined : (fault) => line.skipped(fault),
    onImage: (what, done, count) => line.show(() => `${what}: ${done} of ${count} pictures`),
  });
  const scores = evaluate(tasks, answers.samples, answers.found);
  line.say(`on val\n${formatScores(scores)}`);
  const file = saveModel(model);
  const card = await readFile(cardOf(options.model), "utf8").catch(() => null);
  await safeWrite(options.out, file);
  if (card !== null) {
    const changed = await recalibratedCard(JSON.parse(card), model, file, valFigures(model, answers, scores));
    await safeWrite(cardOf(options.out), `${JSON.stringify(changed, null, 2)}\n`);
  }
  line.say(`${options.out}: ${file.length} bytes`);
}
