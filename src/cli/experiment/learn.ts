import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { FourwayError } from "../../core/errors.js";
import { DEFAULT_OPERATING_POINT } from "../../core/operatingPoint.js";
import { Random } from "../../core/random.js";
import { spread } from "../../core/spread.js";
import type { Task } from "../../core/task.js";
import type { Sample } from "../../data/dataset.js";
import { shippedModel } from "../../detect/source.js";
import { formatFigure } from "../../eval/format.js";
import { scoresAt } from "../../eval/operatingPoints.js";
import { evaluate } from "../../eval/scores.js";
import { PARTS } from "../../learn/cut.js";
import { type FitOptions, Learner } from "../../learn/index.js";
import { loadModel, type Model } from "../../model/model.js";
import { detectAll } from "../../node/evaluate.js";
import { ProgressLine } from "../../node/progress.js";
import { makeFolder, safeWrite } from "../../node/safeWrite.js";
import { linePlot } from "../../report/plot.js";
import { readSamples, type SplitOptions, splitOption } from "../data.js";
import { INTERRUPTED, interruptible } from "../interrupt.js";
import { addSamples } from "../learn.js";
import { numberIn, several } from "../values.js";
import { keepSettings, keptResult } from "./kept.js";

type What = NonNullable<FitOptions["what"]>;

/** Options of `fourway experiment learn`, as commander gives them. */
interface LearnExperimentOptions extends SplitOptions {
  sites: string[];
  data: string[];
  dataSplit: string;
  pictures: number;
  model?: string;
  frames: number[];
  what: What[];
  seeds: number;
  steps?: number;
  teacherLabels?: boolean;
  out: string;
}

/** What a model is worth for a task; null where there is nothing to score. */
interface Figures {
  ap50: number | null;
  f1: number | null;
}

type TaskFigures = Record<Task, Figures>;

/** One fit on some frames of one site. */
interface Run {
  site: string;
  frames: number;
  what: What;
  seed: number;
  /** On the site's own val split, of tasks that were taught. */
  before: TaskFigures;
  after: TaskFigures;
  /** On --data, all tasks. */
  dataBefore: TaskFigures;
  dataAfter: TaskFigures;
  refused: readonly Task[];
  /** Of adding, learning and measuring on the frames held back. */
  cpuSeconds: number;
  /** Of the kernels and with features, as planned. */
  wasmBytes: number;
  totalBytes: number;
  runtime: string;
}

const WHATS: readonly What[] = ["thresholds", ...PARTS];
const whole = (least: number, most: number) => numberIn({ least, most, whole: true });

/** Adds `fourway experiment learn` to the experiments. */
export function addLearnExperiment(experiment: Command): void {
  experiment
    .command("learn")
    .description("teach a model some frames of each site: what that gains on the site's later frames, and what it forgets of other data")
    .requiredOption("--sites <dir...>", "sets, one a camera, each with frames to learn from and to measure on")
    .requiredOption("--data <dir...>", "sets to measure forgetting on")
    .requiredOption("--out <dir>", "folder for the runs, results.json, results.md and results.svg; the same command continues")
    .option("--model <file>", "int8 model to begin with (default: the shipped one)")
    .option("--frames <n...>", "how many to learn from; less where a site has less", several(whole(1, 10_000)), [1, 4, 16, 64])
    .addOption(new Option("--what <part...>", "what learns").choices(WHATS).default(["thresholds", "heads", "path", "all"]))
    .option("--seeds <n>", "runs of each: other frames, another order", whole(1, 100), 3)
    .option("--steps <n>", "how many steps to learn (default: the learner's)", whole(1, 100_000))
    .option("--pictures <n>", "of --data at most, evenly", whole(1, 1e6), 400)
    .addOption(splitOption("of --data", "val", "--data-split"))
    .addOption(splitOption("to learn from", "train"))
    .addOption(splitOption("to measure on", "val", "--val-split"))
    .option("--teacher-labels", "also measure against labels that a teacher gave; without it they are unknown")
    .action(async (options: LearnExperimentOptions) => {
      const line = new ProgressLine();
      const stopping = (): void => line.say("stopping; run the same command to continue");
      await interruptible((signal) => runLearnExperiment(options, line, signal), stopping).catch((error: Error) => {
        if (error.name !== "AbortError") throw error;
        process.exitCode = INTERRUPTED;
      });
    });
}

async function figuresOf(model: Model, samples: readonly Sample[], tasks: readonly Task[]): Promise<TaskFigures> {
  const answers = await detectAll(model, samples);
  const { tasks: scores } = evaluate(tasks, answers.samples, answers.found);
  const thresholds = model.info.thresholds[DEFAULT_OPERATING_POINT];
  return Object.fromEntries(
    scores.map(({ task, ap50 }) => [task, { ap50, f1: scoresAt(task, answers.samples, answers.found, thresholds[task]!).all?.f1 ?? null }]),
  );
}

async function runLearnExperiment(options: LearnExperimentOptions, line: ProgressLine, signal: AbortSignal): Promise<void> {
  const { sites, data, dataSplit, out, what, seeds, frames, split, valSplit, steps, pictures, teacherLabels } = options;
  const file = options.model === undefined ? await shippedModel() : await readFile(options.model);
  const model = loadModel(file);
  const { tasks } = model.info;
  await keepSettings(out, {
    data: data.map((each) => resolve(each)),
    model: options.model,
    splits: [dataSplit, split, valSplit],
    steps,
    pictures,
    teacherLabels,
  });
  await makeFolder(join(out, "runs"));
  const runFile = (...name: (string | number)[]): string => join(out, "runs", `${name.join("-")}.json`);
  const say = (text: string): void => line.say(text);
  const of =
    (name: string) =>
    (sample: Sample): Sample[] =>
      sample.split === name ? [sample] : [];
  const world = spread(await readSamples({ data, tasks }, say, of(dataSplit)), pictures);
  if (world.length === 0)
    throw new FourwayError(
      "E_DATA",
      `experiment: expected labelled pictures in the ${dataSplit} split of --data, got none; choose one with --data-split`,
    );
  const dataBefore = await keptResult(runFile("data"), () => figuresOf(model, world, tasks));

  const runs: Run[] = [];
  for (const folder of sites) {
    const site = basename(resolve(folder));
    const asTrain = (sample: Sample): Sample[] => of(split)(sample).map((each) => ({ ...each, split: "train" }));
    const mine = await readSamples({ data: [folder], tasks }, say, asTrain);
    const later = await readSamples({ data: [folder], tasks, teacherLabels }, say, of(valSplit));
    if (mine.length === 0 || later.length === 0)
      throw new FourwayError(
        "E_DATA",
        `${folder}: expected labelled frames in the splits ${split} and ${valSplit}, got ${mine.length} and ${later.length}; give others, or --teacher-labels`,
      );
    const taught = tasks.filter(
      (task) => mine.some(({ labels }) => Array.isArray(labels[task])) && later.some(({ labels }) => Array.isArray(labels[task])),
    );
    const before = await keptResult(runFile(site), () => figuresOf(model, later, taught));
    for (const count of new Set(frames.map((n) => Math.min(n, mine.length))))
      for (const part of what)
        for (let seed = 1; seed <= seeds; seed++) {
          signal.throwIfAborted();
          line.show(() => `${site}: ${count} frames, ${part}, seed ${seed}`);
          const run = await keptResult(runFile(site, count, part, seed), async (): Promise<Run> => {
            const cpu = process.cpuUsage();
            const learner = await Learner.open(file, { seed });
            try {
              await addSamples(learner, chosen(mine, count, seed), { sure: true, signal });
              const { refused } = await learner.fit({ what: part, steps, signal });
              const { user, system } = process.cpuUsage(cpu);
              const plan = learner.explain(part === "thresholds" ? "heads" : part);
              await learner.commit();
              const [after, dataAfter] = [await figuresOf(learner.model, later, taught), await figuresOf(learner.model, world, tasks)];
              const measured = { before, after, dataBefore, dataAfter, refused };
              const cost = { cpuSeconds: (user + system) / 1e6, wasmBytes: plan.wasm, totalBytes: plan.total, runtime: process.version };
              return { site, frames: count, what: part, seed, ...measured, ...cost };
            } finally {
              await learner.close();
            }
          });
          runs.push(run);
        }
  }
  const text = table(runs, tasks);
  await safeWrite(join(out, "results.json"), `${JSON.stringify({ runs }, null, 2)}\n`);
  await safeWrite(join(out, "results.md"), text);
  await safeWrite(join(out, "results.svg"), `${plot(runs)}\n`);
  line.clear();
  console.log(text);
}

/** The frames of a seed: any of them, in their order. */
function chosen(samples: readonly Sample[], count: number, seed: number): Sample[] {
  const random = new Random(seed);
  const order = samples.map((sample, i) => ({ sample, i, key: random.uniform() })).sort((a, b) => a.key - b.key);
  return order
    .slice(0, count)
    .sort((a, b) => a.i - b.i)
    .map(({ sample }) => sample);
}

/** Mean of the numbers that are there; null without any. */
function mean(values: readonly (number | null)[]): number | null {
  const there = values.filter((value) => value !== null);
  return there.length === 0 ? null : there.reduce((sum, value) => sum + value, 0) / there.length;
}

/** The mean of a run's figure over the tasks that have it before. */
const ofRun = (figures: TaskFigures, before: TaskFigures, metric: keyof Figures): number | null =>
  mean(Object.keys(before).map((task) => (before[task]![metric] === null ? null : (figures[task]![metric] ?? 0))));

/** Runs of one kind together: by what learned and how many frames, and by site with it. */
function grouped(runs: readonly Run[], keyOf: (run: Run) => string[]): { key: string[]; runs: Run[] }[] {
  const groups = new Map<string, { key: string[]; runs: Run[] }>();
  for (const run of runs) {
    const key = keyOf(run);
    const group = groups.get(key.join("|")) ?? { key, runs: [] };
    group.runs.push(run);
    groups.set(key.join("|"), group);
  }
  return [...groups.values()];
}

function table(runs: readonly Run[], tasks: readonly Task[]): string {
  const signed = (value: number | null): string => (value === null ? "-" : `${value < 0 ? "" : "+"}${value.toFixed(3)}`);
  const change = (run: Run, task: Task): number | null => {
    const [from, to] = [run.dataBefore[task]?.ap50 ?? null, run.dataAfter[task]?.ap50 ?? null];
    return from === null || to === null ? null : to - from;
  };
  const cells = (group: readonly Run[]): string[] => [
    ...(["ap50", "f1"] as const).flatMap((metric) => {
      const [before, after] = [
        mean(group.map((run) => ofRun(run.before, run.before, metric))),
        mean(group.map((run) => ofRun(run.after, run.before, metric))),
      ];
      return [formatFigure(before), formatFigure(after)];
    }),
    ...tasks.map((task) => signed(mean(group.map((run) => change(run, task))))),
    signed(Math.min(...group.flatMap((run) => tasks.map((task) => change(run, task) ?? 0)))),
    String(group.reduce((sum, { refused }) => sum + refused.length, 0)),
    mean(group.map(({ cpuSeconds }) => cpuSeconds))!.toFixed(1),
    (Math.max(...group.map(({ wasmBytes }) => wasmBytes)) / 1e6).toFixed(1),
  ];
  const heads = [
    "AP50 before",
    "after",
    "F1 before",
    "after",
    ...tasks.map((task) => `${task} elsewhere`),
    "worst",
    "refused",
    "CPU s",
    "wasm MB",
  ];
  const lines = (first: string[], keyOf: (run: Run) => string[]): string[] => [
    `| ${[...first, ...heads].join(" | ")} |`,
    `|${"---|".repeat(first.length + heads.length)}`,
    ...grouped(runs, keyOf).map(({ key, runs: group }) => `| ${[...key, ...cells(group)].join(" | ")} |`),
    "",
  ];
  return [
    "Mean over sites, their tasks and seeds; before and after on each site's later frames, F1 at the model's own thresholds. Elsewhere: change of AP50 on --data, and the",
    "worst change of a task in one run. Refused: tasks, over all runs. CPU seconds of adding and learning; memory of the kernels as planned.",
    "",
    ...lines(["what", "frames"], ({ what, frames }) => [what, String(frames)]),
    ...lines(["site", "what", "frames"], ({ site, what, frames }) => [site, what, String(frames)]),
  ].join("\n");
}

/** Gain of AP50 by how many frames were labelled, a line for each of what learned. */
function plot(runs: readonly Run[]): string {
  return linePlot({
    title: "What labelled frames of a camera bring",
    x: { label: "labelled frames, log2" },
    y: { label: "mean gain of AP50" },
    series: [...new Set(runs.map(({ what }) => what))].map((what) => ({
      name: what,
      style: "dots",
      points: grouped(
        runs.filter((run) => run.what === what),
        ({ frames }) => [String(frames)],
      ).map(({ key, runs: group }) => {
        const gains = group.map((run) => {
          const [from, to] = [ofRun(run.before, run.before, "ap50"), ofRun(run.after, run.before, "ap50")];
          return from === null || to === null ? null : to - from;
        });
        return [Math.log2(Number(key[0])), mean(gains) ?? Number.NaN] as const;
      }),
    })),
  });
}
