import type { Example } from "../data/example.js";
import type { Graph } from "../graph/graph.js";
import type { Engine } from "../wasm/load.js";
import { type SliceLoss, type StepOptions, TrainingStep } from "./trainingStep.js";
import { Weights, type WeightsOptions } from "./weights.js";

/** What a replica is made for. */
export type ReplicaOptions = WeightsOptions & StepOptions;

/** A copy of the network that learns, in its own memory. Several replicas with the same gradients stay equal bit for bit. */
export class Replica extends Weights {
  private readonly step: TrainingStep;
  /** Bytes of memory that the plan takes, all in all. */
  readonly bytes: number;

  constructor(engine: Engine, graph: Graph, options: ReplicaOptions) {
    super(engine, graph, options);
    this.step = new TrainingStep(engine, this, options);
    this.bytes = engine.memory.mark;
  }

  /** As `TrainingStep.compute`. */
  compute(examples: readonly Example[], width: number, height: number): SliceLoss {
    return this.step.compute(examples, width, height);
  }

  /** As `TrainingStep.gradientProducts`. */
  gradientProducts(examples: readonly Example[], width: number, height: number): number[] {
    return this.step.gradientProducts(examples, width, height);
  }

  /** As `TrainingStep.restoreNorms`. */
  restoreNorms(examples: readonly Example[], width: number, height: number): void {
    this.step.restoreNorms(examples, width, height);
  }
}
