import { FourwayError } from "../core/errors.js";
import type { Graph } from "../graph/graph.js";
import { unpack } from "../ops/layout.js";
import { type PlacedParams, placeParams, type Trains } from "../program/params.js";
import type { Engine } from "../wasm/load.js";
import { ADAMW, groupOf, MAX_GRADIENT_NORM, type OptimizerName, type ParameterGroup, SGD } from "./optimizer.js";

/** How weights are moved. */
export interface WeightsOptions {
  optimizer: OptimizerName;
  /** Each parameter belongs to the first that takes it. */
  groups: readonly ParameterGroup[];
  /** false: no moving average is kept, nor memory for it. */
  average?: boolean;
}

/** One update: `step` counts from 1. */
export interface Update {
  step: number;
  rate: number;
  /** Weight of the new weights in the moving average. */
  emaWeight: number;
}

/** A network's weights as they are trained, in the kernels' memory: parameters, gradients, the optimizer's moments, the weights' moving average. */
export class Weights {
  /** Which parameters are trained: those of groups with a learning rate. */
  readonly trains: Trains;
  readonly params: PlacedParams;
  private readonly gradientAt: number;
  private readonly firstMoment: number;
  private readonly secondMoment: number;
  private readonly emaAt: number;

  constructor(
    protected readonly engine: Engine,
    readonly graph: Graph,
    private readonly update: WeightsOptions,
  ) {
    const { memory } = engine;
    this.trains = (param) => groupOf(update.groups, param).lrScale > 0;
    this.params = placeParams(engine, graph, this.trains);
    const { trainedBytes } = this.params;
    this.gradientAt = memory.reserve(trainedBytes);
    this.firstMoment = memory.reserve(trainedBytes);
    this.secondMoment = memory.reserve(trainedBytes);
    memory.f32.fill(0, this.firstMoment >> 2, (this.secondMoment + trainedBytes) >> 2);
    this.emaAt = update.average === false ? 0 : memory.reserve(this.allBytes);
    this.resetEma();
  }

  /** Bytes of the parameters, running statistics and frozen ones included. */
  private get allBytes(): number {
    const { trainedBytes, stateBytes, frozenBytes } = this.params;
    return trainedBytes + stateBytes + frozenBytes;
  }

  /** Bytes from a parameter to its gradient. */
  get gradientShift(): number {
    return this.gradientAt - this.params.offset;
  }

  /** Starts the moving average again at the current weights. */
  resetEma(): void {
    const { offset } = this.params;
    if (this.emaAt > 0) this.engine.memory.u8.copyWithin(this.emaAt, offset, offset + this.allBytes);
  }

  private floats(offset: number, bytes: number): Float32Array {
    return this.engine.memory.f32.subarray(offset >> 2, (offset + bytes) >> 2);
  }

  /** Gradients of the trained parameters, packed; a view that the next growth of memory invalidates. */
  gradients(): Float32Array {
    return this.floats(this.gradientAt, this.params.trainedBytes);
  }

  /** Gradients of the trained parameters whose names begin with the prefix; a copy. */
  gradientsBelow(prefix: string): Float64Array {
    const own = [...this.params.byName.values()].filter(({ name, use }) => use === "trained" && name.startsWith(prefix));
    return Float64Array.from(own.flatMap(({ offset, length }) => [...this.floats(offset + this.gradientShift, 4 * length)]));
  }

  /** Running statistics, packed; a view. */
  state(): Float32Array {
    return this.floats(this.params.offset + this.params.trainedBytes, this.params.stateBytes);
  }

  /** The gradient's Euclidean norm. */
  gradientNorm(): number {
    return Math.sqrt(this.engine.kernels.sumSquares(this.gradientAt, this.params.trainedBytes >> 2));
  }

  /** Moves the weights along the gradients, and their moving average along. Returns the gradient's norm before clipping. */
  apply({ step, rate, emaWeight: average }: Update): number {
    const { kernels } = this.engine;
    const { offset, byName } = this.params;
    const length = this.gradientNorm();
    const clip = Math.min(1, MAX_GRADIENT_NORM / length);
    const { b1, b2, epsilon } = ADAMW;
    for (const placed of byName.values()) {
      if (placed.use !== "trained") continue;
      const { lrScale, decay } = groupOf(this.update.groups, placed);
      const shift = placed.offset - offset;
      const [g, m, v] = [this.gradientAt + shift, this.firstMoment + shift, this.secondMoment + shift];
      if (this.update.optimizer === "sgd") kernels.sgd(placed.offset, g, m, placed.length, clip, rate * lrScale, decay, SGD.momentum);
      else
        kernels.adamw(placed.offset, g, m, v, placed.length, clip, rate * lrScale, decay, b1, b2, 1 - b1 ** step, 1 - b2 ** step, epsilon);
    }
    if (this.emaAt > 0) kernels.average(this.emaAt, offset, this.allBytes >> 2, average);
    return length;
  }

  /** All that a later run needs to continue bit for bit, as views. */
  private parts(): Float32Array[] {
    const { offset, trainedBytes } = this.params;
    return [
      this.floats(offset, this.allBytes),
      this.floats(this.firstMoment, trainedBytes),
      this.floats(this.secondMoment, trainedBytes),
      ...(this.emaAt > 0 ? [this.floats(this.emaAt, this.allBytes)] : []),
    ];
  }

  /** All that a later run needs to continue bit for bit: weights, moments, average, as one block of floats. */
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

  /** Restores what `save` returned. @throws E_TRAIN where it is of another network */
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

  /** The graph with the averaged weights (or the current ones), in ONNX order; a copy. */
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
