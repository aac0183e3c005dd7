import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import { Random } from "../core/random.js";
import type { Task } from "../core/task.js";
import { GREY, INPUT_MULTIPLE } from "../image/letterbox.js";
import { DEFAULT_PIXELS } from "../model/model.js";
import type { Engine } from "../wasm/load.js";
import { drawRecipe, type ExampleOptions, LARGEST_ZOOM, makeExample, type Picture } from "./augment.js";
import type { Sample } from "./dataset.js";
import type { Example } from "./example.js";

/** A batch, already divided among the replicas. */
export interface Batch {
  width: number;
  height: number;
  slices: Example[][];
  /** The pictures in it, for messages. */
  names: string[];
}

/** Input sizes of training at the default number of pixels, in the aspects that pictures have. */
const SIZES = [
  { width: 320, height: 192 },
  { width: 288, height: 224 },
  { width: 256, height: 256 },
  { width: 224, height: 288 },
] as const;

/** Input sizes of training with about these many pixels: for each the sides of the default ones, scaled to multiples of 32. */
export function trainingSizes(pixels: readonly number[]): { width: number; height: number }[] {
  return pixels.flatMap((count) => {
    const scale = Math.sqrt(count / DEFAULT_PIXELS);
    const side = (length: number): number => INPUT_MULTIPLE * Math.max(1, Math.round((length * scale) / INPUT_MULTIPLE));
    return SIZES.map(({ width, height }) => ({ width: side(width), height: side(height) }));
  });
}

/** The largest size at which augmentation shows a picture: resolution beyond that is never used at these input sizes. */
export function largestUse(pixels: readonly number[]): { width: number; height: number } {
  const sizes = trainingSizes(pixels);
  return {
    width: LARGEST_ZOOM * Math.max(...sizes.map(({ width }) => width)),
    height: LARGEST_ZOOM * Math.max(...sizes.map(({ height }) => height)),
  };
}

/** Examples whose pictures are read in advance: enough to keep all decoders busy. */
const READ_AHEAD = 8;

/** A task with fewer boxed pictures than another is drawn more often, by this power of the ratio. */
const BALANCE = 0.3;
/** Pictures in which nothing is boxed are drawn less often, by this factor. */
const EMPTY = 0.6;

/**
 * How often each sample is drawn, relative to the others: rare tasks more often, empty pictures less.
 * @param oversample a factor for the pictures of a set, by its name; 1 for the others
 */
export function samplingWeights(
  samples: readonly Sample[],
  tasks: readonly Task[],
  oversample: Readonly<Record<string, number>> = {},
): Float64Array {
  const boxed = (sample: Sample, task: Task): boolean => {
    const label = sample.labels[task];
    return Array.isArray(label) && label.length > 0;
  };
  const counts = tasks.map((task) => samples.filter((sample) => boxed(sample, task)).length);
  const most = Math.max(...counts, 1);
  return Float64Array.from(samples, (sample) => {
    let weight = oversample[sample.set] ?? 1;
    let empty = true;
    tasks.forEach((task, t) => {
      if (!boxed(sample, task)) return;
      empty = false;
      weight *= (most / counts[t]!) ** BALANCE;
    });
    return empty ? EMPTY * weight : weight;
  });
}

/** Whether a sample has a label of any of the tasks. */
export function isLabelled(sample: Sample, tasks: readonly Task[]): boolean {
  return tasks.some((task) => (sample.labels[task] ?? null) !== null);
}

function pictureOf(sample: Sample, frame: Frame | null): Picture {
  if (frame) return { sample, frame };
  const { width, height } = sample;
  return { sample: { ...sample, labels: {}, ignore: {} }, frame: { width, height, data: new Uint8Array(4 * width * height).fill(GREY) } };
}

/** Settings of a `Batcher`. */
export interface BatcherOptions extends ExampleOptions {
  seed: number;
  /** Pictures of a batch, and the number of slices they are divided into. */
  batch: number;
  slices: number;
  /** Of the input, about. */
  pixels: readonly number[];
  /** As `samplingWeights` takes it. */
  oversample?: Readonly<Record<string, number>>;
}

/**
 * Makes the batch of a step: which pictures, how they are cut and coloured depends on seed and step alone.
 * Owns an engine for resampling; pictures come from `read`, which gives null for one that cannot be read: a grey one without labels replaces it.
 */
export class Batcher {
  private readonly cumulative: Float64Array;
  private readonly sizes: { width: number; height: number }[];

  /** @throws E_DATA where no sample is labelled */
  constructor(
    private readonly engine: Engine,
    private readonly samples: readonly Sample[],
    private readonly tasks: readonly Task[],
    private readonly options: BatcherOptions,
    private readonly read: (image: string) => Promise<Frame | null>,
  ) {
    if (samples.length === 0)
      throw new FourwayError("E_DATA", "training: expected labelled pictures, got none; give --data with a train split");
    this.sizes = trainingSizes(options.pixels);
    let sum = 0;
    const { oversample = {}, whole } = options;
    const weights = whole ? Float64Array.from(samples, ({ set }) => oversample[set] ?? 1) : samplingWeights(samples, tasks, oversample);
    this.cumulative = weights.map((weight) => (sum += weight));
  }

  private draw(random: Random): Sample {
    const wanted = random.uniform(0, this.cumulative[this.cumulative.length - 1]);
    let low = 0;
    let high = this.samples.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.cumulative[middle]! > wanted) high = middle;
      else low = middle + 1;
    }
    return this.samples[low]!;
  }

  /** The batch of a step, counted from 1. */
  async make(step: number): Promise<Batch> {
    const random = new Random(this.options.seed, step);
    const { width, height } = random.pick(this.sizes);
    const { batch, slices, whole } = this.options;
    const chosen = drawRecipe(random, batch, whole).map((count) => Array.from({ length: count }, () => this.draw(random)));
    const reading: Promise<Picture[]>[] = [];
    const begin = (index: number): void => {
      const group = Promise.all((chosen[index] ?? []).map(async (sample) => pictureOf(sample, await this.read(sample.image))));
      group.catch(() => {}); // thrown when it is awaited
      reading.push(group);
    };
    for (let ahead = 0; ahead < READ_AHEAD; ahead++) begin(ahead);
    const count = 3 * width * height;
    const each = batch / slices;
    const examples: Example[][] = [];
    for (let share = 0; share < slices; share++) {
      const pixels = new Int8Array(each * count);
      const slice: Example[] = [];
      for (let i = 0; i < each; i++) {
        begin(share * each + i + READ_AHEAD);
        const pictures = await reading.shift()!;
        slice.push(
          makeExample(this.engine, pictures, this.tasks, width, height, random, pixels.subarray(i * count, (i + 1) * count), this.options),
        );
      }
      examples.push(slice);
    }
    return { width, height, slices: examples, names: chosen.flat().map(({ image }) => image) };
  }
}
