import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { FourwayError } from "../core/errors.js";
import { TASKS, type Task } from "../core/task.js";
import { picturesBySet, type Sample } from "../data/dataset.js";
import { formatScores } from "../eval/format.js";
import { INNER_CHANNELS, PATH_CHANNELS } from "../model/build.js";
import { HEAD_KINDS, type HeadKind } from "../model/head.js";
import { TRUNK_WIDTHS, type TrunkWidth } from "../model/trunk.js";
import { formatSeconds, ProgressLine } from "../node/progress.js";
import { checkWritable } from "../node/safeWrite.js";
import { threadsFor, trainFiles } from "../node/trainFiles.js";
import { AUXILIARY_WEIGHT, type Auxiliary, labelsOf } from "../train/auxiliary.js";
import { defaultTasks, type NetworkOptions } from "../train/network.js";
import { OPTIMIZERS, type OptimizerName } from "../train/optimizer.js";
import type { TrainingEvent, TrainingResult } from "../train/session.js";
import { TRAINING_DEFAULTS } from "../train/settings.js";
import { DATA_FLAGS, type DataOptions, readTwoSplits, type SplitOptions, splitOption } from "./data.js";
import { INTERRUPTED, interruptible } from "./interrupt.js";
import { numberIn, parseTasks, several, trainingPixels } from "./values.js";

/** Options of `fourway train`, as commander gives them. */
interface TrainOptions extends DataOptions, SplitOptions {
  tasks: Task[];
  auxiliary?: Record<Task, number>;
  auxiliaryStop: boolean;
  out: string;
  trunk?: string;
  start?: string;
  width: TrunkWidth;
  trunkEnd?: string;
  path: number;
  head: number;
  bins?: number;
  points?: number[];
  strides?: number[];
  norms: boolean;
  heads?: HeadKind;
  pixels: number[];
  epochs: number;
  steps?: number;
  batch: number;
  rate: number;
  optimizer: OptimizerName;
  seed: number;
  threads?: number;
  valEvery: number;
  watchGradients: number;
  oversample: string[];
  cache: number;
  resume?: boolean;
}

/** Defaults of the options. */
export const TRAIN_DEFAULTS = {
  ...TRAINING_DEFAULTS,
  pixels: [TRAINING_DEFAULTS.pixels],
  width: "0.5",
  path: PATH_CHANNELS,
  head: INNER_CHANNELS,
  tasks: [...TASKS],
  split: "train",
  valSplit: "val",
  oversample: [],
  cache: Math.min(4096, Math.floor(process.availableMemory() / 4 / 2 ** 20)), // a quarter of what this machine has free
} satisfies Partial<TrainOptions>;

const count = (least: number): ((text: string) => number) => numberIn({ least, most: 1e6, whole: true });

const channels = (text: string): number => {
  const value = numberIn({ least: 8, most: 1024, whole: true })(text);
  if (value % 8) throw new InvalidArgumentError("Expected a multiple of 8.");
  return value;
};

const bins = (text: string): number => {
  const value = numberIn({ least: 0, most: 32, whole: true })(text);
  if (value % 4) throw new InvalidArgumentError("Expected a multiple of 4.");
  return value;
};

/** Auxiliary heads from "task" or "task=weight", added to the earlier ones. */
const auxiliaryHead = (text: string, earlier: Record<Task, number> = {}): Record<Task, number> => {
  const [, name, weight] = /^([^=]+)(?:=(.+))?$/.exec(text) ?? [];
  const [task] = parseTasks(name ?? "");
  return { ...earlier, [task!]: weight === undefined ? AUXILIARY_WEIGHT : numberIn({ least: 0.01, most: 10 })(weight) };
};

/** `fourway train` */
export function addTrain(program: Command): void {
  program
    .command("train")
    .description("train a network on labelled pictures; unlabelled tasks are left out of the loss")
    .requiredOption(...DATA_FLAGS.data)
    .requiredOption("--out <file>", "the f32 model to write, .onnx; with .checkpoint, .log.csv and .log.svg next to it")
    .option("--trunk <file>", "a pretrained trunk: ONNX with RGB 0..1 in and strides 8, 16 and 32 out, or a Fourway model")
    .option(
      "--start <file>",
      "a Fourway model, f32 or int8, or a NanoDet-Plus detector with class{s} and box{s} for outputs, to start from",
    )
    .addOption(
      new Option("--width <width>", "width of a trunk with random weights where neither is given")
        .choices(TRUNK_WIDTHS)
        .default(TRAIN_DEFAULTS.width),
    )
    .option("--trunk-end <value>", "cut the trunk after this value, such as trunk.stage4.1")
    .addOption(
      new Option("--path <n>", "channels of the path after the trunk").argParser(channels).default(TRAIN_DEFAULTS.path).conflicts("start"),
    )
    .addOption(new Option("--head <n>", "channels within each head").argParser(channels).default(TRAIN_DEFAULTS.head).conflicts("start"))
    .option("--bins <n>", "box sides as distributions over so many distances; 0: as one number (default: those of --start, else 0)", bins)
    .option(
      "--points <mirror>",
      "heads give points (landmarks) too: which point each becomes in the mirror, such as 1,0,2,4,3 for eyes, nose and mouth corners",
      (text) => text.split(",").map(Number),
    )
    .option(
      "--strides <n...>",
      "of the heads' maps, such as 8 16 32 64; coarser ones than those of --start are added to it (default: those of --start, else 8 16 32)",
      several(numberIn({ least: 8, most: 256, whole: true })),
    )
    .addOption(
      new Option(
        "--heads <kind>",
        "boxes, or presence: one logit a task for the whole picture, from labels of yes, no and ?; default boxes",
      )
        .choices(HEAD_KINDS)
        .conflicts("start"),
    )
    .option("--no-norms", "a Fourway model of --start learns on without batch norm: further at small rates, such as 0.0004")
    .option(
      "--pixels <n...>",
      "of the input, about; of several, each step draws one, and the first is the model's",
      several(trainingPixels),
      TRAIN_DEFAULTS.pixels,
    )
    .option(
      "--tasks <tasks>",
      "tasks of the network, comma separated, as the labels name them (default: those of --start, else of the shipped models)",
      parseTasks,
    )
    .option(
      "--auxiliary <task=weight...>",
      `heads that only help while it learns: other tasks of the labels, or many-TASK and large-TASK, which TASK's boxes answer; each with the weight of its labels, ${AUXILIARY_WEIGHT} without it`,
      auxiliaryHead,
    )
    .option("--no-auxiliary-stop", "go on with auxiliary heads whose loss has stopped falling")
    .addOption(splitOption("to learn from", TRAIN_DEFAULTS.split))
    .addOption(splitOption("to measure on", TRAIN_DEFAULTS.valSplit, "--val-split"))
    .option("--epochs <n>", "passes over the training pictures", count(1), TRAIN_DEFAULTS.epochs)
    .option("--steps <n>", "in place of --epochs: so many steps in all", count(1))
    .option("--batch <n>", "pictures per step", count(1), TRAIN_DEFAULTS.batch)
    .option("--rate <r>", "highest learning rate", numberIn({ least: 1e-6, most: 10 }), TRAIN_DEFAULTS.rate)
    .addOption(new Option("--optimizer <name>", "update rule of the weights").choices(OPTIMIZERS).default(TRAIN_DEFAULTS.optimizer))
    .option("--threads <n>", "worker threads over the batch, which they share evenly; as many as there are cores, 8 at most", count(1))
    .option("--seed <n>", "of weights, sampling and augmentation", count(0), TRAIN_DEFAULTS.seed)
    .option("--val-every <n>", "epochs between measurements on the val split; 0: only at the end", count(0), TRAIN_DEFAULTS.valEvery)
    .option(
      "--watch-gradients <n>",
      "steps between looks at the tasks' gradients of the trunk: cosines of each pair in .gradients.csv and .svg; 0: none",
      count(0),
      TRAIN_DEFAULTS.watchGradients,
    )
    .option(
      "--oversample <set=times...>",
      "draw the pictures of a set this many times as often, such as one of hard cases",
      TRAIN_DEFAULTS.oversample,
    )
    .option(...DATA_FLAGS.labelled, (text) => text.split(","))
    .option("--cache <mb>", "decoded pictures kept in memory", count(0), TRAIN_DEFAULTS.cache)
    .option("--resume", "continue from the checkpoint next to --out")
    .option(...DATA_FLAGS.strict)
    .action(async (options: Omit<TrainOptions, "tasks"> & { tasks?: Task[] }) => {
      const start = options.start === undefined ? undefined : await readFile(options.start);
      const tasks = options.tasks ?? [...defaultTasks(start)];
      if (!(await runTrain({ ...options, tasks })).done) process.exitCode = INTERRUPTED;
    });
}

/** Factors by set from "set=times". @throws E_ARGUMENT for another form, or a set that is not there */
function readOversample(texts: readonly string[], samples: readonly Sample[]): Record<string, number> {
  const sets = new Set(samples.map(({ set }) => set));
  const bad = (text: string, expected: string): FourwayError =>
    new FourwayError("E_ARGUMENT", `--oversample: expected ${expected}, got "${text}"; fix it`);
  return Object.fromEntries(
    texts.map((text) => {
      const [, set, times] = /^(.+)=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
      if (set === undefined || !(Number(times) > 0)) throw bad(text, "set=times, such as people=3");
      if (!sets.has(set)) throw bad(text, `one of the sets ${[...sets].join(", ")}`);
      return [set, Number(times)];
    }),
  );
}

/** Trains, or resumes, and prints the progress: Ctrl-C stops it after the step. @throws as `trainFiles` does */
async function runTrain(options: TrainOptions): Promise<TrainingResult> {
  const {
    data,
    labelled,
    split,
    valSplit,
    trunk,
    start,
    width,
    trunkEnd,
    path,
    head,
    bins,
    points,
    strides,
    heads,
    norms,
    cache,
    auxiliary: weights,
    ...settings
  } = options;
  const { out, tasks, epochs, batch, threads = threadsFor(batch) } = options;
  await checkWritable(out);
  const line = new ProgressLine();
  const auxiliary: Auxiliary | undefined = weights && { weights, stop: options.auxiliaryStop };
  const samples = await readTwoSplits({ ...options, tasks: [...tasks, ...labelsOf(auxiliary)] }, (text) => line.say(text));
  const network: NetworkOptions = {
    trunk: trunk === undefined ? undefined : await readFile(trunk),
    start: start === undefined ? undefined : await readFile(start),
    width,
    trunkEnd,
    path,
    head,
    bins,
    points,
    strides,
    heads,
    norms,
  };

  const result = await interruptible(
    (signal) =>
      trainFiles(samples, {
        ...settings,
        auxiliary,
        threads,
        network,
        oversample: readOversample(options.oversample, samples),
        notes: { ...notesOf(options, threads), pictures: JSON.stringify(picturesBySet(samples, "train")) },
        cacheBytes: cache * 2 ** 20,
        signal,
        onEvent: printer(line, [...tasks, ...Object.keys(weights ?? {})], epochs, batch),
      }),
    () => line.say("finishing the step, then saving; press again to stop at once"),
  );
  line.say(result.done ? `done: ${out}` : `stopped at step ${result.step}; continue with --resume`);
  return result;
}

/** Prints the events of a training. */
function printer(line: ProgressLine, tasks: readonly Task[], epochs: number, batch: number): (event: TrainingEvent) => void {
  const formatLosses = (losses: readonly number[]): string => tasks.map((task, i) => `${task} ${losses[i]!.toFixed(3)}`).join("  ");
  let [from, steps, began, unreadable] = [0, 0, 0, 0];
  return (event) => {
    switch (event.kind) {
      case "start": {
        ({ from, steps } = event);
        began = performance.now();
        const { images, valImages, threads, bytes } = event;
        const memory = `${threads} threads of ${(bytes / 2 ** 20).toFixed(0)} MiB`;
        line.say(`${images} training and ${valImages} validation pictures, ${steps} steps of ${batch}, ${memory}`);
        if (from > 0) line.say(`resumed at step ${from}`);
        break;
      }
      case "step": {
        const { step, epoch, losses } = event;
        const each = (performance.now() - began) / 1000 / (step - from);
        line.show(
          () =>
            `epoch ${epoch}/${epochs}  step ${step}/${steps}  loss: ${formatLosses(losses)}  ${(batch / each).toFixed(0)} images/s  ETA ${formatSeconds(each * (steps - step))}`,
        );
        break;
      }
      case "model":
        line.say(`epoch ${event.epoch}/${epochs}  loss: ${formatLosses(event.losses)}`);
        break;
      case "stopped":
        line.say(`step ${event.step}: the loss of ${event.task} has stopped falling; its head stops`);
        break;
      case "epoch":
        if (event.scores) line.say(formatScores(event.scores));
        if (event.step === steps && unreadable > 0) line.say(`${unreadable} training pictures could not be used`);
        break;
      case "skipped":
        if (event.split === "train") unreadable++;
        line.skipped(event.reason);
    }
  };
}

/** How the model was made, for its metadata. */
function notesOf({ epochs, seed, optimizer, rate, batch, trunk, start }: TrainOptions, threads: number): Record<string, string> {
  const words = process.argv.slice(2).map((word) => (word.includes("/") ? basename(word) : word));
  return {
    command: `fourway ${words.join(" ")}`,
    trained: `${epochs} epochs, seed ${seed}, ${optimizer}, rate ${rate}, batch ${batch}, ${threads} threads`,
    start: basename(trunk ?? start ?? "random weights"),
  };
}
