import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { type ErrorData, FourwayError, toErrorData } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import { type Batch, Batcher, type BatcherOptions, largestUse } from "../data/batch.js";
import type { Sample } from "../data/dataset.js";
import { openPicture } from "../data/picture.js";
import { createEngine } from "../wasm/load.js";
import { readImage } from "./image.js";

/** The loader's settings. */
export interface LoaderData extends BatcherOptions {
  samples: Sample[];
  tasks: string[];
  /** The most bytes of decoded pictures that are kept. */
  cacheBytes: number;
  /** A picture that cannot be used stops the work; otherwise it is reported and a grey one without labels replaces it. */
  strict: boolean;
}

/** The loader's messages: a batch that was asked for, an error in its place, or a picture that it skips. */
export type LoaderMessage = { step: number; batch: Batch } | { step: number; error: ErrorData } | { fault: string };

const { samples, tasks, cacheBytes, strict, ...options } = workerData as LoaderData;
const labels = new Map(samples.map((sample) => [sample.image, sample]));
const covering = largestUse(options.pixels);
const cache = new Map<string, Frame>();
const unusable = new Set<string>();
let cached = 0;

async function read(image: string): Promise<Frame | null> {
  const known = cache.get(image);
  if (known) return known;
  if (unusable.has(image)) return null;
  const frame = await openPicture((path) => readImage(path, { covering }), labels.get(image)!);
  if (frame instanceof FourwayError) {
    if (strict) throw frame;
    if (!unusable.has(image)) say({ fault: frame.message }); // a batch may ask for it twice at once
    unusable.add(image);
    return null;
  }
  if (!cache.has(image) && cached + frame.data.length <= cacheBytes) {
    cache.set(image, frame);
    cached += frame.data.length;
  }
  return frame;
}

const port = parentPort as MessagePort;
const say = (message: LoaderMessage, buffers: ArrayBuffer[] = []): void => port.postMessage(message, buffers);
const batcher = new Batcher(await createEngine(), samples, tasks, options, read);
let queue = Promise.resolve();
port.on("message", (step: number) => {
  // one batch after the other, so that only one batch's pictures are in memory
  queue = queue.then(async () => {
    try {
      const batch = await batcher.make(step);
      const buffers = batch.slices.map((share) => share[0]!.pixels.buffer as ArrayBuffer);
      say({ step, batch }, buffers);
    } catch (error) {
      say({ step, error: toErrorData(error) });
    }
  });
});
