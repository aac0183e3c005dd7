import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Command } from "commander";
import { FourwayError } from "../core/errors.js";
import { DEFAULT_OPERATING_POINT, type OperatingPoint } from "../core/operatingPoint.js";
import { TASKS, type Task } from "../core/task.js";
import { isLabelled } from "../data/batch.js";
import { humanLabels, type Sample } from "../data/dataset.js";
import type { Found } from "../eval/averagePrecision.js";
import { type Reliability, reliability } from "../eval/fitCalibration.js";
import { formatFigure, formatScores, scoresToJson } from "../eval/format.js";
import { mistakes } from "../eval/mistakes.js";
import { scoresAt } from "../eval/operatingPoints.js";
import { falseAlarms, presenceTruth } from "../eval/presence.js";
import { evaluate, precisionRecall, type Scores } from "../eval/scores.js";
import { loadModel } from "../model/model.js";
import { type Answers, detectAll, type LookOptions } from "../node/evaluate.js";
import { checkPeer, PEER_PIXELS, peerAnswers } from "../node/peers.js";
import { ProgressLine } from "../node/progress.js";
import { thumbnailer, writeReport } from "../node/report.js";
import { checkWritable, makeFolder, safeWrite } from "../node/safeWrite.js";
import { linePlot } from "../report/plot.js";
import { DATA_FLAGS, type DataOptions, readSamples, splitOption } from "./data.js";
import { inputPixels, operatingPointOption, parseTasks, several, tableLines } from "./values.js";

/** Options of `fourway eval`, as commander gives them. */
interface EvalOptions extends DataOptions {
  model: string[];
  peer: string[];
  preset?: string;
  peerPixels: number[];
  split: string;
  pixels: number[];
  operatingPoint?: OperatingPoint;
  plot?: string;
  json?: string | true;
  report?: string;
}

/** Adds `fourway eval` to the program. */
export function addEval(program: Command): void {
  program
    .command("eval")
    .description("score a model on labelled pictures: AP50, AP and presence AP per task, where the task is labelled")
    .option("--model <file...>", "Fourway models, f32 or int8", [])
    .requiredOption(...DATA_FLAGS.data)
    .addOption(operatingPointOption())
    .addOption(splitOption("to score on", "val"))
    .option("--pixels <n...>", "of the models' input (default: their own); each of several is scored", several(inputPixels), [])
    .option(
      "--peer <file...>",
      "other detectors on the same pictures: COCO detectors in ONNX (needs onnxruntime-web), or detections as COCO results (.json)",
      [],
    )
    .option("--preset <name>", "input and output format of the peers in ONNX, as for label (default: guessed)")
    .option("--tasks <tasks>", "what peers are scored on, comma separated (default: the models' and the shipped models' tasks)", parseTasks)
    .option("--peer-pixels <n...>", "of the peers' input; each of several is scored", several(inputPixels), [PEER_PIXELS])
    .option("--json [file]", "the figures as JSON, on stdout or into a file")
    .option("--report <file>", "an HTML page with curves and the worst mistakes, of the first model")
    .option("--plot <file>", "accuracy against milliseconds of all detectors, as SVG")
    .option(...DATA_FLAGS.labelled, (text) => text.split(","))
    .option("--teacher-labels", "also score against labels that a teacher gave; without it they are unknown")
    .option(...DATA_FLAGS.strict)
    .action(runEval);
}

/** How well presence is calibrated on samples, per task. */
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

/** What a model's detections are worth at its thresholds, a task each. */
type AtThresholds = Record<Task, ReturnType<typeof scoresAt> & { threshold: number; falseAlarms: number | null }>;

/** One detector at one size of its input, scored. */
interface Run {
  file: string;
  /** Of its input; of a peer's detections that is not known. */
  pixels?: number;
  tasks: readonly Task[];
  answers: Answers;
  scores: Scores;
  calibration: Record<Task, Reliability>;
  /** AP50 of each task in each set that has boxes of it. */
  sets: Record<string, SetScores>;
  /** Of a model of ours, at its thresholds of the operating point. */
  atThresholds?: AtThresholds;
  /** Median of a picture. */
  ms?: number;
}

/** AP50 of the tasks of which a set has boxes, and how many. */
type SetScores = Record<Task, { ap50: number; boxes: number }>;

/** The sets apart: a mean over all pictures says most about the largest set. */
function bySet(tasks: readonly Task[], { samples, found }: Answers): Record<string, SetScores> {
  const sets = [...new Set(samples.map(({ set }) => set))].toSorted();
  return Object.fromEntries(
    sets.map((set) => {
      const inSet = (_: unknown, i: number): boolean => samples[i]!.set === set;
      const { tasks: scores } = evaluate(tasks, samples.filter(inSet), found.filter(inSet));
      return [
        set,
        Object.fromEntries(scores.flatMap(({ task, ap50, counts }) => (ap50 === null ? [] : [[task, { ap50, boxes: counts.boxes }]]))),
      ];
    }),
  );
}

function scored(file: string, tasks: readonly Task[], pixels: number | undefined, answers: Answers): Run {
  const { samples, found, ms } = answers;
  return {
    file,
    pixels,
    tasks,
    answers,
    scores: evaluate(tasks, samples, found),
    calibration: presenceReliability(tasks, samples, found),
    sets: bySet(tasks, answers),
    ms: ms.toSorted((a, b) => a - b)[ms.length >> 1],
  };
}

function runToJson({ file, pixels, tasks, scores, calibration, sets, atThresholds, ms }: Run): Record<string, unknown> {
  const calibrationError = Object.fromEntries(tasks.map((task) => [task, calibration[task]!.error]));
  return { file: basename(file), pixels, ms, ...scoresToJson(scores), calibrationError, sets, atThresholds };
}

function formatRun({ tasks, scores, calibration, sets, atThresholds, ms }: Run): string {
  const lines = [formatScores(scores)];
  if (ms !== undefined) lines.push(`${ms.toFixed(1)} ms per picture (median, one thread)`);
  if (Object.keys(sets).length > 1) lines.push("", ...setLines(tasks, sets));
  if (atThresholds) lines.push("", ...thresholdLines(tasks, atThresholds, calibration));
  return lines.join("\n");
}

/** A table by set: AP50 and how many boxes there are. */
function setLines(tasks: readonly Task[], sets: Record<string, SetScores>): string[] {
  const rows = Object.entries(sets).flatMap(([set, scores]) => {
    if (Object.keys(scores).length === 0) return [];
    return [[set, ...tasks.map((task) => (scores[task] ? `${formatFigure(scores[task].ap50)} of ${scores[task].boxes}` : ""))]];
  });
  return tableLines(
    [["AP50 by set", ...tasks], ...rows],
    [...tasks.keys()].map((i) => i + 1),
  );
}

/**
 * Tables by the object's share of the picture: AP50, how many boxes there are and the median IoU of those found; then what is found at the thresholds: all, and F1 (and the best
 * F1 of that size alone) by share.
 */
function thresholdLines(tasks: readonly Task[], atThresholds: AtThresholds, calibration: Record<Task, Reliability>): string[] {
  const sizes = atThresholds[tasks[0]!]!.sizes.map(({ from }) => `F1 from ${100 * from} %`);
  const head = ["at its thresholds", "score", "precision", "recall", "F1", ...sizes, "false alarms", "presence error"];
  const rows = tasks.map((task) => {
    const { threshold, all, sizes, falseAlarms } = atThresholds[task]!;
    return [
      task,
      ...[threshold, all?.precision ?? null, all?.recall ?? null, all?.f1 ?? null].map(formatFigure),
      ...sizes.map(({ at, bestF1 }) => (at === null ? "-" : `${formatFigure(at.f1)} (${formatFigure(bestF1)})`)),
      formatFigure(falseAlarms),
      formatFigure(calibration[task]!.error),
    ];
  });
  const shares = ["by share of the picture", ...atThresholds[tasks[0]!]!.sizes.map(({ from }) => `AP50 from ${100 * from} %`)];
  const bySize = tasks.map((task) => [
    task,
    ...atThresholds[task]!.sizes.map(({ ap50, boxes, medianIou }) => `${formatFigure(ap50)} of ${boxes} (${formatFigure(medianIou)})`),
  ]);
  return [
    ...tableLines([shares, ...bySize], [...shares.keys()].slice(1)),
    "AP50 of so many boxes; in brackets the median IoU of those found",
    "",
    ...tableLines([head, ...rows], [...head.keys()].slice(1)),
    "false alarms: share of the pictures without the task in which it is found; in brackets the best F1 that a threshold for this size alone has",
  ];
}

/** Mean AP50 against milliseconds; a detector at several sizes is one line. */
function plotOf(runs: readonly Run[]): string {
  const timed = runs.filter(({ ms, scores }) => ms !== undefined && scores.mean.ap50 !== null);
  return linePlot({
    title: "Accuracy against time, one thread",
    x: { label: "milliseconds per picture", from: 0 },
    y: { label: "mean AP50", from: 0, to: 1 },
    series: [...new Set(timed.map(({ file }) => file))].map((file) => ({
      name: basename(file, ".onnx"),
      style: "dots",
      points: timed.filter((run) => run.file === file).map(({ ms, scores }) => [ms!, scores.mean.ap50!] as const),
    })),
  });
}

async function runEval(options: EvalOptions): Promise<void> {
  const line = new ProgressLine();
  const { model: files, peer: peers, report } = options;
  if (files.length + peers.length === 0)
    throw new FourwayError("E_ARGUMENT", "eval: expected --model or --peer, got neither; name a file to score");
  if (files.length === 0 && report !== undefined)
    throw new FourwayError("E_ARGUMENT", "--report: expected a --model to report on, got none; name its file");
  if (report !== undefined) await makeFolder(dirname(report));
  for (const path of [options.json, options.plot, report]) if (typeof path === "string") await checkWritable(path);
  const models = await Promise.all(files.map(async (file) => ({ file, model: loadModel(await readFile(file)) })));
  const named = models.flatMap(({ model }) => model.info.tasks);
  const peerTasks = options.tasks ?? [...new Set([...TASKS, ...named])];
  const asked = [...new Set([...named, ...(peers.length > 0 ? peerTasks : [])])];
  const all = await readSamples({ ...options, tasks: asked }, (text) => line.say(text));
  const read = all.filter(({ split }) => split === options.split);
  const wanted = options.teacherLabels ? read : read.map(humanLabels).filter((sample) => isLabelled(sample, asked));
  if (wanted.length === 0) {
    const splits = [...new Set(all.map(({ split }) => split))].join(", ") || "none";
    throw new FourwayError(
      "E_DATA",
      `eval: expected labelled pictures in the ${options.split} split, got none (splits with any: ${splits}); choose one with --split, or give other --data`,
    );
  }
  for (const file of peers) await checkPeer(file, wanted, peerTasks, options.preset);
  const looking = (name: string): LookOptions => ({
    onPicture: (done) => line.show(() => `${name}: ${done} of ${wanted.length} pictures`),
    onFault: options.strict ? undefined : (fault) => line.skipped(fault),
  });

  const runs: Run[] = [];
  for (const { file, model } of models)
    for (const pixels of options.pixels.length > 0 ? options.pixels : [model.info.pixels]) {
      const { tasks, layout } = model.info;
      const thresholds = model.info.thresholds[options.operatingPoint ?? DEFAULT_OPERATING_POINT];
      const run = scored(file, tasks, pixels, await detectAll(model, wanted, { pixels, ...looking(file) }));
      const { samples, found } = run.answers;
      runs.push(run);
      if (layout.box < 0) continue; // no objects to be above a threshold
      run.atThresholds = Object.fromEntries(
        tasks.map((task) => {
          const threshold = thresholds[task]!;
          const alarms = falseAlarms(task, samples, found, threshold);
          return [task, { threshold, ...scoresAt(task, samples, found, threshold), falseAlarms: alarms }];
        }),
      );
    }
  for (const file of peers)
    for (const pixels of file.endsWith(".onnx") ? options.peerPixels : [undefined])
      runs.push(
        scored(file, peerTasks, pixels, await peerAnswers(file, wanted, peerTasks, { preset: options.preset, ...looking(file), pixels })),
      );
  line.clear();
  const json = JSON.stringify({ runs: runs.map(runToJson) }, null, 2);
  if (options.json === true) console.log(json);
  else {
    const named = (run: Run): string => `${run.file}${run.pixels ? `, ${run.pixels} pixels` : ""}\n${formatRun(run)}`;
    console.log(runs.map(runs.length > 1 ? named : formatRun).join("\n\n"));
    if (options.json !== undefined) await safeWrite(options.json, `${json}\n`);
  }
  if (options.plot !== undefined) await safeWrite(options.plot, `${plotOf(runs)}\n`);
  if (report === undefined) return;
  const { file, tasks, scores, calibration, answers } = runs[0]!;
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
