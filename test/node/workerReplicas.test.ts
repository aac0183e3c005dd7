import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { trainingSizes } from "../../src/data/batch.js";
import type { Sample } from "../../src/data/dataset.js";
import type { Graph } from "../../src/graph/graph.js";
import { unfoldNorms } from "../../src/model/trunk.js";
import { startBatchLoader } from "../../src/node/batchLoader.js";
import { readImage, writeImage } from "../../src/node/image.js";
import type { LoaderData } from "../../src/node/loadWorker.js";
import { startReplicas } from "../../src/node/workerReplicas.js";
import { readOnnx } from "../../src/onnx/read.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { foldNorms } from "../../src/quant/fold.js";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/train/checkpoint.js";
import { startLocalBatches } from "../../src/train/localBatches.js";
import { startLocalReplica } from "../../src/train/localReplicas.js";
import { FRESH_GROUPS } from "../../src/train/optimizer.js";
import type { ReplicaOptions } from "../../src/train/replica.js";
import { trainSteps } from "../../src/train/trainer.js";
import { same } from "../support/compare.js";
import { everyOpTrained, SMALL_TASKS, smallNetwork } from "../support/network.js";
import { withWorkers } from "../support/workers.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-replicas-"));
after(() => rmSync(folder, { recursive: true }));

/** Small pictures with a bright box on them; the last one cannot be decoded. */
async function pictures(): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let i = 0; i < 6; i++) {
    const box = { x: 10 + 8 * i, y: 20, width: 30, height: 24 };
    const data = new Uint8Array(4 * 120 * 80).fill(40 + 10 * i);
    for (let y = box.y; y < box.y + box.height; y++) data.fill(240, 4 * (120 * y + box.x), 4 * (120 * y + box.x + box.width));
    const image = join(folder, `${i}.png`);
    await writeImage(image, { width: 120, height: 80, data });
    samples.push({
      image,
      width: 120,
      height: 80,
      split: "train",
      group: `${i}`,
      set: "s",
      labels: { a: [box], b: i % 2 ? [] : null, c: true },
      ignore: {},
    });
  }
  return samples;
}
const samples = await pictures();

const loader = (shares: number, more: Partial<LoaderData> = {}): LoaderData => ({
  samples,
  tasks: [...SMALL_TASKS],
  seed: 3,
  batch: 4,
  slices: shares,
  pixels: [61440],
  cacheBytes: 1 << 20,
  strict: false,
  ...more,
});
const options = (threads: number): ReplicaOptions => ({
  batch: 4 / threads,
  sizes: trainingSizes([61440]),
  tasks: 3,
  groups: FRESH_GROUPS,
  optimizer: "adamw",
});
const silent = { onStep: () => false, async onEpoch() {} };
const never = (fault: string): void => assert.fail(`no fault was expected: ${fault}`);

/** Trains the small network in worker threads, or in this one, from step `from` to `to` of six, and returns the state after it. */
async function trained(
  threads: number,
  {
    graph = smallNetwork(1),
    from = 0,
    to = 6,
    state,
    local = false,
  }: { graph?: Graph; from?: number; to?: number; state?: Float32Array; local?: boolean } = {},
) {
  const replicas = await (local ? startLocalReplica(graph, options(1)) : startReplicas(graph, threads, options(threads)));
  const batches = local ? await startLocalBatches(loader(1), readImage, never) : startBatchLoader(loader(threads), 6, never);
  try {
    if (state) await replicas.restore(state);
    const course = { rate: 0.01, steps: 6, stepsPerEpoch: 3, from };
    assert.equal(await trainSteps(replicas, batches, course, { ...silent, onStep: ({ step }) => step === to }), to);
    return { state: await replicas.save(), graph: await replicas.export() };
  } finally {
    await Promise.all([batches.close(), replicas.close()]);
  }
}

test("the same seed and number of threads give the same weights bit for bit, and a checkpoint in the middle changes nothing", async () => {
  const graph = smallNetwork(1);
  const whole = await trained(2, { graph });
  same((await trained(2, { graph })).state, whole.state, "second run");

  const half = await trained(2, { graph, to: 3 });
  const bytes = await encodeCheckpoint({ options: {}, step: 3, onnx: writeOnnx(graph, {}), state: half.state });
  const checkpoint = await decodeCheckpoint(bytes, "x");
  const resumed = await trained(2, { graph: readOnnx(checkpoint.onnx).graph, from: checkpoint.step, state: checkpoint.state });
  same(resumed.state, whole.state, "resumed run");
  for (const [name, { data }] of whole.graph.params) same(resumed.graph.params.get(name)!.data, data, name);
});

test("one thread learns too, to weights close to two threads' but not the same", async () => {
  const [one, two] = [await trained(1, { to: 2 }), await trained(2, { to: 2 })];
  assert.equal(one.state.length, two.state.length);
  assert.ok(one.state.every(Number.isFinite));
  assert.notDeepEqual(one.state, two.state); // batch norm sees half of the batch a thread
});

test("the calling thread trains to the same weights as one worker thread, bit for bit", async () => {
  const [worker, local] = [await trained(1), await trained(1, { local: true })];
  same(local.state, worker.state, "state");
});

test("weights that are not finite stop the first step with its pictures' names", async () => {
  const graph = smallNetwork(1);
  graph.params.get("path.lateral8.weight")!.data[5] = Number.NaN;
  await assert.rejects(trained(2, { graph }), (error: { code: string; message: string }) => {
    assert.equal(error.code, "E_TRAIN");
    assert.match(error.message, /^step 1: expected a finite loss and gradient, got NaN and NaN; lower the rate, or check these pictures: /);
    assert.match(error.message, new RegExp(`${folder}/[0-5]\\.png`));
    return true;
  });
});

test("a rate that makes weights explode stops too", async () => {
  const replicas = await startReplicas(smallNetwork(1), 1, options(1));
  const batches = startBatchLoader(loader(1), 40, never);
  try {
    await assert.rejects(trainSteps(replicas, batches, { rate: 1e30, steps: 40, stepsPerEpoch: 40, from: 0 }, silent), {
      code: "E_TRAIN",
      message: /expected a finite loss and gradient, got /,
    });
  } finally {
    await Promise.all([batches.close(), replicas.close()]);
  }
});

test("norms are restored to the same values in all replicas", async () => {
  const graph = unfoldNorms(foldNorms(smallNetwork(1)));
  graph.params.get("head.a.depthwise.variance")!.data.fill(1); // as of a head that is new
  const replicas = await startReplicas(graph, 2, options(2));
  const batches = startBatchLoader(loader(2), 1, never);
  try {
    await replicas.restoreNorms(await batches.next(0));
    const { params } = await replicas.export();
    assert.ok(params.get("trunk.stem.gamma")!.data.every((v) => v !== 1));
    assert.ok(params.get("head.a.depthwise.gamma")!.data.every((v) => v === 1));
    const before = await replicas.save();
    await replicas.compute(await batches.next(1));
    replicas.apply({ step: 1, rate: 0, emaWeight: 0 });
    const after = await replicas.save();
    assert.equal(after.length, before.length);
  } finally {
    await Promise.all([batches.close(), replicas.close()]);
  }
});

test("a graph that cannot be trained is refused with its own error, and no thread is left behind", async () => {
  const graph = everyOpTrained(1);
  const broken: Graph = { ...graph, outputs: [...graph.outputs, "nowhere"] };
  await assert.rejects(startReplicas(broken, 2, options(2)), {
    code: "E_GRAPH",
    message: /^graph: expected the output "nowhere" to be computed/,
  });
  // the test runner would not end with threads that still wait
});

test("an error of one replica reaches the caller as it was thrown", async () => {
  const replicas = await startReplicas(smallNetwork(1), 2, options(2));
  try {
    await assert.rejects(replicas.restore(new Float32Array(3)), {
      code: "E_TRAIN",
      message: /^checkpoint: expected \d+ values for this network, got 3; /,
    });
  } finally {
    await replicas.close();
  }
});

test("a picture that cannot be decoded is reported once, by name, and has no labels; with strict it stops the step", async () => {
  const bad = join(folder, "bad.jpg");
  writeFileSync(bad, "no picture");
  const broken: Sample[] = [{ ...samples[0]!, image: bad }];
  const faults: string[] = [];
  const batches = startBatchLoader(loader(2, { samples: broken }), 4, (fault) => faults.push(fault));
  try {
    for (let step = 1; step <= 4; step++) {
      const { slices } = await batches.next(step);
      for (const { mapWeight, presenceWeight } of slices.flat())
        assert.deepEqual(
          [mapWeight, presenceWeight],
          [
            [0, 0, 0],
            [0, 0, 0],
          ],
        );
    }
    assert.equal(faults.length, 1);
    assert.match(faults[0]!, /bad\.jpg: expected a JPEG, PNG or WebP picture/);
  } finally {
    await batches.close();
  }
  const strict = startBatchLoader(loader(2, { samples: broken, strict: true }), 4, never);
  try {
    await assert.rejects(strict.next(1), { code: "E_IMAGE", message: /bad\.jpg/ });
  } finally {
    await strict.close();
  }
});

test("a loader that cannot start fails every batch that is asked of it, instead of keeping its caller waiting", async () => {
  const batches = startBatchLoader(loader(2, { samples: [] }), 4, never);
  try {
    await assert.rejects(batches.next(1), /expected labelled pictures, got none/);
    await assert.rejects(batches.next(2), /expected labelled pictures, got none/);
    await assert.rejects(batches.next(1), /expected labelled pictures, got none/, "also what is asked after it failed");
  } finally {
    await batches.close();
  }
});

test("a training worker that is killed fails what waits for it and what is asked of it later, instead of keeping its caller waiting", async () => {
  const { result: replicas, workers } = await withWorkers(() => startReplicas(smallNetwork(1), 2, options(2)));
  const batches = startBatchLoader(loader(2), 2, never);
  try {
    const killed = {
      code: "E_RUNTIME",
      message: /^training worker: expected it to run to the end, got exit code \d; see that there is enough/,
    };
    const batch = await batches.next(1);
    const waiting = assert.rejects(replicas.compute(batch), killed);
    await workers[1]!.terminate();
    await waiting;
    await assert.rejects(replicas.restore(new Float32Array(3)), killed);
  } finally {
    await Promise.all([batches.close(), replicas.close()]);
  }
});

test("a batch loader that is killed fails the batches that are waited for and later ones", async () => {
  const { result: batches, workers } = await withWorkers(() => startBatchLoader(loader(2), 9, never));
  const killed = { code: "E_RUNTIME", message: /^batch loader: expected it to run to the end, got exit code \d; / };
  const waiting = assert.rejects(batches.next(1), killed);
  await workers[0]!.terminate();
  await waiting;
  await assert.rejects(batches.next(9), killed);
  await batches.close();
});
