import { readFile, writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { FourwayError } from "../core/errors.js";
import { TASKS, type Task } from "../core/task.js";
import { isLabelled } from "../data/batch.js";
import { humanLabels, type Sample } from "../data/dataset.js";
import { loadModel } from "../model/model.js";
import { type Answers, detectAll, type LookOptions } from "../node/evaluate.js";
import { ProgressLine } from "../node/progress.js";
import { thumbnailer, writeReport } from "../node/report.js";
import { type Reliability, reliability } from "../train/calibration.js";
import type { Found } from "../train/metrics/coco.js";
import { formatScores, scoresToJson } from "../train/metrics/format.js";
import { mistakes } from "../train/metrics/mistakes.js";
import { falseAlarms, presenceTruth } from "../train/metrics/presence.js";
import { evaluate, precisionRecall, type Scores } from "../train/metrics.js";
import { DATA_FLAGS, type DataOptions, readSamples } from "./data.js";
import { peerAnswers } from "./evalPeer.js";
import { numberIn } from "./values.js";

/** Options of `fourway eval`, as commander gives them. */
interface EvalOptions extends DataOptions {
  model?: string;
  peer: string[];
  preset?: string;
  peerPixels?: number;
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
    .option("--model <file>", "a Fourway model, f32 or int8")
    .requiredOption(...DATA_FLAGS.data)
    .option("--split <split>", "train or val", "val")
    .option("--pixels <n>", "of the input, where not the model's own", numberIn({ least: 4096, most: 1 << 24, whole: true }))
    .option(
      "--peer <file...>",
      "other detectors on the same pictures: COCO detectors in ONNX (needs onnxruntime-web), or detections as COCO results (.json)",
      [],
    )
    .option("--preset <name>", "how the peers in ONNX are fed and read, as for label (default: guessed)")
    .option("--peer-pixels <n>", "of the peers' input (default: 173056)", numberIn({ least: 4096, most: 1 << 24, whole: true }))
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

/** Scores of a detector's answers, as a table and as data. */
function score(tasks: readonly Task[], { samples, found, ms }: Answers) {
  const scores = evaluate(tasks, samples, found);
  const calibration = presenceReliability(tasks, samples, found);
  const median = ms.toSorted((a, b) => a - b)[ms.length >> 1];
  const table = formatScores(scores);
  const text = median === undefined ? table : `${table}\n${median.toFixed(1)} ms a picture (median, one thread)`;
  const calibrationError = Object.fromEntries(tasks.map((task) => [task, calibration[task]!.error]));
  return { scores, calibration, text, json: { ...scoresToJson(scores), calibrationError, ms: median } };
}

async function runEval(options: EvalOptions): Promise<void> {
  const line = new ProgressLine();
  const { model: file, peer: peers, report } = options;
  if (file === undefined && peers.length === 0)
    throw new FourwayError("E_ARGUMENT", "eval: expected --model or --peer, got neither; name a file to score");
  if (file === undefined && report !== undefined)
    throw new FourwayError("E_ARGUMENT", "--report: expected a --model to report on, got none; name its file");
  const model = file === undefined ? undefined : loadModel(await readFile(file));
  const tasks = model?.info.tasks ?? TASKS;
  const read = (await readSamples(options, (text) => line.say(text))).filter(({ split }) => split === options.split);
  const wanted = options.teacherLabels ? read : read.map(humanLabels).filter((sample) => isLabelled(sample, tasks));
  const looking = (name: string): LookOptions => ({
    onPicture: (done) => line.show(() => `${name}: ${done} of ${wanted.length} pictures`),
    onFault: options.strict ? undefined : (fault) => line.say(`passed over: ${fault}`),
  });

  const blocks: string[] = [];
  const json: Record<string, unknown> = {};
  let own: { scores: Scores; calibration: Record<Task, Reliability>; answers: Answers } | undefined;
  if (model) {
    const answers = await detectAll(model, wanted, { pixels: options.pixels, ...looking(file!) });
    const { text, json: figures, ...scored } = score(tasks, answers);
    own = { ...scored, answers };
    const { thresholds } = model.info;
    const alarms = tasks.map((task) => [task, falseAlarms(task, answers.samples, answers.found, thresholds[task]!)] as const);
    const shares = alarms.map(([task, share]) => `${task} ${share === null ? "-" : `${(100 * share).toFixed(1)} %`}`);
    blocks.push(`${text}\npictures without it in which it is found, at the model's thresholds: ${shares.join(", ")}`);
    Object.assign(json, figures, { falseAlarms: Object.fromEntries(alarms) });
  }
  for (const peer of peers) {
    const answers = await peerAnswers(peer, wanted, { preset: options.preset, pixels: options.peerPixels, ...looking(peer) });
    const { text, json: figures } = score(tasks, answers);
    blocks.push(`${peer}\n${text}`);
    json.peers = { ...(json.peers as object | undefined), [peer]: figures };
  }
  const written = JSON.stringify(json, null, 2);
  line.clear();
  if (options.json === true) console.log(written);
  else {
    console.log(blocks.join("\n\n"));
    if (options.json !== undefined) await writeFile(options.json, `${written}\n`);
  }
  if (report === undefined || !own) return;
  const { scores, calibration, answers } = own;
  const thresholds = Object.fromEntries(scores.tasks.map(({ task, bestF1 }) => [task, bestF1?.threshold ?? 1]));
  await writeReport(
    report,
    {
      title: `${file} on ${options.split}`,
      tasks: [...tasks],
      samples: answers.samples,
      scores,
      curves: Object.fromEntries(tasks.map((task) => [task, precisionRecall(task, answers.samples, answers.found)])),
      mistakes: mistakes(tasks, answers.samples, answers.found, { thresholds }),
      reliability: calibration,
    },
    thumbnailer(answers.samples),
  );
  line.say(`report: ${report}`);
}
