import { FourwayError } from "../core/errors.js";
import type { Graph } from "../graph/graph.js";
import { placeParams } from "../graph/params.js";
import { type Plan, planForward } from "../graph/plan.js";
import { compileForward } from "../graph/run.js";
import { stored } from "../ops/layout.js";
import type { Engine } from "../wasm/load.js";

/** Bins of a histogram of magnitudes. */
const BINS = 2048;
/** Candidate scales are 2^k for k from here .. */
const LEAST_POWER = -20;
/** .. to here. */
const MOST_POWER = 4;
/** int8 reaches this far. */
const REACH = 127;
/** What is clipped counts so many times what is rounded: large values decide what is found. Mean AP50 lost on val: 0.019 at 1, 0.006 at 64. */
const CLIPPED = 64;

/** Magnitudes of one value over all calibration pictures. */
interface Histogram {
  most: number;
  counts: Float64Array;
}

/** An input: [height, width, 3] floats as the network takes them. */
export interface CalibrationInput {
  pixels: Float32Array;
  width: number;
  height: number;
}

/** What calibration found: for each value the squared error that each candidate scale 2^k would make, k from `LEAST_POWER` on. */
export type Calibration = Map<string, Float64Array>;

/** Runs a folded f32 graph over the inputs, with every value kept, and hands each value's floats to `look`. */
function observe(
  engine: Engine,
  graph: Graph,
  inputs: readonly CalibrationInput[],
  look: (name: string, values: Float32Array, channels: number) => void,
): void {
  const { memory } = engine;
  const mark = memory.mark;
  const params = placeParams(engine, graph);
  const plans = new Map<string, Plan>();
  for (const { width, height } of inputs) {
    const key = `${width}x${height}`;
    if (!plans.has(key)) plans.set(key, planForward(graph, { batch: 1, width, height }, true));
  }
  const base = memory.reserve(Math.max(...[...plans.values()].map(({ bytes }) => bytes)));
  for (const { pixels, width, height } of inputs) {
    const plan = plans.get(`${width}x${height}`)!;
    const program = compileForward(engine, plan, params, base);
    memory.f32.set(pixels, program.input.offset >> 2);
    program.run();
    for (const [name, shape] of plan.shapes) {
      const at = (base + plan.values.get(name)!) >> 2;
      look(name, memory.f32.subarray(at, at + shape.height * shape.width * stored(shape.channels)), shape.channels);
    }
  }
  memory.release(mark);
}

/**
 * Measures how large each value of a folded f32 graph becomes over some pictures.
 * @throws E_ARGUMENT without inputs
 */
export function calibrate(engine: Engine, graph: Graph, inputs: readonly CalibrationInput[]): Calibration {
  if (inputs.length === 0) throw new FourwayError("E_ARGUMENT", "calibration: expected at least one picture, got none");
  const histograms = new Map<string, Histogram>();
  observe(engine, graph, inputs, (name, values) => {
    const known = histograms.get(name) ?? { most: 0, counts: new Float64Array(BINS) };
    let { most } = known;
    for (let i = 0; i < values.length; i++) {
      const v = Math.abs(values[i]!);
      if (v > most) most = v;
    }
    histograms.set(name, { ...known, most });
  });
  observe(engine, graph, inputs, (name, values, channels) => {
    const { most, counts } = histograms.get(name)!;
    if (most === 0) return;
    const unit = BINS / most;
    const padding = stored(channels) - channels;
    for (let i = 0; i < values.length; i++) counts[Math.min(BINS - 1, Math.floor(Math.abs(values[i]!) * unit))]!++;
    counts[0]! -= (padding * values.length) / stored(channels); // padded channels are no values
  });
  return new Map([...histograms].map(([name, histogram]) => [name, errorsOf(histogram)]));
}

/** Squared error of rounding to multiples of 2^k and clipping at 127 of them (weighted by `CLIPPED`), for each candidate k. */
function errorsOf({ most, counts }: Histogram): Float64Array {
  return Float64Array.from({ length: MOST_POWER - LEAST_POWER + 1 }, (_, i) => {
    const scale = 2 ** (LEAST_POWER + i);
    let sum = 0;
    counts.forEach((count, bin) => {
      if (count <= 0) return;
      const value = ((bin + 0.5) / BINS) * most;
      const over = value - REACH * scale;
      sum += count * (over > 0 ? CLIPPED * over * over : (scale * scale) / 12);
    });
    return sum;
  });
}

/** The power of two that makes the least squared error over values that share a scale. */
export function bestScale(errors: readonly Float64Array[]): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= MOST_POWER - LEAST_POWER; i++) {
    const error = errors.reduce((sum, each) => sum + each[i]!, 0);
    if (error < least) {
      least = error;
      best = i;
    }
  }
  return 2 ** (LEAST_POWER + best);
}
