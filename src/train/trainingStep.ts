import { FourwayError } from "../core/errors.js";
import type { Example } from "../data/example.js";
import { INPUT_SCALE } from "../graph/graph.js";
import { TRUNK_PREFIX } from "../model/build.js";
import type { HeadMaps } from "../model/head.js";
import { compileTraining, planTraining, type TrainingProgram } from "../program/training.js";
import type { Engine } from "../wasm/load.js";
import { type LossBuffers, largestMap, multiTaskLoss, reserveLoss, type StepLoss } from "./loss.js";
import type { Weights } from "./weights.js";

/** What a training step is planned for. */
export interface StepOptions {
  /** Pictures that it takes at once. */
  batch: number;
  sizes: readonly { width: number; height: number }[];
  /** How many tasks. */
  tasks: number;
  /** Of the network; those of the shipped models without it. */
  maps?: HeadMaps;
}

/** The result of a step on a slice of a batch: its loss, and how long its gradient is (Euclidean norm). */
export interface SliceLoss extends StepLoss {
  gradientNorm: number;
}

/** From a batch of examples to its loss and the gradients of the weights: the programs of all planned sizes, in one arena for the largest. */
export class TrainingStep {
  private readonly programs = new Map<string, TrainingProgram>();
  private readonly buffers: LossBuffers;
  private readonly pixels: number;
  private readonly matrix: number;

  constructor(
    private readonly engine: Engine,
    private readonly weights: Weights,
    private readonly options: StepOptions,
  ) {
    const { memory } = engine;
    const { graph, params, gradientShift } = weights;
    const largest = Math.max(...options.sizes.map(({ width, height }) => width * height));
    this.pixels = memory.reserve(3 * largest);
    this.matrix = memory.reserve(64);
    const plans = options.sizes.map(({ width, height }) => planTraining(graph, { batch: options.batch, width, height }, weights));
    const base = memory.reserve(Math.max(...plans.map(({ bytes }) => bytes)));
    for (const plan of plans) this.programs.set(`${plan.width}x${plan.height}`, compileTraining(engine, plan, params, gradientShift, base));
    this.buffers = reserveLoss(engine, Math.max(...[...this.programs.values()].map(largestMap)), options.maps?.layout);
  }

  private programFor(width: number, height: number): TrainingProgram {
    const program = this.programs.get(`${width}x${height}`);
    if (!program) throw new FourwayError("E_ARGUMENT", `replica: expected one of its planned sizes, got ${width} x ${height}`);
    return program;
  }

  private fill(program: TrainingProgram, examples: readonly Example[]): void {
    const { kernels, memory } = this.engine;
    const { batch } = this.options;
    if (examples.length !== batch) throw new FourwayError("E_ARGUMENT", `replica: expected ${batch} pictures, got ${examples.length}`);
    const { offset, width, height } = program.inputs[0]!;
    const count = width * height;
    examples.forEach(({ pixels, colour }, i) => {
      memory.i8.set(pixels, this.pixels);
      memory.f32.set(colour, this.matrix >> 2);
      kernels.colour(offset + 12 * count * i, this.pixels, this.matrix, count, INPUT_SCALE);
    });
  }

  /** Runs a batch forward and backward; the gradients are then in the weights' `gradients()`. Weights do not change, running statistics do. */
  compute(examples: readonly Example[], width: number, height: number): SliceLoss {
    const program = this.programFor(width, height);
    this.fill(program, examples);
    this.weights.gradients().fill(0);
    program.forward();
    const loss = multiTaskLoss(this.engine, program, this.buffers, examples, this.options.tasks, this.options.maps);
    program.backward();
    return { ...loss, gradientNorm: this.weights.gradientNorm() };
  }

  /**
   * The tasks' gradients of the shared trunk on a batch, as the products of each with each (row by row): of a row's and a column's task the product of
   * their gradients, on the diagonal the square of one's length. A task's gradient is that of a batch in which nothing else is labelled.
   * Neither weights nor running statistics change; the weights' `gradients()` do.
   */
  gradientProducts(examples: readonly Example[], width: number, height: number): number[] {
    const { tasks } = this.options;
    const program = this.programFor(width, height);
    const state = this.weights.state().slice();
    const gradients = Array.from({ length: tasks }, (_, task) => {
      const alone = (weights: readonly number[]): number[] => weights.map((weight, t) => (t === task ? weight : 0));
      const known = examples.map((example) => ({
        ...example,
        mapWeight: alone(example.mapWeight),
        presenceWeight: alone(example.presenceWeight),
      }));
      this.fill(program, known);
      this.weights.gradients().fill(0);
      program.forward();
      multiTaskLoss(this.engine, program, this.buffers, known, tasks, this.options.maps);
      program.backward();
      return this.weights.gradientsBelow(TRUNK_PREFIX);
    });
    this.weights.state().set(state);
    return gradients.flatMap((a) => gradients.map((b) => a.reduce((sum, v, i) => sum + v * b[i]!, 0)));
  }

  /**
   * Puts batch norm back into folded convolutions: from the batch's statistics each norm gets the gamma and beta that undo them, so that
   * the function stays what it was while training has its norms again. Only norms as `unfoldNorms` leaves them, known by their variance of
   * 1 - epsilon, are changed. Nodes that share a norm each keep their function meanwhile; the last one's statistics stay, with the gamma and beta that undo them.
   */
  restoreNorms(examples: readonly Example[], width: number, height: number): void {
    const { memory } = this.engine;
    const program = this.programFor(width, height);
    this.fill(program, examples);
    const biases = new Map<string, Float32Array>();
    for (const { node, input, step } of program.forwardSteps) {
      const at = (role: "gamma" | "beta" | "mean" | "variance"): number => this.weights.params.byName.get(node.params[role]!)!.offset >> 2;
      if (
        node.op === "norm" &&
        (biases.has(node.params.beta!) || memory.f32[at("variance")] === Math.fround(1 - node.attributes.epsilon))
      ) {
        const { channels, height: h, width: w, offset } = input;
        const stride = this.weights.params.byName.get(node.params.gamma!)!.length;
        const rows = this.options.batch * h * w;
        const { f32 } = memory;
        const bias = biases.get(node.params.beta!) ?? f32.slice(at("beta"), at("beta") + channels);
        biases.set(node.params.beta!, bias);
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          let squares = 0;
          for (let r = 0, p = (offset >> 2) + c; r < rows; r++, p += stride) {
            sum += f32[p]!;
            squares += f32[p]! ** 2;
          }
          const mean = sum / rows;
          const variance = Math.max(0, squares / rows - mean * mean);
          f32[at("mean") + c] = mean;
          f32[at("variance") + c] = variance;
          f32[at("gamma") + c] = Math.sqrt(variance + node.attributes.epsilon);
          f32[at("beta") + c] = bias[c]! + mean;
        }
      }
      step();
    }
    this.weights.resetEma();
  }
}
