import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { TASKS } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import { type Store, type TrainingOptions, type TrainingResult, train } from "../train/session.js";
import { TRAINING_DEFAULTS } from "../train/settings.js";
import { startBatchLoader } from "./batchLoader.js";
import { readViewFrame } from "./evaluate.js";
import { safeWrite } from "./safeWrite.js";
import { logEpoch, logGradients } from "./trainingLog.js";
import { startReplicas } from "./workerReplicas.js";

/** Settings of `trainFiles`: those of `train`, and where and how Node does it. */
export interface FileTrainingOptions extends Omit<TrainingOptions, "read" | "store" | "workers"> {
  /** The f32 model to write; next to it .checkpoint, .log.csv and .log.svg are written. */
  out: string;
  /** Worker threads over the batch, which they share evenly; default: as many as there are cores, 8 at most. */
  threads?: number;
  /** Decoded images kept in memory; default 4 GiB. */
  cacheBytes?: number;
}

/** As many threads as there are cores, 8 at most, of those that share a batch evenly. */
export function threadsFor(batch: number): number {
  let threads = Math.min(8, availableParallelism(), batch);
  while (batch % threads) threads--;
  return threads;
}

/** The model at a path, its checkpoint next to it. */
function fileStore(out: string): Store {
  const paths = { model: out, checkpoint: `${out}.checkpoint` };
  return {
    name: paths.checkpoint,
    read: (what) =>
      readFile(paths[what]).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return null;
        throw error;
      }),
    write: (what, bytes) => safeWrite(paths[what], bytes),
  };
}

/** `train` of "fourway/train" on image files, in worker threads, with its model, checkpoint and log in files. @throws as `train` does, and where a file cannot be written */
export function trainFiles(
  samples: readonly Sample[],
  { out, cacheBytes = 2 ** 32, onEvent, threads, ...options }: FileTrainingOptions,
): Promise<TrainingResult> {
  const { tasks = TASKS, auxiliary } = options;
  const helpers = Object.keys(auxiliary?.weights ?? {});
  return train(samples, {
    ...options,
    read: readViewFrame,
    store: fileStore(out),
    workers: {
      threads: threads ?? threadsFor(options.batch ?? TRAINING_DEFAULTS.batch),
      startReplicas,
      startBatches: async (settings, steps, onFault) =>
        startBatchLoader({ ...settings, samples: [...settings.samples], tasks: [...settings.tasks], cacheBytes }, steps, onFault),
    },
    async onEvent(event) {
      if (event.kind === "gradients") await logGradients(`${out}.gradients`, [...tasks, ...helpers], event);
      if (event.kind === "epoch") await logEpoch(`${out}.log`, tasks, helpers, event, event.scores);
      await onEvent?.(event);
    },
  });
}
