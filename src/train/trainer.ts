import { FourwayError } from "../core/errors.js";
import type { Batch } from "../data/batch.js";
import type { Graph } from "../graph/graph.js";
import { emaWeight, learningRate } from "./schedule.js";
import type { SliceLoss } from "./trainingStep.js";
import type { Update } from "./weights.js";

/** Replicas that train together, wherever they run: each computes its slice of a batch, all apply the same mean gradient. */
export interface Replicas {
  /** Bytes of memory of each, planned. */
  readonly bytes: number;
  /** Restores batch norms in a folded graph from the statistics of a batch (`Replica.restoreNorms`). */
  restoreNorms(batch: Batch): Promise<void>;
  /** Losses of a batch, one per replica; each then holds the gradients of its slice. */
  compute(batch: Batch): Promise<SliceLoss[]>;
  /** The first replica's `gradientProducts` of its slice; to be called before `compute` of the batch, which it leaves as it is. */
  gradientProducts(batch: Batch): Promise<number[]>;
  /** Ordered after every earlier call; resolves at once. */
  apply(update: Update): void;
  /** All that a later run needs to continue bit for bit. */
  save(): Promise<Float32Array>;
  /** Restores what `save` returned. @throws E_TRAIN where it is of another network */
  restore(state: Float32Array): Promise<void>;
  /** The graph with averaged weights (EMA). */
  export(): Promise<Graph>;
  /** Ends workers and frees memory. */
  close(): Promise<void>;
}

/** Where batches come from, in order of steps. */
export interface BatchSource {
  /** The batch of a step, counted from 1; 0 is the one that norms are restored from. */
  next(step: number): Promise<Batch>;
  /** Ends workers and frees memory. */
  close(): Promise<void>;
}

/** The steps of a training. */
interface Schedule {
  rate: number;
  steps: number;
  stepsPerEpoch: number;
  /** The last step that was done before: 0 at the start. */
  from: number;
  /** `Progress.losses` of that step, so that the mean of a resumed epoch is that of all its steps. */
  losses?: readonly number[];
}

/** The progress of a training. */
export interface Progress {
  step: number;
  epoch: number;
  /** Mean loss per task since the epoch began. */
  losses: number[];
  /** The same of this step alone. */
  stepLosses: number[];
}

/** Called between steps, and awaited. */
export interface Hooks {
  /** Before every step. */
  onBatch?(batch: Batch, step: number): Promise<void>;
  /** After every step. Return true to stop here. */
  onStep(progress: Progress): Promise<boolean> | boolean;
  onEpoch(progress: Progress): Promise<void>;
}

/**
 * Trains from step `from` + 1 to the last; returns the last step done.
 * @throws E_TRAIN where the loss or the gradient is not finite any more, before the weights change, with the names of the batch's pictures
 */
export async function trainSteps(
  replicas: Replicas,
  batches: BatchSource,
  { rate, steps, stepsPerEpoch, from, losses: before = [] }: Schedule,
  hooks: Hooks,
): Promise<number> {
  let counted = before.length > 0 ? from % stepsPerEpoch : 0;
  let means = counted > 0 ? before : [];
  for (let step = from + 1; step <= steps; step++) {
    const batch = await batches.next(step);
    await hooks.onBatch?.(batch, step);
    const slices = await replicas.compute(batch);
    const bad = slices.find(({ total, gradientNorm }) => !Number.isFinite(total) || !Number.isFinite(gradientNorm));
    if (bad)
      throw new FourwayError(
        "E_TRAIN",
        `step ${step}: expected a finite loss and gradient, got ${bad.total} and ${bad.gradientNorm}; lower the rate, or check these pictures: ${batch.names.join(", ")}`,
      );
    replicas.apply({ step, rate: learningRate(rate, step, steps), emaWeight: emaWeight(step) });
    const mean = slices[0]!.tasks.map((_, task) => slices.reduce((sum, { tasks }) => sum + tasks[task]!, 0) / slices.length);
    counted++;
    const losses = mean.map((loss, task) => (means[task] ?? 0) + (loss - (means[task] ?? 0)) / counted);
    means = losses;
    const progress = { step, epoch: Math.ceil(step / stepsPerEpoch), losses, stepLosses: mean };
    const stop = await hooks.onStep(progress);
    if (step % stepsPerEpoch === 0 || step === steps) {
      await hooks.onEpoch(progress);
      means = [];
      counted = 0;
    }
    if (stop) return step;
  }
  return steps;
}
