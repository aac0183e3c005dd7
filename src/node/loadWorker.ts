import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { type ErrorData, FourwayError, toErrorData } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import { type Batch, Batcher } from "../data/batch.js";
import type { Sample } from "../data/dataset.js";
import { aspectFault } from "../data/read.js";
import { createEngine } from "../wasm/load.js";
import { readImage } from "./image.js";

/** What the loader is started with. */
export interface LoaderData {
  samples: Sample[];
  tasks: string[];
  seed: number;
  batch: number;
  slices: number;
  /** Of the input, about. */
  pixels: number;
  /** A factor by which the pictures of a set are drawn more often, by its name. */
  oversample?: Readonly<Record<string, number>>;
  /** Decoded pictures are kept up to so many bytes. */
  cacheBytes: number;
  /** A picture that cannot be decoded stops the work; otherwise it is told and teaches nothing. */
  strict: boolean;
}

/** What the loader says: a batch that was asked for, an error in its place, or a picture that it passes over. */
export type LoaderMessage = { step: number; batch: Batch } | { step: number; error: ErrorData } | { fault: string };

const { samples, tasks, cacheBytes, strict, ...options } = workerData as LoaderData;
const labels = new Map(samples.map((sample) => [sample.image, sample]));
const cache = new Map<string, Frame>();
const unreadable = new Set<string>();
let cached = 0;

async function read(image: string): Promise<Frame | null> {
  const known = cache.get(image);
  if (known) return known;
  if (unreadable.has(image)) return null;
  let frame: Frame;
  try {
    frame = await readImage(image);
    const mismatch = aspectFault(labels.get(image)!, frame);
    if (mismatch !== null) throw new FourwayError("E_DATA", mismatch);
  } catch (error) {
    if (strict) throw error;
    if (!unreadable.has(image)) say({ fault: `${labels.get(image)?.source ?? image}: ${toErrorData(error).message}` }); // a batch may ask for it twice at a time
    unreadable.add(image);
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
port.on("message", async (step: number) => {
  try {
    const batch = await batcher.make(step);
    const buffers = batch.slices.map((share) => share[0]!.pixels.buffer as ArrayBuffer);
    say({ step, batch }, buffers);
  } catch (error) {
    say({ step, error: toErrorData(error) });
  }
});
