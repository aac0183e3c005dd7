import { FourwayError } from "../core/errors.js";
import type { Example } from "../data/example.js";
import { type Graph, INPUT_SCALE } from "../graph/graph.js";
import type { HeadMaps } from "../model/head.js";
import { unpack } from "../ops/layout.js";
import { type PlacedParams, placeParams } from "../program/params.js";
import { compileTraining, planTraining, type TrainingProgram } from "../program/training.js";
import type { Engine } from "../wasm/load.js";
import { type LossBuffers, largestMap, multiTaskLoss, reserveLoss, type StepLoss } from "./loss.js";
import { ADAMW, groupOf, MAX_GRADIENT_NORM, type OptimizerName, SGD } from "./optimizer.js";

/** What a replica is made for. */
export interface ReplicaOptions {
  /** Pictures that it takes at once. */
  batch: number;
  sizes: readonly { width: number; height: number }[];
  /** How many tasks. */
  tasks: number;
  /** Of the network; those of the shipped models without it. */
  maps?: HeadMaps;
  /** Whether the trunk was learned before and moves slowly. */
  pretrained: boolean;
  optimizer: OptimizerName;
}

/** What a replica tells of its share of a step: its loss, and how long its gradient is (Euclidean norm). */
export interface SliceLoss extends StepLoss {
  gradientNorm: number;
}

/** One update: `step` counts from 1. */
export interface Update {
  step: number;
  rate: number;
  /** Share of the new weights in the average. */
  emaWeight: number;
}

/**
 * A copy of the network that learns, in its own memory: parameters, gradients, the optimizer's moments, the weights' average, and one arena
 * for the largest of its planned sizes. Several replicas that see the same gradients stay the same bit for bit.
 */
export class Replica {
  private readonly params: PlacedParams;
  private readonly programs = new Map<string, TrainingProgram>();
  private readonly buffers: LossBuffers;
  private readonly gradientAt: number;
  private readonly firstMoment: number;
  private readonly secondMoment: number;
  private readonly emaAt: number;
  private readonly pixels: number;
  private readonly matrix: number;
  /** Bytes of memory that the plan takes, all in all. */
  readonly bytes: number;

  constructor(
    private readonly engine: Engine,
    readonly graph: Graph,
    private readonly options: ReplicaOptions,
  ) {
    const { memory } = engine;
    this.params = placeParams(engine, graph);
    const { trainedBytes, stateBytes } = this.params;
    this.gradientAt = memory.reserve(trainedBytes);
    this.firstMoment = memory.reserve(trainedBytes);
    this.secondMoment = memory.reserve(trainedBytes);
    memory.f32.fill(0, this.firstMoment >> 2, (this.secondMoment + trainedBytes) >> 2);
    this.emaAt = memory.reserve(trainedBytes + stateBytes);
    this.resetEma();
    const largest = Math.max(...options.sizes.map(({ width, height }) => width * height));
    this.pixels = memory.reserve(3 * largest);
    this.matrix = memory.reserve(64);
    const plans = options.sizes.map(({ width, height }) => planTraining(graph, { batch: options.batch, width, height }));
    const base = memory.reserve(Math.max(...plans.map(({ bytes }) => bytes)));
    for (const plan of plans)
      this.programs.set(
        `${plan.width}x${plan.height}`,
        compileTraining(engine, plan, this.params, this.gradientAt - this.params.offset, base),
      );
    this.buffers = reserveLoss(engine, Math.max(...[...this.programs.values()].map(largestMap)));
    this.bytes = memory.mark;
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
    const { offset, width, height } = program.input;
    const count = width * height;
    examples.forEach(({ pixels, colour }, i) => {
      memory.i8.set(pixels, this.pixels);
      memory.f32.set(colour, this.matrix >> 2);
      kernels.colour(offset + 12 * count * i, this.pixels, this.matrix, count, INPUT_SCALE);
    });
  }

  /** Runs a batch through and back; the gradients then lie in `gradients()`. Weights do not move, running statistics do. */
  compute(examples: readonly Example[], width: number, height: number): SliceLoss {
    const program = this.programFor(width, height);
    this.fill(program, examples);
    this.gradients().fill(0);
    program.forward();
    const loss = multiTaskLoss(this.engine, program, this.buffers, examples, this.options.tasks, this.options.maps);
    program.backward();
    return { ...loss, gradientNorm: this.gradientNorm() };
  }

  /**
   * Puts batch norm back into folded convolutions: from the batch's statistics each norm gets the gamma and beta that undo them, so that
   * the function stays what it was while training has its norms again. For norms whose gamma is 1 and variance 1 - epsilon (`unfoldNorms`).
   * Nodes that share a norm each keep their function on the way; the last one's statistics stay, with the gamma and beta that undo them.
   */
  restoreNorms(examples: readonly Example[], width: number, height: number, wanted: (norm: string) => boolean): void {
    const { memory } = this.engine;
    const program = this.programFor(width, height);
    this.fill(program, examples);
    const biases = new Map<string, Float32Array>();
    for (const { node, input, step } of program.forwardSteps) {
      if (node.op === "norm" && wanted(node.name)) {
        const at = (role: "gamma" | "beta" | "mean" | "variance"): number => this.params.byName.get(node.params[role]!)!.offset >> 2;
        const { channels, height: h, width: w, offset } = input;
        const stride = this.params.byName.get(node.params.gamma!)!.length;
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
    this.resetEma();
  }

  /** The average begins anew at the present weights. */
  private resetEma(): void {
    const { offset, trainedBytes, stateBytes } = this.params;
    this.engine.memory.u8.copyWithin(this.emaAt, offset, offset + trainedBytes + stateBytes);
  }

  private floats(offset: number, bytes: number): Float32Array {
    return this.engine.memory.f32.subarray(offset >> 2, (offset + bytes) >> 2);
  }

  /** Gradients of the trained parameters, packed; a view that the next growth of memory invalidates. */
  gradients(): Float32Array {
    return this.floats(this.gradientAt, this.params.trainedBytes);
  }

  /** Running statistics, packed; a view. */
  state(): Float32Array {
    return this.floats(this.params.offset + this.params.trainedBytes, this.params.stateBytes);
  }

  private gradientNorm(): number {
    return Math.sqrt(this.engine.kernels.sumSquares(this.gradientAt, this.params.trainedBytes >> 2));
  }

  /** Moves the weights along the gradients, and their average along. Returns the gradient's length before it was held to `LONGEST_GRADIENT`. */
  apply({ step, rate, emaWeight: average }: Update): number {
    const { kernels } = this.engine;
    const { trainedBytes, stateBytes, offset, byName } = this.params;
    const length = this.gradientNorm();
    const clip = Math.min(1, MAX_GRADIENT_NORM / length);
    const { b1, b2, epsilon } = ADAMW;
    for (const placed of byName.values()) {
      if (!placed.trained) continue;
      const { lrScale: share, decay } = groupOf(placed, this.options.pretrained);
      const shift = placed.offset - offset;
      const [g, m, v] = [this.gradientAt + shift, this.firstMoment + shift, this.secondMoment + shift];
      if (this.options.optimizer === "sgd") kernels.sgd(placed.offset, g, m, placed.length, clip, rate * share, decay, SGD.momentum);
      else kernels.adamw(placed.offset, g, m, v, placed.length, clip, rate * share, decay, b1, b2, 1 - b1 ** step, 1 - b2 ** step, epsilon);
    }
    kernels.average(this.emaAt, offset, (trainedBytes + stateBytes) >> 2, average);
    return length;
  }

  /** All that a later run needs to go on bit for bit, as views. */
  private parts(): Float32Array[] {
    const { offset, trainedBytes, stateBytes } = this.params;
    return [
      this.floats(offset, trainedBytes + stateBytes),
      this.floats(this.firstMoment, trainedBytes),
      this.floats(this.secondMoment, trainedBytes),
      this.floats(this.emaAt, trainedBytes + stateBytes),
    ];
  }

  /** All that a later run needs to go on bit for bit: weights, moments, average, as one block of floats. */
  save(): Float32Array {
    const parts = this.parts();
    const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  /** Takes up what `save` gave. @throws E_TRAIN where it is of another network */
  restore(all: Float32Array): void {
    const parts = this.parts();
    const expected = parts.reduce((sum, { length }) => sum + length, 0);
    if (all.length !== expected)
      throw new FourwayError(
        "E_TRAIN",
        `checkpoint: expected ${expected} values for this network, got ${all.length}; resume with the same --trunk and widths`,
      );
    let at = 0;
    for (const part of parts) {
      part.set(all.subarray(at, at + part.length));
      at += part.length;
    }
  }

  /** The graph with the averaged weights (or the present ones), in ONNX order; a copy. */
  export(ema: boolean): Graph {
    const shift = ema ? this.emaAt - this.params.offset : 0;
    const params = new Map(
      [...this.params.byName.values()].map(({ name, param, layout, offset, length }) => {
        const copy = { dims: param.dims, data: new Float32Array(param.data.length) };
        unpack(copy, layout, this.floats(offset + shift, 4 * length));
        return [name, copy];
      }),
    );
    return { ...this.graph, params };
  }
}
