import { access, readFile, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { FourwayError } from "../../core/errors.js";
import { Random } from "../../core/random.js";
import type { Task } from "../../core/task.js";
import { isLabelled } from "../../data/batch.js";
import type { Sample } from "../../data/dataset.js";
import { evaluate } from "../../eval/scores.js";
import { HEAD_KINDS, type HeadKind } from "../../model/head.js";
import { DEFAULT_PIXELS } from "../../model/model.js";
import { TRUNK_WIDTHS, type TrunkWidth } from "../../model/trunk.js";
import { detectAll } from "../../node/evaluate.js";
import { ProgressLine } from "../../node/progress.js";
import { makeFolder, safeWrite } from "../../node/safeWrite.js";
import { threadsFor, trainFiles } from "../../node/trainFiles.js";
import { labelsOf } from "../../train/auxiliary.js";
import type { TrainingOptions } from "../../train/session.js";
import { DATA_FLAGS, type DataOptions, readTwoSplits, type SplitOptions, splitOption } from "../data.js";
import { TRAIN_DEFAULTS } from "../train.js";
import { numberIn, parseTasks, trainingPixels } from "../values.js";
import { keepSettings, keptResult } from "./kept.js";
import { type Measured, plotOf, rowsOf, tableOf } from "./results.js";

// The frame of all experiments: an idea is measured by training networks with and without it, several times with different seeds. What there is to
// train is data (`Run`); the frame trains, resumes, measures on the val split, and writes results.json, results.md and results.svg.

/** Options of every experiment, as commander gives them. */
export interface ExperimentOptions extends DataOptions, SplitOptions {
  out: string;
  tasks: Task[];
  width: TrunkWidth[];
  trunk: string[];
  heads: HeadKind;
  seeds: number;
  epochs: number;
  batch: number;
  pixels: number;
  threads?: number;
  quick?: boolean;
}

/** The initial weights of a network's trunk: random ones of a width, or a file. */
interface Start {
  name: string;
  width?: TrunkWidth;
  trunk?: string;
}

/** One training and what is read off it. Runs of the same `name`, start and seed are one training. */
export interface Run {
  /** What is compared, such as "joint". */
  arm: string;
  /** Under which condition, such as "50 %": with start, task and figure a row of the table. */
  condition: string;
  /** Where the condition lies on the plot's x axis. */
  x: number;
  /** Of its files. */
  name: string;
  /** Of the network. */
  tasks: readonly Task[];
  /** Whose figures count; all without it. */
  scored?: readonly Task[];
  /** What it learns from, of the samples of the train split; all without it. */
  take?: (samples: readonly Sample[], random: Random) => Sample[];
  /** Steps, of those that `epochs` of all pictures labelled for any task are; without it as many epochs of its own pictures. */
  share?: number;
  /** Heads that help it. */
  auxiliary?: TrainingOptions["auxiliary"];
  /** The name of the run whose network it goes on with. */
  after?: string;
  /** In place of the start's. */
  start?: Start;
}

/** An idea to be measured. */
export interface Experiment<Options extends ExperimentOptions = ExperimentOptions> {
  name: string;
  title: string;
  description: string;
  /** The plot's x axis. */
  xLabel: string;
  /** The arm that the others are compared with. */
  reference: string;
  /** Adds options of its own. */
  addOptions?: (command: Command) => Command;
  /** Runs say themselves where they start. */
  ownStarts?: boolean;
  defaults?: { epochs?: number; heads?: HeadKind; pixels?: number };
  /** Trainings, in the order in which they are done; those of a quick try are few. @throws E_ARGUMENT for options that do not fit */
  runs(options: Options): Run[];
}

/** What --quick puts in place of the options: a try of all that an experiment does, without a meaning of its figures. */
const QUICK = { seeds: 2, epochs: 1, batch: 4, pixels: 4096, pictures: 16, valPictures: 12, channels: 16 };

/** Adds an experiment to the command `fourway experiment`. */
export function addExperimentCommand<Options extends ExperimentOptions>(parent: Command, experiment: Experiment<Options>): void {
  const whole = (least: number, most: number) => numberIn({ least, most, whole: true });
  const { name, description, defaults = {}, addOptions = (command) => command } = experiment;
  const command = parent
    .command(name)
    .description(description)
    .requiredOption(...DATA_FLAGS.data)
    .requiredOption("--out <dir>", "folder for the runs, results.json, results.md and results.svg; the same command continues")
    .addOption(new Option("--width <width...>", "widths of trunks with random weights").choices(TRUNK_WIDTHS).default([]))
    .option("--trunk <file...>", "pretrained trunks", [])
    .option("--tasks <tasks>", "tasks of the networks, comma separated", parseTasks, TRAIN_DEFAULTS.tasks)
    .addOption(new Option("--heads <kind>", "what heads answer").choices(HEAD_KINDS).default(defaults.heads ?? "presence"))
    .addOption(splitOption("to learn from", TRAIN_DEFAULTS.split))
    .addOption(splitOption("to measure on", TRAIN_DEFAULTS.valSplit, "--val-split"))
    .option("--seeds <n>", "runs of each", whole(2, 100), 3)
    .option("--epochs <n>", "passes over the pictures", whole(1, 1000), defaults.epochs ?? 3)
    .option("--batch <n>", "pictures a step", whole(1, 1024), TRAIN_DEFAULTS.batch)
    .option("--pixels <n>", "of the input, about", trainingPixels, defaults.pixels ?? DEFAULT_PIXELS / 4)
    .option("--threads <n>", "worker threads over the batch", whole(1, 64))
    .option("--quick", "a try of it all with a few pictures and steps; its figures mean nothing");
  addOptions(command).action((options: Options) => runExperiment(experiment, options));
}

/** Where networks start, by --width and --trunk. @throws E_ARGUMENT where neither is given */
function startsOf({ width, trunk }: Pick<ExperimentOptions, "width" | "trunk">): Start[] {
  const starts: Start[] = [
    ...width.map((each) => ({ name: `random ${each}`, width: each })),
    ...trunk.map((file) => ({ name: basename(file, ".onnx"), trunk: file })),
  ];
  if (starts.length === 0)
    throw new FourwayError("E_ARGUMENT", "experiment: expected --width or --trunk, got neither; choose where the networks start");
  return starts;
}

async function runExperiment<Options extends ExperimentOptions>(experiment: Experiment<Options>, given: Options): Promise<void> {
  const { quick } = given;
  const { seeds, epochs, batch, pixels } = quick ? QUICK : given;
  const options: Options = { ...given, seeds, epochs, batch, pixels };
  const runs = experiment.runs(options);
  const starts = experiment.ownStarts ? [{ name: experiment.name }] : startsOf(options);
  await keepSettings(options.out, settingsOf(experiment.name, options));
  const line = new ProgressLine();
  const tasks = [...new Set(runs.flatMap((run) => [...run.tasks, ...labelsOf(run.auxiliary)]))];
  const all = await readTwoSplits({ ...options, tasks }, (text) => line.say(text));
  const samples = quick ? few(all, tasks) : all;
  const measured: Measured[] = [];
  const trainings = Array.from({ length: seeds }, (_, i) => starts.map((start) => ({ start, seed: i + 1 }))).flat();
  const total = trainings.length * new Set(runs.map(({ name }) => name)).size;
  let done = 0;
  for (const { start, seed } of trainings) {
    const folder = join(options.out, start.name.replaceAll(" ", "-"), `seed-${seed}`);
    await makeFolder(folder);
    const known = new Map<string, Figures>();
    for (const run of runs) {
      let figures = known.get(run.name);
      if (!figures) {
        line.say(`${++done} of ${total}: ${start.name}, seed ${seed}, ${run.name}`);
        const scored = [...new Set(runs.filter(({ name }) => name === run.name).flatMap((each) => each.scored ?? each.tasks))];
        const out = join(folder, `${run.name}.onnx`);
        const trained = await keptResult(`${out}.figures.json`, () =>
          figuresOf({ ...run, scored }, out, run.start ?? start, seed, samples, options, line),
        );
        if (!trained) return line.say("stopped; run the same command to continue");
        await rm(`${out}.checkpoint`, { force: true });
        figures = trained;
        known.set(run.name, figures);
      }
      const { arm, condition, x } = run;
      for (const task of run.scored ?? run.tasks)
        measured.push({ start: start.name, seed, arm, condition, x, task, steps: figures.steps, ...figures.tasks[task]! });
    }
    // an interval takes two seeds; what is there can be read while more are trained
    if (seed === 1 || start !== starts.at(-1)) continue;
    const text = await writeResults(experiment, options, measured, seed);
    if (seed === seeds) console.log(text);
  }
}

/** Writes table, plot and figures of what is measured so far. Returns the table. */
async function writeResults(
  { title, xLabel, reference }: Pick<Experiment, "title" | "xLabel" | "reference">,
  { out, epochs, pixels, heads }: ExperimentOptions,
  measured: readonly Measured[],
  seeds: number,
): Promise<string> {
  const rows = rowsOf(measured, reference);
  const text = tableOf(
    rows,
    `${title}. Val, mean and 95 % interval of ${seeds} seeds, ${epochs} epochs at ${pixels} pixels, heads: ${heads}`,
  );
  await safeWrite(join(out, "results.json"), `${JSON.stringify({ seeds, epochs, pixels, heads, rows, measured }, null, 2)}\n`);
  await safeWrite(join(out, "results.md"), text);
  await safeWrite(join(out, "results.svg"), `${plotOf(measured, { title, xLabel })}\n`);
  return text;
}

/** A few pictures of both splits, of those that have most labels, spread evenly over yes and no. */
function few(samples: readonly Sample[], tasks: readonly Task[]): Sample[] {
  const of = (split: string, count: number): Sample[] => {
    const own = samples.filter((sample) => sample.split === split);
    const each = Math.ceil(count / (2 * tasks.length));
    const chosen = tasks.flatMap((task) => {
      const is = (there: boolean) =>
        own.filter(({ labels }) => (labels[task] ?? null) !== null && (labels[task] === true || labels[task]!.length > 0) === there);
      return [...is(true).slice(0, each), ...is(false).slice(0, each)];
    });
    return [...new Set(chosen)];
  };
  return [...of("train", QUICK.pictures), ...of("val", QUICK.valPictures)];
}

/** What must be the same for runs to be continued. */
function settingsOf(
  name: string,
  { out: _out, threads: _, seeds: _seeds, width: _width, trunk: _trunk, ...rest }: ExperimentOptions,
): object {
  return { name, ...rest, data: rest.data.map((folder) => resolve(folder)) };
}

/** The figures of a training on val, by task. */
interface Figures {
  steps: number;
  tasks: Record<Task, { ap50: number | null; presenceAp: number | null }>;
}

/** Figures of a run, which is trained or resumed. null where it was stopped. @param out of its model */
async function figuresOf(
  run: Run & { scored: readonly Task[] },
  out: string,
  start: Start,
  seed: number,
  samples: readonly Sample[],
  options: ExperimentOptions,
  line: ProgressLine,
): Promise<Figures | null> {
  const { tasks, name, auxiliary, after, share, take = (all) => [...all] } = run;
  const { batch, epochs, pixels, heads, quick } = options;
  const train = samples.filter(({ split }) => split === "train");
  const own = take(train, new Random(seed, 0x5eed)).filter((sample) => isLabelled(sample, [...tasks, ...labelsOf(auxiliary)]));
  const passes = (pictures: number): number => epochs * Math.max(1, Math.floor(pictures / batch));
  const channels = quick ? { path: QUICK.channels, head: QUICK.channels } : {};
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.once("SIGINT", stop);
  const { model, step, done } = await trainFiles(own, {
    out,
    tasks,
    auxiliary,
    seed,
    batch,
    pixels,
    steps: share === undefined ? passes(own.length) : Math.max(1, Math.round(share * passes(train.length))),
    network:
      after === undefined
        ? { ...channels, heads, width: start.width, trunk: start.trunk === undefined ? undefined : await readFile(start.trunk) }
        : { start: await readFile(join(dirname(out), `${after}.onnx`)) },
    threads: options.threads ?? threadsFor(batch),
    resume: await exists(`${out}.checkpoint`),
    signal: controller.signal,
    notes: { experiment: name },
    onEvent(event) {
      if (event.kind === "step")
        line.show(() => `${name}: step ${event.step}, loss ${event.losses.map((loss) => loss.toFixed(3)).join(" ")}`);
    },
  }).finally(() => process.off("SIGINT", stop));
  if (!done) return null;
  const val = samples.filter((sample) => sample.split === "val" && isLabelled(sample, run.scored));
  const answers = await detectAll(model, val, { onFault: (fault) => line.skipped(fault) });
  const scores = evaluate(run.scored, answers.samples, answers.found);
  const figures = {
    steps: step,
    tasks: Object.fromEntries(scores.tasks.map(({ task, ap50, presenceAp }) => [task, { ap50, presenceAp }])),
  };
  const empty = scores.tasks.find(({ presenceAp }) => presenceAp === null);
  if (empty)
    throw new FourwayError(
      "E_DATA",
      `experiment: expected every task in the val split, got no pictures with ${empty.task}; give --data with some`,
    );
  return figures;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
