import assert from "node:assert/strict";
import { test } from "node:test";
import type { Batch } from "../../src/data/batch.js";
import type { Graph } from "../../src/graph/graph.js";
import { emaWeight, learningRate } from "../../src/train/schedule.js";
import { type BatchSource, type Hooks, type Progress, type Replicas, trainSteps } from "../../src/train/trainer.js";
import type { SliceLoss } from "../../src/train/trainingStep.js";
import type { Update } from "../../src/train/weights.js";

/** Replicas and a batch source that record their calls. `lossOf` gives the losses of two replicas for a step. */
function recorded(lossOf: (step: number) => SliceLoss[]) {
  const log: string[] = [];
  const updates: Update[] = [];
  let step = 0;
  const batches: BatchSource = {
    async next(wanted) {
      step = wanted;
      log.push(`batch ${wanted}`);
      return { width: 32, height: 32, slices: [], names: [`${wanted}a.jpg`, `${wanted}b.jpg`] };
    },
    async close() {},
  };
  const replicas: Replicas = {
    bytes: 0,
    gradientProducts: async () => [],
    restoreNorms: async () => {},
    async compute(_: Batch) {
      log.push(`compute ${step}`);
      return lossOf(step);
    },
    apply(update) {
      log.push(`apply ${update.step}`);
      updates.push(update);
    },
    save: async () => new Float32Array(),
    restore: async () => {},
    export: async () => ({}) as Graph,
    close: async () => {},
  };
  return { log, updates, batches, replicas };
}

const loss = (...tasks: number[]): SliceLoss => ({ tasks, total: tasks.reduce((a, b) => a + b, 0), divisors: { quality: 0, known: 0 }, gradientNorm: 1 });
const silent: Hooks = { onStep: () => false, async onEpoch() {} };

test("each step takes its batch, computes, applies the scheduled update and reports its progress; epochs end where they should", async () => {
  const { log, updates, batches, replicas } = recorded((step) => [loss(step, 0), loss(step, 1)]);
  const steps: Progress[] = [];
  const epochs: Progress[] = [];
  const done = await trainSteps(
    replicas,
    batches,
    { rate: 0.1, steps: 5, stepsPerEpoch: 2, from: 0 },
    {
      onStep(progress) {
        steps.push(progress);
        log.push(`report ${progress.step}`);
        return false;
      },
      async onEpoch(progress) {
        epochs.push(progress);
      },
    },
  );
  assert.equal(done, 5);
  assert.deepEqual(
    log,
    [1, 2, 3, 4, 5].flatMap((step) => [`batch ${step}`, `compute ${step}`, `apply ${step}`, `report ${step}`]),
  );
  assert.deepEqual(
    updates,
    [1, 2, 3, 4, 5].map((step) => ({ step, rate: learningRate(0.1, step, 5), emaWeight: emaWeight(step) })),
  );
  // the mean over replicas and over the epoch's steps so far
  assert.deepEqual(
    steps.map(({ epoch, losses }) => [epoch, ...losses]),
    [
      [1, 1, 0.5],
      [1, 1.5, 0.5],
      [2, 3, 0.5],
      [2, 3.5, 0.5],
      [3, 5, 0.5],
    ],
  );
  assert.deepEqual(
    epochs.map(({ step }) => step),
    [2, 4, 5],
  );
});

test("a resumed run continues after the last step that was done, with the schedule of the whole run", async () => {
  const { log, updates, batches, replicas } = recorded(() => [loss(1)]);
  assert.equal(await trainSteps(replicas, batches, { rate: 0.1, steps: 10, stepsPerEpoch: 5, from: 8 }, silent), 10);
  assert.deepEqual(
    log.filter((line) => line.startsWith("batch")),
    ["batch 9", "batch 10"],
  );
  assert.deepEqual(
    updates.map(({ step, rate }) => [step, rate]),
    [9, 10].map((step) => [step, learningRate(0.1, step, 10)]),
  );
  assert.equal(await trainSteps(replicas, batches, { rate: 0.1, steps: 10, stepsPerEpoch: 5, from: 10 }, silent), 10);
  assert.equal(log.length, 6, "a run that was done does nothing more");
});

test("when asked to stop, training ends after the current step", async () => {
  const { log, batches, replicas } = recorded(() => [loss(1)]);
  const ended: number[] = [];
  const hooks: Hooks = {
    onStep: ({ step }) => step === 3,
    async onEpoch({ step }) {
      ended.push(step);
    },
  };
  assert.equal(await trainSteps(replicas, batches, { rate: 0.1, steps: 10, stepsPerEpoch: 3, from: 0 }, hooks), 3);
  assert.equal(log.at(-1), "apply 3");
  assert.deepEqual(ended, [3], "an epoch that ends with it is ended");
});

for (const [what, bad, got] of [
  ["a loss of NaN", { total: Number.NaN }, "NaN and 1"],
  ["a loss without end", { total: Number.POSITIVE_INFINITY }, "Infinity and 1"],
  ["an infinite gradient of a finite loss", { gradientNorm: Number.POSITIVE_INFINITY }, "1 and Infinity"],
] as const)
  test(`${what} in any replica stops before the weights move, with the pictures' names`, async () => {
    const { log, batches, replicas } = recorded((step) => [loss(1), { ...loss(1), ...(step === 2 ? bad : {}) }]);
    await assert.rejects(trainSteps(replicas, batches, { rate: 0.1, steps: 10, stepsPerEpoch: 5, from: 0 }, silent), {
      code: "E_TRAIN",
      message: `step 2: expected a finite loss and gradient, got ${got}; lower the rate, or check these pictures: 2a.jpg, 2b.jpg`,
    });
    assert.equal(log.at(-1), "compute 2");
  });
