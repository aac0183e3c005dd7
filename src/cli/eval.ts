import { readFile, writeFile } from "node:fs/promises";
import type { Command } from "commander";
import type { Task } from "../core/task.js";
import { isLabelled } from "../data/batch.js";
import { humanLabels, type Sample } from "../data/dataset.js";
import { loadModel, type Model } from "../model/model.js";
import { detectAll } from "../node/evaluate.js";
import { ProgressLine } from "../node/progress.js";
import { thumbnailer, writeReport } from "../node/report.js";
import { type Reliability, reliability } from "../train/calibration.js";
import type { Found } from "../train/metrics/coco.js";
import { formatScores, scoresToJson } from "../train/metrics/format.js";
import { mistakes } from "../train/metrics/mistakes.js";
import { presenceTruth } from "../train/metrics/presence.js";
import { evaluate, precisionRecall } from "../train/metrics.js";
import { DATA_FLAGS, type DataOptions, readSamples } from "./data.js";
import { numberIn } from "./values.js";

/** Options of `fourway eval`, as commander gives them. */
interface EvalOptions extends DataOptions {
  model: string;
  split: string;
  pixels?: number;
  json?: string | true;
  report?: string;
}

/** Adds `fourway eval` to the program. */
export function addEval(program: Command): void {
  program
    .command("eval")
    .description("score a model on labelled pictures: AP50, AP and presence AP a task, where the task is labelled")
    .requiredOption("--model <file>", "a Fourway model, f32 or int8")
    .requiredOption(...DATA_FLAGS.data)
    .option("--split <split>", "train or val", "val")
    .option("--pixels <n>", "of the input, where not the model's own", numberIn({ least: 4096, most: 1 << 24, whole: true }))
    .option("--json [file]", "the figures as JSON, on stdout or into a file")
    .option("--report <file>", "an HTML page with curves and the worst mistakes")
    .option(...DATA_FLAGS.labelled, (text) => text.split(","))
    .option("--teacher-labels", "score against labels that a teacher gave too; without it they are not known")
    .option(...DATA_FLAGS.strict)
    .action(runEval);
}

/** How well presence is calibrated on samples, a task each. */
export function presenceReliability(
  tasks: readonly Task[],
  samples: readonly Sample[],
  found: readonly Found[],
): Record<Task, Reliability> {
  return Object.fromEntries(
    tasks.map((task) => {
      const known = samples.flatMap((sample, i) => {
        const truth = presenceTruth(sample, task);
        return truth === null ? [] : [{ probability: found[i]!.presence[task]!, truth }];
      });
      return [
        task,
        reliability(
          known.map(({ probability }) => probability),
          known.map(({ truth }) => truth),
        ),
      ];
    }),
  );
}

async function runEval(options: EvalOptions): Promise<void> {
  const line = new ProgressLine();
  const model: Model = loadModel(await readFile(options.model));
  const { tasks } = model.info;
  const read = (await readSamples(options, (text) => line.say(text))).filter(({ split }) => split === options.split);
  const wanted = options.teacherLabels ? read : read.map(humanLabels).filter((sample) => isLabelled(sample, tasks));
  const { samples, found } = await detectAll(model, wanted, {
    pixels: options.pixels,
    onPicture: (done) => line.show(() => `${done} of ${wanted.length} pictures`),
    onFault: options.strict ? undefined : (fault) => line.say(`passed over: ${fault}`),
  });
  const scores = evaluate(tasks, samples, found);
  const calibration = presenceReliability(tasks, samples, found);
  const json = JSON.stringify(
    { ...scoresToJson(scores), calibrationError: Object.fromEntries(tasks.map((task) => [task, calibration[task]!.error])) },
    null,
    2,
  );
  if (options.json === true) console.log(json);
  else {
    console.log(formatScores(scores));
    if (options.json !== undefined) await writeFile(options.json, `${json}\n`);
  }
  if (options.report === undefined) return;
  const thresholds = Object.fromEntries(scores.tasks.map(({ task, bestF1 }) => [task, bestF1?.threshold ?? 1]));
  await writeReport(
    options.report,
    {
      title: `${options.model} on ${options.split}`,
      tasks: [...tasks],
      samples,
      scores,
      curves: Object.fromEntries(tasks.map((task) => [task, precisionRecall(task, samples, found)])),
      mistakes: mistakes(tasks, samples, found, { thresholds }),
      reliability: calibration,
    },
    thumbnailer(samples),
  );
  line.say(`report: ${options.report}`);
}
