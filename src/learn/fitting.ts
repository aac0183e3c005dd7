import { FourwayError } from "../core/errors.js";
import { Random } from "../core/random.js";
import type { Truth } from "../data/example.js";
import type { Graph } from "../graph/graph.js";
import type { HeadMaps } from "../model/head.js";
import { compileTraining, planTraining, type TrainingProgram } from "../program/training.js";
import { type Divisors, type LossBuffers, largestMap, multiTaskLoss, reserveLoss, type StepLoss, type Taught } from "../train/loss.js";
import { learningRate } from "../train/schedule.js";
import { Weights } from "../train/weights.js";
import type { Engine } from "../wasm/load.js";
import type { Cut } from "./cut.js";
import { fillInputs, keyOf, largestInput, type Seen } from "./passes.js";

/** A picture that is learned from: its values at the cut and what is known of it. */
export interface Lesson extends Seen {
  truth: Taught;
}

/** How weights are learned. */
export interface FitSettings {
  /** How many, or for how long: then as many as a few steps show to fit, `most` at most. */
  steps: number | { seconds: number; most: number };
  /** Of AdamW. */
  rate: number;
  /** How far the weights go from the old ones to those that were learned, 0..1. */
  share: number;
  seed: number;
  maps: HeadMaps;
  signal?: AbortSignal;
  /** Called after each step: which, of how many, and its loss. */
  onStep?: (step: number, steps: number, loss: number) => void;
}

/** Cells that answer for an object are so good together before anything was learned, about: for the first divisor of a picture's partner. */
const QUALITY_A_BOX = 2;

/** Lets timers, events and other frames run between two steps. */
const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/**
 * One picture at a time through forward, loss and backward, in the kernels' memory. Gradients add up: pictures of a step are taken one after
 * the other, with the divisors of all, so that memory is that of one.
 */
export class Pupil {
  readonly weights: Weights;
  private readonly programs = new Map<string, TrainingProgram>();
  private readonly bytes: number;
  private readonly buffers: LossBuffers;
  private readonly scales: ReadonlyMap<string, number>;

  /** @throws E_RUNTIME out of memory */
  constructor(
    private readonly engine: Engine,
    private readonly cut: Cut,
    sizes: readonly { width: number; height: number }[],
    private readonly maps: HeadMaps,
  ) {
    const { learner, behind } = cut;
    this.scales = behind.scales!;
    this.weights = new Weights(engine, learner, { optimizer: "adamw", groups: [{ lrScale: 1, decay: 0 }], average: false });
    const known = new Map(sizes.map((size) => [keyOf(size), size]));
    const plans = [...known.values()].map(({ width, height }) => planTraining(learner, { batch: 1, width, height }, this.weights));
    this.bytes = engine.memory.reserve(largestInput(learner, plans));
    const base = engine.memory.reserve(Math.max(...plans.map(({ bytes }) => bytes)));
    for (const plan of plans)
      this.programs.set(keyOf(plan), compileTraining(engine, plan, this.weights.params, this.weights.gradientShift, base));
    this.buffers = reserveLoss(engine, Math.max(...[...this.programs.values()].map(largestMap)), maps.layout);
  }

  /** Adds a picture's gradients; `rest` are the divisors of the step's other pictures. */
  take({ features, truth, ...size }: Lesson, rest: Divisors): StepLoss {
    const program = this.programs.get(keyOf(size))!;
    fillInputs(this.engine, this.cut.learner, program.inputs, features, this.bytes, this.scales);
    program.forward();
    const loss = multiTaskLoss(this.engine, program, this.buffers, [truth], this.cut.tasks.length, this.maps, rest);
    program.backward();
    return loss;
  }
}

/** Lessons in an order that a seed decides, all once before any comes again. */
class Turns {
  private order: number[] = [];
  private round = 0;

  constructor(
    private readonly count: number,
    private readonly keys: readonly number[],
  ) {}

  next(): number {
    if (this.order.length === 0) {
      const random = new Random(...this.keys, this.round++);
      this.order = Array.from({ length: this.count }, (_, i) => i);
      for (let i = this.count - 1; i > 0; i--) {
        const j = random.below(i + 1);
        [this.order[i], this.order[j]] = [this.order[j]!, this.order[i]!];
      }
    }
    return this.order.pop()!;
  }
}

/** Steps that are timed, after one that is not. */
const TIMED = 3;
/** Fewer teach next to nothing. */
const LEAST_STEPS = 20;

/** How many steps fit into a time, from how long some take. */
function stepsWithin({ seconds, most }: { seconds: number; most: number }, step: () => void): number {
  step();
  const start = performance.now();
  for (let i = 0; i < TIMED; i++) step();
  const each = (performance.now() - start) / 1000 / TIMED;
  return Math.max(Math.min(LEAST_STEPS, most), Math.min(most, Math.floor(seconds / each)));
}

/** The network whose weights lie a share of the way from one's to another's, both f32. */
function between(from: Graph, to: Graph, share: number): Graph {
  const params = new Map(to.params);
  for (const [name, param] of to.params) {
    const start = from.params.get(name)!.data;
    params.set(name, { ...param, data: Float32Array.from(param.data, (end, i) => start[i]! + share * (end - start[i]!)) });
  }
  return { ...to, params };
}

const knownOf = ({ presenceWeight }: Truth): number => presenceWeight.reduce((sum, weight) => sum + weight, 0);

/**
 * Learns what is behind a cut: each step takes one lesson of each list, whose gradients add up.
 * @param lists of lessons, such as a camera's frames and pictures that keep what was known before; an empty one is left out
 * @returns `cut.learner` with weights a share of the way to the learned ones, and how many steps were done
 * @throws E_TRAIN where loss or gradient is not finite any more; the signal's reason where it is aborted
 */
export async function fitBehind(
  engine: Engine,
  cut: Cut,
  lists: readonly (readonly Lesson[])[],
  settings: FitSettings,
): Promise<{ learner: Graph; steps: number }> {
  const { rate, seed, signal, onStep } = settings;
  const mark = engine.memory.mark;
  try {
    const pupil = new Pupil(engine, cut, lists.flat(), settings.maps);
    const sources = lists
      .filter(({ length }) => length > 0)
      .map((lessons, i) => ({ lessons, turns: new Turns(lessons.length, [seed, 0x1ea4, i]) }));
    const quality = new Map<Lesson, number>();
    const guess = (lesson: Lesson): Divisors => ({
      quality: quality.get(lesson) ?? (QUALITY_A_BOX * lesson.truth.boxes.length) / 5,
      known: knownOf(lesson.truth),
    });
    const steps =
      typeof settings.steps === "number"
        ? settings.steps
        : stepsWithin(settings.steps, () => {
            for (const { lessons } of sources) pupil.take(lessons[0]!, { quality: 0, known: 0 });
          });
    for (let step = 1; step <= steps; step++) {
      await breathe();
      signal?.throwIfAborted();
      const taken = sources.map(({ lessons, turns }) => lessons[turns.next()]!);
      const divisors = taken.map(guess);
      pupil.weights.gradients().fill(0);
      let total = 0;
      taken.forEach((lesson, i) => {
        const others = divisors.filter((_, k) => k !== i);
        const sum = (key: keyof Divisors): number => others.reduce((all, each) => all + each[key], 0);
        const loss = pupil.take(lesson, { quality: sum("quality"), known: sum("known") });
        divisors[i] = loss.divisors;
        quality.set(lesson, loss.divisors.quality);
        total += loss.total;
      });
      const norm = pupil.weights.gradientNorm();
      if (!Number.isFinite(total) || !Number.isFinite(norm))
        throw new FourwayError(
          "E_TRAIN",
          `fit, step ${step}: expected a finite loss and gradient, got ${total} and ${norm}; look at the labels of the frames`,
        );
      pupil.weights.apply({ step, rate: learningRate(rate, step, steps), emaWeight: 0 });
      onStep?.(step, steps, total);
    }
    return { learner: between(cut.learner, pupil.weights.export(false), settings.share), steps };
  } finally {
    engine.memory.release(mark);
  }
}
