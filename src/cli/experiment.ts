import { access, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import { type Interval, interval } from "../eval/interval.js";
import { DEFAULT_PIXELS } from "../model/model.js";
import type { TrunkWidth } from "../model/trunk.js";
import { ProgressLine } from "../node/progress.js";
import { makeFolder, safeWrite } from "../node/safeWrite.js";
import { linePlot } from "../report/plot.js";
import { DATA_FLAGS, type SplitOptions, splitOption } from "./data.js";
import { addLearnExperiment } from "./experiment/learn.js";
import { runTrain, TRAIN_DEFAULTS, type TrainOptions } from "./train.js";
import { numberIn, parseTasks, trainingPixels } from "./values.js";

/** Options of `fourway experiment joint-vs-separate`, as commander gives them. */
interface ExperimentOptions extends SplitOptions {
  data: string[];
  out: string;
  tasks: Task[];
  width: TrunkWidth[];
  trunk: string[];
  seeds: number;
  epochs: number;
  pixels: number;
  threads?: number;
}

/** The initial weights of a network's trunk: random ones of a width, or a file. */
interface Start {
  name: string;
  options: Pick<TrainOptions, "width" | "trunk">;
}

/** A task's figures on val, at the end of a run. */
interface Figures {
  ap50: number;
  presenceAp: number;
}

/** One training: the network for all tasks, or for one alone. */
interface Trained {
  start: string;
  seed: number;
  kind: "joint" | "separate";
  task: Task;
  figures: Figures;
}

const METRICS = ["ap50", "presenceAp"] as const;
const METRIC_NAMES = { ap50: "AP50", presenceAp: "presence AP" };

/** Adds `fourway experiment` to the program. */
export function addExperiment(program: Command): void {
  const whole = (least: number, most: number) => numberIn({ least, most, whole: true });
  const parent = program.command("experiment").description("measure an idea by training with and without it");
  addLearnExperiment(parent);
  parent
    .command("joint-vs-separate")
    .description(
      "one network for all tasks against one network per task, each trained on the pictures that are labelled for it, equally often",
    )
    .requiredOption(...DATA_FLAGS.data)
    .requiredOption("--out <dir>", "folder for the runs, results.json, results.md and results.svg; the same command continues")
    .addOption(new Option("--width <width...>", "widths of trunks with random weights").choices(["0.5", "1.0"]).default([]))
    .option("--trunk <file...>", "pretrained trunks", [])
    .option("--tasks <tasks>", "tasks of the networks, comma separated", parseTasks, TRAIN_DEFAULTS.tasks)
    .addOption(splitOption("to learn from", TRAIN_DEFAULTS.split))
    .addOption(splitOption("to measure on", TRAIN_DEFAULTS.valSplit, "--val-split"))
    .option("--seeds <n>", "runs of each", whole(2, 100), 3)
    .option("--epochs <n>", "passes of each over its pictures", whole(1, 1000), 6)
    .option("--pixels <n>", "of the input, about", trainingPixels, DEFAULT_PIXELS)
    .option("--threads <n>", "worker threads over the batch", whole(1, 64))
    .action(runExperiment);
}

async function runExperiment(options: ExperimentOptions): Promise<void> {
  const { width, trunk, seeds, epochs, pixels, out } = options;
  const starts: Start[] = [
    ...width.map((each) => ({ name: `random ${each}`, options: { width: each } })),
    ...trunk.map((file) => ({ name: basename(file, ".onnx"), options: { width: "0.5" as const, trunk: file } })),
  ];
  if (starts.length === 0)
    throw new FourwayError("E_ARGUMENT", "experiment: expected --width or --trunk, got neither; choose where the networks start");
  await keepSettings(options);
  const line = new ProgressLine();
  const trained: Trained[] = [];
  for (const start of starts)
    for (let seed = 1; seed <= seeds; seed++) {
      const folder = join(out, `${start.name.replaceAll(" ", "-")}-${pixels}`, `seed-${seed}`);
      await makeFolder(folder);
      for (const [kind, tasks] of [["joint", options.tasks] as const, ...options.tasks.map((task) => ["separate", [task]] as const)]) {
        const name = kind === "joint" ? kind : tasks[0]!;
        line.say(`${start.name}, seed ${seed}: ${name}`);
        const figures = await trainedFigures(join(folder, `${name}.onnx`), tasks, start, seed, options);
        if (!figures) return line.say("stopped; run the same command to continue");
        for (const task of tasks) trained.push({ start: start.name, seed, kind, task, figures: figures[task]! });
      }
    }
  const rows = compare(trained, options.tasks);
  const text = table(rows, options);
  await safeWrite(join(out, "results.json"), `${JSON.stringify({ seeds, epochs, pixels, rows, trained }, null, 2)}\n`);
  await safeWrite(join(out, "results.md"), text);
  await safeWrite(join(out, "results.svg"), `${plot(trained, options.tasks)}\n`);
  console.log(text);
}

/**
 * Writes the settings of the runs to their folder, so that only runs of the same settings are reused.
 * @throws E_ARGUMENT where the folder's runs were made with other pictures or epochs
 */
async function keepSettings({ out, data, split, valSplit, epochs, tasks }: ExperimentOptions): Promise<void> {
  const file = join(out, "settings.json");
  const splits = split === TRAIN_DEFAULTS.split && valSplit === TRAIN_DEFAULTS.valSplit ? undefined : [split, valSplit];
  const settings = JSON.stringify({ data: data.map((folder) => resolve(folder)), splits, epochs, tasks });
  const before = await readFile(file, "utf8").catch(() => settings);
  if (before !== settings)
    throw new FourwayError(
      "E_ARGUMENT",
      `experiment: expected the settings of ${file}, ${before}, got ${settings}; give those or another --out`,
    );
  await makeFolder(out);
  await safeWrite(file, settings);
}

/** Figures of a run: those stored next to its model if it was completed before, else it is trained or resumed. null where it was stopped. */
async function trainedFigures(
  out: string,
  tasks: readonly Task[],
  start: Start,
  seed: number,
  { data, split, valSplit, epochs, pixels, threads }: ExperimentOptions,
): Promise<Record<Task, Figures> | null> {
  const kept = `${out}.figures.json`;
  if (await exists(kept)) return JSON.parse(await readFile(kept, "utf8")) as Record<Task, Figures>;
  const { scores, done } = await runTrain({
    ...TRAIN_DEFAULTS,
    ...start.options,
    data,
    split,
    valSplit,
    out,
    tasks: [...tasks],
    seed,
    epochs,
    pixels: [pixels],
    threads,
    resume: await exists(`${out}.checkpoint`),
    valEvery: 0,
  });
  if (!done) return null;
  const figures = Object.fromEntries(
    tasks.map((task) => {
      const { ap50, presenceAp } = scores?.tasks.find((each) => each.task === task) ?? { ap50: null, presenceAp: null };
      if (ap50 === null || presenceAp === null)
        throw new FourwayError(
          "E_DATA",
          `experiment: expected every task in the val split, got no boxes or no pictures with ${task}; give --data where people boxed it`,
        );
      return [task, { ap50, presenceAp }];
    }),
  );
  await safeWrite(kept, JSON.stringify(figures));
  return figures;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** A line of the comparison: one start, task and metric. */
interface Row {
  start: string;
  task: Task;
  metric: (typeof METRICS)[number];
  joint: Interval;
  separate: Interval;
  /** Joint minus separate, seed by seed. */
  gain: Interval;
}

function compare(trained: readonly Trained[], tasks: readonly Task[]): Row[] {
  const starts = [...new Set(trained.map(({ start }) => start))];
  return starts.flatMap((start) =>
    tasks.flatMap((task) =>
      METRICS.map((metric): Row => {
        const of = (kind: Trained["kind"]): number[] =>
          trained.filter((each) => each.start === start && each.task === task && each.kind === kind).map(({ figures }) => figures[metric]);
        const [joint, separate] = [of("joint"), of("separate")];
        const gain = interval(joint.map((value, seed) => value - separate[seed]!));
        return { start, task, metric, joint: interval(joint), separate: interval(separate), gain };
      }),
    ),
  );
}

function table(rows: readonly Row[], { seeds, epochs, pixels }: ExperimentOptions): string {
  const shown = ({ mean, half }: Interval): string => `${mean.toFixed(3)} ± ${half.toFixed(3)}`;
  const verdict = ({ mean, half }: Interval): string => (Math.abs(mean) <= half ? "open" : mean > 0 ? "joint" : "separate");
  const lines = rows.map(({ start, task, metric, joint, separate, gain }) =>
    [start, task, METRIC_NAMES[metric], shown(joint), shown(separate), shown(gain), verdict(gain)].join(" | "),
  );
  return [
    `Val, mean and 95 % interval of ${seeds} seeds, ${epochs} epochs at ${pixels} pixels; the gain is paired by seed, and open where its interval holds 0.`,
    "",
    "| start | task | figure | joint | separate | gain | better |",
    "|---|---|---|---|---|---|---|",
    ...lines.map((text) => `| ${text} |`),
    "",
  ].join("\n");
}

/** Joint over separate AP50, a dot per seed and start: above the diagonal joint is better. */
function plot(trained: readonly Trained[], tasks: readonly Task[]): string {
  const nothing = [Number.NaN, Number.NaN] as const; // no line from dot to dot
  return linePlot({
    title: "One network for all tasks against one per task",
    x: { label: "AP50, separate", from: 0, to: 1 },
    y: { label: "AP50, joint", from: 0, to: 1 },
    series: [
      {
        name: "equal",
        style: "reference",
        points: [
          [0, 0],
          [1, 1],
        ],
      },
      ...tasks.map((task) => {
        const mine = trained.filter((each) => each.task === task);
        const joint = mine.filter(({ kind }) => kind === "joint");
        return {
          name: task,
          style: "dots" as const,
          points: joint.flatMap(({ start, seed, figures }) => {
            const other = mine.find((each) => each.kind === "separate" && each.start === start && each.seed === seed)!;
            return [[other.figures.ap50, figures.ap50] as const, nothing];
          }),
        };
      }),
    ],
  });
}
