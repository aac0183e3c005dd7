import { FourwayError } from "../core/errors.js";
import { TASKS, type Task } from "../core/task.js";
import { isLabelled, trainingSizes } from "../data/batch.js";
import type { Sample } from "../data/dataset.js";
import type { ReadImage } from "../data/picture.js";
import { type Answers, detectAll } from "../eval/answers.js";
import { calibrateModel } from "../eval/calibrateModel.js";
import { evaluate, type Scores } from "../eval/scores.js";
import type { Graph } from "../graph/graph.js";
import { INNER_CHANNELS, PATH_CHANNELS, TRUNK_PREFIX } from "../model/build.js";
import { BOX_MAPS, type HeadMaps, headLayout } from "../model/head.js";
import { defaultInfo, type Model, saveModel } from "../model/model.js";
import { withTasks } from "../model/surgery.js";
import { readOnnx } from "../onnx/read.js";
import { writeOnnx } from "../onnx/write.js";
import { foldNorms } from "../quant/fold.js";
import { type Auxiliary, AuxiliaryHeads, withAnswers } from "./auxiliary.js";
import { checkPoints, checkUsable } from "./check.js";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.js";
import { cosinesOf } from "./cosines.js";
import { type BatchSettings, startLocalBatches } from "./localBatches.js";
import { startLocalReplica } from "./localReplicas.js";
import { firstGraph, type NetworkOptions } from "./network.js";
import { FRESH_GROUPS, type OptimizerName, pretrainedGroups } from "./optimizer.js";
import type { ReplicaOptions } from "./replica.js";
import { withDefaults } from "./settings.js";
import { type BatchSource, type Progress, type Replicas, trainSteps } from "./trainer.js";

/** A checkpoint is written at least this often, and at the end of every epoch. */
const CHECKPOINT_MS = 120_000;

/** Where a training stores its checkpoint and its model: a folder, IndexedDB, .. */
export interface Store {
  /** Its name for messages, such as a path. */
  readonly name: string;
  /** The bytes that were last written, or null. */
  read(what: "checkpoint"): Promise<Uint8Array | null>;
  /** Replaces the bytes as a whole: a reader sees the old ones or the new ones. */
  write(what: "checkpoint" | "model", bytes: Uint8Array): Promise<void>;
}

/** Worker threads that share the work, in place of the calling thread. */
export interface TrainingWorkers {
  /** How many replicas share a batch, which must be a multiple of it. */
  threads: number;
  /** Starts one replica per thread. */
  startReplicas(graph: Graph, threads: number, options: ReplicaOptions): Promise<Replicas>;
  /** Starts the source of batches. `onFault` is called with the reason why a picture is skipped. */
  startBatches(settings: BatchSettings, steps: number, onFault: (fault: string) => void): Promise<BatchSource>;
}

/** What `train` reports while it runs. */
export type TrainingEvent =
  /** Before the first step. `from` is the last step that a resumed training had done, 0 at the start; `bytes` is the memory of each replica. */
  | { kind: "start"; images: number; valImages: number; steps: number; from: number; threads: number; bytes: number }
  /** After each step. */
  | ({ kind: "step" } & Progress)
  /** At the end of an epoch: the averaged weights, batch norms folded, as they were written to the store. */
  | ({ kind: "model"; model: Model } & Progress)
  /**
   * Every `watchGradients` steps, before the step: cosines between the tasks' gradients of the trunk, task by task row by row, and the gradients' lengths. Of a
   * task that the batch has no label of, 0.
   */
  | { kind: "gradients"; step: number; cosines: number[]; lengths: number[] }
  /** An auxiliary head is stopped: its loss had stopped falling. */
  | { kind: "stopped"; task: Task; step: number }
  /** After the model was measured on the val split, or was not (null); the checkpoint comes next. */
  | ({ kind: "epoch"; scores: Scores | null } & Progress)
  /** An image of a split cannot be decoded and is left out. */
  | { kind: "skipped"; split: Sample["split"]; reason: string };

/** Settings of `train`. Only `read` has no default. */
export interface TrainingOptions {
  /** Decodes the image that a sample names. Called again for each use: keep frames that are slow to decode. */
  read: ReadImage;
  /** What the network is to find; default: all four. */
  tasks?: readonly Task[];
  /** Heads that help while the network learns; the model is without them. In events their losses follow those of `tasks`. */
  auxiliary?: Auxiliary;
  /** What to train, and from which weights. */
  network?: NetworkOptions;
  /** Passes over the images of the train split; default 24. */
  epochs?: number;
  /** In place of `epochs`: so many steps in all, which need not end with an epoch. */
  steps?: number;
  /** Images a step; default 32. */
  batch?: number;
  /** The highest learning rate; default 0.004. */
  rate?: number;
  optimizer?: OptimizerName;
  /** Of weights, sampling and augmentation; default 1. */
  seed?: number;
  /**
   * Pixels of the input, about; default 61440 (320 x 192). Of several, each step draws one, which makes a model for all of them; it is measured
   * at the first, which its file asks for.
   */
  pixels?: number | readonly number[];
  /** Factors by which the images of a set are drawn more often, by its name. */
  oversample?: Readonly<Record<string, number>>;
  /** Epochs between measurements on the val split; 0: only at the end; default 4. */
  valEvery?: number;
  /** Steps between looks at the tasks' gradients, each of which costs as much as a step for each task; 0, the default: none. */
  watchGradients?: number;
  /** An image that cannot be decoded stops the training; otherwise it is reported and left out. */
  strict?: boolean;
  /** Kept in the model's metadata. */
  notes?: Readonly<Record<string, string>>;
  store?: Store;
  /** Continues from the store's checkpoint; all settings that change the weights must be the same. */
  resume?: boolean;
  /** Aborted: the step is finished, the checkpoint written, and `train` returns with `done: false`. */
  signal?: AbortSignal;
  /** Called for each event; training waits for a promise that it returns. */
  onEvent?: (event: TrainingEvent) => unknown;
  workers?: TrainingWorkers;
}

/** The result of a training. */
export interface TrainingResult {
  /** The averaged weights, batch norms folded: ready for `Detector.load`, `saveModel` and `quantize`. */
  model: Model;
  /** Figures of the last measurement on the val split; null where there was none. */
  scores: Scores | null;
  /** The last step that was done. */
  step: number;
  /** Whether it was the last of all: false where the signal stopped it before. */
  done: boolean;
}

async function readCheckpoint(store: Store | undefined, wanted: Record<string, unknown>): Promise<Checkpoint> {
  const bytes = await store?.read("checkpoint");
  if (!store || !bytes)
    throw new FourwayError(
      "E_TRAIN",
      `resume: expected a checkpoint at ${store?.name ?? "a store"}, got none; start without resume${store ? "" : ", or give the store"}`,
    );
  const checkpoint = await decodeCheckpoint(bytes, store.name);
  for (const [key, value] of Object.entries(wanted))
    if (JSON.stringify(checkpoint.options[key]) !== JSON.stringify(value))
      throw new FourwayError(
        "E_TRAIN",
        `resume: expected ${key} ${JSON.stringify(checkpoint.options[key])} as at the start, got ${JSON.stringify(value)}; give the same options`,
      );
  return checkpoint;
}

/**
 * Trains a network on labelled images, from random weights, a pretrained trunk or a model, or resumes an earlier training. Works in the
 * calling thread unless `workers` are given; `trainFiles` of "fourway/node" has worker threads and files. The same samples, settings and
 * number of threads give the same weights.
 * @param samples of the train split to learn from, of the val split to measure on; those without a label of the tasks do not count
 * @throws E_ARGUMENT, E_DATA, E_MODEL, E_ONNX for what cannot be trained; E_TRAIN where the loss is not finite or the checkpoint does not fit;
 * E_IMAGE with `strict`; E_RUNTIME out of memory; what the caller's functions throw
 */
export async function train(samples: readonly Sample[], options: TrainingOptions): Promise<TrainingResult> {
  const { read, network = {}, store, signal, onEvent, oversample = {}, strict = false, workers, ...rest } = options;
  const threads = workers?.threads ?? 1;
  const { tasks, epochs, batch, rate, optimizer, seed, pixels, valEvery, watchGradients } = withDefaults(rest, threads);
  const { auxiliary } = options;
  const all = [...tasks, ...Object.keys(auxiliary?.weights ?? {})];
  const labelled = withAnswers(samples, all.slice(tasks.length)).filter((sample) => isLabelled(sample, all));
  const images = labelled.filter(({ split }) => split === "train");
  const val = labelled.filter((sample) => sample.split === "val" && isLabelled(sample, tasks));
  if (images.length === 0)
    throw new FourwayError("E_DATA", "train: expected labelled pictures in the train split, got none; add data with some");
  const unlabelled = all.find((task) => !TASKS.includes(task) && !images.some((sample) => isLabelled(sample, [task])));
  if (unlabelled !== undefined)
    throw new FourwayError(
      "E_DATA",
      `tasks: expected tasks that are labelled in the train split, got "${unlabelled}"; fix the name or give data with it`,
    );
  await checkUsable(read, val);
  const stepsPerEpoch = Math.max(1, Math.floor(images.length / batch));
  const steps = options.steps ?? stepsPerEpoch * epochs;
  const { path = PATH_CHANNELS, head = INNER_CHANNELS, bins } = network;
  const fixed = {
    batch,
    threads,
    epochs,
    steps: options.steps,
    seed,
    rate,
    optimizer,
    tasks,
    auxiliary,
    path,
    head,
    bins,
    pixels,
    oversample,
    pictures: images.length,
  };
  const checkpoint = options.resume ? await readCheckpoint(store, fixed) : null;
  const first = checkpoint
    ? {
        graph: readOnnx(checkpoint.onnx).graph,
        maps: mapsOf(checkpoint.options.maps),
        pretrained: checkpoint.options.pretrained === true,
      }
    : firstGraph(network, all, seed);
  const { maps, pretrained } = first;
  checkPoints(images, tasks, maps);
  const heads = new AuxiliaryHeads(
    auxiliary,
    tasks,
    steps,
    checkpoint?.options.auxiliaryProgress as AuxiliaryHeads["progress"] | undefined,
  );
  const notes = (checkpoint?.options.notes as Record<string, string> | undefined) ?? { ...options.notes };

  const emit = async (event: TrainingEvent): Promise<void> => void (await onEvent?.(event));
  const skipped = (split: Sample["split"]) => (reason: string) => void emit({ kind: "skipped", split, reason });
  const groups = pretrained ? pretrainedGroups(TRUNK_PREFIX) : FRESH_GROUPS;
  const replicaOptions = { batch: batch / threads, sizes: trainingSizes(pixels), tasks: all.length, maps, groups, optimizer };
  const whole = maps.layout.box < 0;
  const batchSettings = {
    samples: images,
    tasks: all,
    seed,
    batch,
    slices: threads,
    pixels,
    oversample,
    whole,
    mirror: maps.layout.points?.mirror,
    strict,
  };
  const replicas = await (workers
    ? workers.startReplicas(first.graph, threads, replicaOptions)
    : startLocalReplica(first.graph, replicaOptions));
  let batches: BatchSource | undefined;
  try {
    batches = await (workers
      ? workers.startBatches(batchSettings, steps, skipped("train"))
      : startLocalBatches(batchSettings, read, skipped("train")));
    const from = checkpoint?.step ?? 0;
    if (checkpoint) await replicas.restore(checkpoint.state);
    else if (pretrained) await replicas.restoreNorms(await batches.next(0)); // step 0 is not trained on
    await emit({ kind: "start", images: images.length, valImages: val.length, steps, from, threads, bytes: replicas.bytes });

    const graph = checkpoint?.onnx ?? writeOnnx(first.graph, {});
    let saved = performance.now();
    const save = async ({ step, losses }: Progress): Promise<void> => {
      if (!store) return;
      const state = await replicas.save();
      await store.write(
        "checkpoint",
        await encodeCheckpoint({
          options: { ...fixed, pretrained, notes, maps, auxiliaryProgress: heads.progress },
          step,
          losses,
          onnx: graph,
          state,
        }),
      );
      saved = performance.now();
    };
    const averaged = async (): Promise<Model> => {
      const model = { graph: foldNorms(await replicas.export()), info: { ...defaultInfo(all, maps), pixels: pixels[0]!, notes } };
      return all.length > tasks.length ? withTasks(model, tasks) : model;
    };
    const onFault = strict ? undefined : skipped("val");
    const scoresOf = ({ samples, found }: Answers): Scores => evaluate(tasks, samples, found);
    const measured = async (model: Model): Promise<Scores | null> =>
      val.length === 0 ? null : scoresOf(await detectAll(read, model, val, { onFault }));
    /** The end of a training: calibrated on val and measured there. */
    const finish = async (model: Model): Promise<{ model: Model; scores: Scores | null }> => {
      if (val.length === 0) return { model, scores: null };
      const calibrated = await calibrateModel(model, val, { read, onFault });
      return { model: calibrated.model, scores: scoresOf(calibrated.answers) };
    };

    let last: { model: Model; step: number } | undefined;
    let scores: Scores | null = null;
    const step = await trainSteps(
      replicas,
      batches,
      { rate, steps, stepsPerEpoch, from, losses: checkpoint?.losses },
      {
        async onBatch(batch, step) {
          if (watchGradients > 0 && step % watchGradients === 0)
            await emit({ kind: "gradients", step, ...cosinesOf(await replicas.gradientProducts(batch), all.length) });
          const { factors } = heads;
          for (const { mapWeight, presenceWeight } of batch.slices.flat())
            for (const weights of [mapWeight, presenceWeight])
              weights.forEach((weight, t) => {
                weights[t] = weight * factors[t]!;
              });
        },
        async onStep(progress) {
          await emit({ kind: "step", ...progress });
          for (const task of heads.observe(progress.step, progress.stepLosses)) await emit({ kind: "stopped", task, step: progress.step });
          const stop = signal?.aborted === true;
          if (stop || performance.now() - saved > CHECKPOINT_MS) await save(progress);
          return stop;
        },
        async onEpoch(progress) {
          const model = await averaged();
          await store?.write("model", saveModel(model));
          await emit({ kind: "model", model, ...progress });
          const due = valEvery > 0 && progress.epoch % valEvery === 0;
          const result = progress.step === steps ? await finish(model) : { model, scores: due ? await measured(model) : null };
          const { scores: figures } = result;
          if (result.model !== model) await store?.write("model", saveModel(result.model));
          last = { model: result.model, step: progress.step };
          scores = figures ?? scores;
          await emit({ kind: "epoch", scores: figures, ...progress });
          await save(progress);
        },
      },
    );
    const model = last?.step === step ? last.model : await averaged();
    const rest = { step, done: step === steps };
    return from >= steps ? { ...(await finish(model)), ...rest } : { model, scores, ...rest }; // it may have been complete before
  } finally {
    await Promise.all([batches?.close(), replicas.close()]);
  }
}

/** Maps as a checkpoint has them; those of the first models where it has none. */
function mapsOf(saved: unknown): HeadMaps {
  const { strides, layout } = (saved as HeadMaps | undefined) ?? BOX_MAPS;
  return { strides, layout: headLayout(layout.outputs, layout.points?.mirror) };
}
