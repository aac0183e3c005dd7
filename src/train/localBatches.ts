import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import type { Task } from "../core/task.js";
import { Batcher, type BatcherOptions } from "../data/batch.js";
import type { Sample } from "../data/dataset.js";
import { openPicture, type ReadImage } from "../data/picture.js";
import { createEngine } from "../wasm/load.js";
import type { BatchSource } from "./trainer.js";

/** What batches are made of. */
export interface BatchSettings extends BatcherOptions {
  samples: readonly Sample[];
  tasks: readonly Task[];
  /** An image that cannot be used stops the training; otherwise it is reported and a grey one without labels takes its place. */
  strict: boolean;
}

/**
 * Batches made in the calling thread, for runtimes without worker threads. The same batches as those of a worker.
 * @param onFault called once for each image that cannot be used
 */
export async function startLocalBatches(
  { samples, tasks, strict, ...options }: BatchSettings,
  read: ReadImage,
  onFault: (fault: string) => void,
): Promise<BatchSource> {
  const labels = new Map(samples.map((sample) => [sample.image, sample]));
  const unusable = new Set<string>();
  const readOrReport = async (image: string): Promise<Frame | null> => {
    const frame = await openPicture(read, labels.get(image)!);
    if (!(frame instanceof FourwayError)) return frame;
    if (strict) throw frame;
    if (!unusable.has(image)) onFault(frame.message);
    unusable.add(image);
    return null;
  };
  const batcher = new Batcher(await createEngine(), samples, tasks, options, readOrReport);
  return { next: (step) => batcher.make(step), close: async () => {} };
}
