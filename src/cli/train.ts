import { access, constants, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { FourwayError } from "../core/errors.js";
import { TASKS, type Task } from "../core/task.js";
import { isLabelled, trainingSizes } from "../data/batch.js";
import type { Sample } from "../data/dataset.js";
import { formatScores } from "../eval/format.js";
import { evaluate, type Scores } from "../eval/scores.js";
import { INNER_CHANNELS, PATH_CHANNELS } from "../model/build.js";
import { BOX_MAPS, type HeadMaps, inputMultiple } from "../model/head.js";
import { DEFAULT_PIXELS, defaultInfo, type ModelInfo, saveModel } from "../model/model.js";
import { startBatchLoader } from "../node/batchLoader.js";
import { detectAll } from "../node/evaluate.js";
import { formatSeconds, ProgressLine } from "../node/progress.js";
import { safeWrite } from "../node/safeWrite.js";
import { logEpoch } from "../node/trainingLog.js";
import { startReplicas, type WorkerReplicas } from "../node/workerReplicas.js";
import { readOnnx } from "../onnx/read.js";
import { writeOnnx } from "../onnx/write.js";
import { foldNorms } from "../quant/fold.js";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../train/checkpoint.js";
import { OPTIMIZERS, type OptimizerName } from "../train/optimizer.js";
import { type Progress, train } from "../train/trainer.js";
import { DATA_FLAGS, type DataOptions, readSamples } from "./data.js";
import { defaultTasks, firstNetwork, type NetworkOptions } from "./trainNetwork.js";
import { numberIn, parseTasks, trainingPixels } from "./values.js";

/** A checkpoint is written at least this oversample, and at the end of every epoch. */
const CHECKPOINT_MS = 120_000;

/** Options of `fourway train`, as commander gives them. */
export interface TrainOptions extends DataOptions, NetworkOptions {
  tasks: Task[];
  out: string;
  pixels: number;
  epochs: number;
  batch: number;
  rate: number;
  optimizer: OptimizerName;
  threads?: number;
  valEvery: number;
  oversample: string[];
  cache: number;
  resume?: boolean;
}

/** What is not asked for otherwise. */
export const TRAIN_DEFAULTS = {
  width: "0.5",
  path: PATH_CHANNELS,
  head: INNER_CHANNELS,
  pixels: DEFAULT_PIXELS,
  tasks: [...TASKS],
  epochs: 24,
  batch: 32,
  rate: 4e-3,
  optimizer: "adamw",
  seed: 1,
  valEvery: 4,
  oversample: [],
  cache: 4096,
} satisfies Partial<TrainOptions>;

const count = (least: number): ((text: string) => number) => numberIn({ least, most: 1e6, whole: true });

const channels = (text: string): number => {
  const value = numberIn({ least: 8, most: 1024, whole: true })(text);
  if (value % 8) throw new InvalidArgumentError("Expected a multiple of 8.");
  return value;
};

/** `fourway train` */
export function addTrain(program: Command): void {
  program
    .command("train")
    .description("train a network on labelled pictures; unlabelled tasks are left out of the loss")
    .requiredOption(...DATA_FLAGS.data)
    .requiredOption("--out <file>", "the f32 model to write, .onnx; beside it .checkpoint, .log.csv and .log.svg")
    .option("--trunk <file>", "a pretrained trunk: ONNX with RGB 0..1 in and strides 8, 16 and 32 out, or a Fourway model")
    .option("--start <file>", "an f32 Fourway model to go on from")
    .addOption(
      new Option("--width <width>", "trunk to begin with random weights where neither is given")
        .choices(["0.5", "1.0"])
        .default(TRAIN_DEFAULTS.width),
    )
    .option("--trunk-end <value>", "leave out what the trunk computes behind this value, such as trunk.stage4.1")
    .addOption(
      new Option("--path <n>", "channels of the path behind the trunk").argParser(channels).default(TRAIN_DEFAULTS.path).conflicts("start"),
    )
    .addOption(new Option("--head <n>", "channels within each head").argParser(channels).default(TRAIN_DEFAULTS.head).conflicts("start"))
    .option("--pixels <n>", "of the input, about", trainingPixels, TRAIN_DEFAULTS.pixels)
    .option(
      "--tasks <tasks>",
      "what the network answers, comma separated: names that labels have (default: those of --start, else of the shipped models)",
      parseTasks,
    )
    .option("--epochs <n>", "passes over the training pictures", count(1), TRAIN_DEFAULTS.epochs)
    .option("--batch <n>", "pictures a step", count(1), TRAIN_DEFAULTS.batch)
    .option("--rate <r>", "highest learning rate", numberIn({ least: 1e-6, most: 10 }), TRAIN_DEFAULTS.rate)
    .addOption(new Option("--optimizer <name>", "how weights move").choices(OPTIMIZERS).default(TRAIN_DEFAULTS.optimizer))
    .option("--threads <n>", "worker threads over the batch, which they share evenly; as many as there are cores, 8 at most", count(1))
    .option("--seed <n>", "of weights, sampling and augmentation", count(0), TRAIN_DEFAULTS.seed)
    .option("--val-every <n>", "epochs between measurements on the val split; 0: only at the end", count(0), TRAIN_DEFAULTS.valEvery)
    .option(
      "--oversample <set=times...>",
      "draw the pictures of a set so many times as oversample, such as one of hard cases",
      TRAIN_DEFAULTS.oversample,
    )
    .option(...DATA_FLAGS.labelled, (text) => text.split(","))
    .option("--cache <mb>", "decoded pictures kept in memory", count(0), TRAIN_DEFAULTS.cache)
    .option("--resume", "go on from the checkpoint beside --out")
    .option(...DATA_FLAGS.strict)
    .action(async (options: Omit<TrainOptions, "tasks"> & { tasks?: Task[] }) => {
      await runTrain({ ...options, tasks: options.tasks ?? (await defaultTasks(options.start)) });
    });
}

/** As many threads as there are cores, 8 at most, of those that share a batch evenly. */
function threadsFor(batch: number): number {
  let threads = Math.min(8, availableParallelism(), batch);
  while (batch % threads) threads--;
  return threads;
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

async function readCheckpoint(path: string, wanted: Record<string, unknown>): Promise<Checkpoint> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new FourwayError("E_TRAIN", `--resume: expected a checkpoint at ${path}, got none; start without --resume`, { cause });
  }
  const checkpoint = await decodeCheckpoint(bytes, path);
  for (const [key, value] of Object.entries(wanted))
    if (JSON.stringify(checkpoint.options[key]) !== JSON.stringify(value))
      throw new FourwayError(
        "E_TRAIN",
        `--resume: expected --${key} ${JSON.stringify(checkpoint.options[key])} as at the start, got ${JSON.stringify(value)}; give the same options`,
      );
  return checkpoint;
}

/** Trains, or goes on. Returns whether it came to the end: Ctrl-C stops it before. @throws as the parts that it is made of, E_ARGUMENT, E_DATA, E_MODEL and E_TRAIN */
export async function runTrain(options: TrainOptions): Promise<boolean> {
  const { out, batch, epochs, seed, rate, optimizer, tasks, path, head, pixels, threads = threadsFor(options.batch) } = options;
  if (batch % threads)
    throw new FourwayError("E_ARGUMENT", `train: expected --batch to be a multiple of --threads, got ${batch} and ${threads}`);
  await access(dirname(out), constants.W_OK); // now, not when the first epoch is to be written
  const line = new ProgressLine();
  const known = await readSamples(options, (text) => line.say(text));
  const samples = known.filter(({ split }) => split === "train");
  const val = known.filter(({ split }) => split === "val");
  if (samples.length === 0)
    throw new FourwayError("E_DATA", "train: expected labelled pictures in the train split, got none; give --data with some");
  const unlabelled = tasks.find((task) => !TASKS.includes(task) && !samples.some((sample) => isLabelled(sample, [task])));
  if (unlabelled !== undefined)
    throw new FourwayError(
      "E_DATA",
      `--tasks: expected tasks that are labelled in the train split, got "${unlabelled}"; fix the name or give --data with it`,
    );
  const stepsPerEpoch = Math.max(1, Math.floor(samples.length / batch));
  const steps = stepsPerEpoch * epochs;
  const oversample = readOversample(options.oversample, samples);
  const fixed = { batch, threads, epochs, seed, rate, optimizer, tasks, path, head, pixels, oversample, pictures: samples.length };
  const checkpointPath = `${out}.checkpoint`;
  const checkpoint = options.resume ? await readCheckpoint(checkpointPath, fixed) : null;
  const first = checkpoint
    ? { graph: readOnnx(checkpoint.onnx).graph, maps: (checkpoint.options.maps as HeadMaps | undefined) ?? BOX_MAPS, prefix: null }
    : await firstNetwork(options);
  const { maps } = first;
  const multiple = inputMultiple(maps.strides);
  const pretrained = checkpoint ? checkpoint.options.pretrained === true : first.prefix !== null;
  const loader = {
    samples,
    tasks,
    seed,
    batch,
    slices: threads,
    pixels,
    multiple,
    oversample,
    cacheBytes: options.cache * 2 ** 20,
    strict: options.strict === true,
  };
  const crew = await startReplicas(first.graph, threads, {
    batch: batch / threads,
    sizes: trainingSizes(pixels, multiple),
    tasks: tasks.length,
    maps,
    pretrained,
    optimizer,
  });
  let unreadable = 0;
  const onFault = (fault: string): void => {
    unreadable++;
    line.say(`skipped: ${fault}`);
  };
  const feed = startBatchLoader(loader, steps, onFault);
  const notes = (checkpoint?.options.notes as Record<string, string> | undefined) ?? notesOf(options, threads);

  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(130);
    line.say("finishing the step, then saving; once more to stop at once");
    stopping = true;
  };
  process.on("SIGINT", stop);
  try {
    line.say(
      `${samples.length} training and ${val.length} validation pictures, ${steps} steps of ${batch}, ${threads} threads of ${(crew.bytes / 2 ** 20).toFixed(0)} MiB`,
    );
    if (checkpoint) {
      await crew.restore(checkpoint.state);
      line.say(`resumed at step ${checkpoint.step}`);
    } else if (first.prefix !== null) await crew.restoreNorms(await createOnce(loader, line), first.prefix);
    const save = async (step: number): Promise<void> => {
      const state = await crew.save();
      const graph = checkpoint ? checkpoint.onnx : writeOnnx(first.graph, {});
      await safeWrite(checkpointPath, await encodeCheckpoint({ options: { ...fixed, pretrained, notes, maps }, step, onnx: graph, state }));
    };
    const began = performance.now();
    const from = checkpoint?.step ?? 0;
    let saved = began;
    const done = await train(
      crew,
      feed,
      { rate, steps, stepsPerEpoch, from },
      {
        async onStep({ step, epoch, losses }) {
          const seconds = (performance.now() - began) / 1000;
          line.show(() => {
            const each = seconds / (step - from);
            return `epoch ${epoch}/${epochs}  step ${step}/${steps}  loss: ${formatLosses(tasks, losses)}  ${(batch / each).toFixed(0)} images/s  ETA ${formatSeconds(each * (steps - step))}`;
          });
          if (stopping || performance.now() - saved > CHECKPOINT_MS) {
            await save(step);
            saved = performance.now();
          }
          return stopping;
        },
        async onEpoch(progress) {
          const last = progress.step === steps;
          const measure = val.length > 0 && (last || (options.valEvery > 0 && progress.epoch % options.valEvery === 0));
          const scores = await finishEpoch(crew, options, defaultInfo(tasks, maps), notes, progress, measure ? val : [], line);
          await logEpoch(`${out}.log`, tasks, progress, scores);
          await save(progress.step);
          saved = performance.now();
        },
      },
    );
    if (unreadable > 0) line.say(`${unreadable} training pictures could not be read and taught nothing`);
    line.say(done === steps ? `done: ${out}` : `stopped at step ${done}; go on with --resume`);
    return done === steps;
  } finally {
    process.off("SIGINT", stop);
    await Promise.all([feed.close(), crew.close()]);
  }
}

/** The batch of step 0, which is not trained on: norms are put back from it. */
async function createOnce(loader: Parameters<typeof startBatchLoader>[0], line: ProgressLine) {
  const feed = startBatchLoader(loader, 0, (fault) => line.say(`skipped: ${fault}`));
  try {
    return await feed.next(0);
  } finally {
    await feed.close();
  }
}

/** How the model came to be, for its metadata. */
function notesOf({ epochs, seed, optimizer, rate, batch, data, trunk, start }: TrainOptions, threads: number): Record<string, string> {
  const words = process.argv.slice(2).map((word) => (word.includes("/") ? basename(word) : word));
  return {
    command: `fourway ${words.join(" ")}`,
    trained: `${epochs} epochs, seed ${seed}, ${optimizer}, rate ${rate}, batch ${batch}, ${threads} threads`,
    data: data.map((path) => basename(path)).join(", "),
    start: basename(trunk ?? start ?? "random weights"),
  };
}

const formatLosses = (tasks: readonly Task[], losses: readonly number[]): string =>
  tasks.map((task, i) => `${task} ${losses[i]!.toFixed(3)}`).join("  ");

/** Writes the averaged weights as a folded f32 model; measures it on `val`. */
async function finishEpoch(
  crew: WorkerReplicas,
  options: TrainOptions,
  base: ModelInfo,
  notes: Record<string, string>,
  { epoch, losses }: Progress,
  val: readonly Sample[],
  line: ProgressLine,
): Promise<Scores | null> {
  const { tasks, pixels } = options;
  const info = { ...base, pixels, notes };
  const model = { graph: foldNorms(await crew.export()), info };
  await safeWrite(options.out, saveModel(model));
  line.say(`epoch ${epoch}/${options.epochs}  loss: ${formatLosses(tasks, losses)}`);
  if (val.length === 0) return null;
  const onFault = options.strict ? undefined : (fault: string) => line.say(`skipped: ${fault}`);
  const { samples, found } = await detectAll(model, val, { onFault });
  const scores = evaluate(tasks, samples, found);
  line.say(formatScores(scores));
  return scores;
}
