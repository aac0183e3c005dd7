import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { iou } from "../../src/core/box.js";
import { type Detection, Detector } from "../../src/detect/detector.js";
import type { Graph } from "../../src/graph/graph.js";
import { loadModel } from "../../src/model/model.js";
import { dequantized } from "../../src/quant/dequantize.js";
import { foldNorms } from "../../src/quant/fold.js";
import { drawScene } from "../../src/scenes/scene.js";
import { startLocalBatches } from "../../src/train/localBatches.js";
import { startLocalReplica } from "../../src/train/localReplicas.js";
import { firstGraph } from "../../src/train/network.js";
import { pretrainedGroups } from "../../src/train/optimizer.js";

/** The package's smallest model; the compiled tests lie in dist/test/quant. */
const file = readFileSync(new URL("../../../models/fourway-n.onnx", import.meta.url));
const int8 = loadModel(file);
const scenes = Array.from({ length: 8 }, (_, i) => drawScene(9, i, { width: 320, height: 192 }));

async function detections(graph: Graph): Promise<Detection[]> {
  using detector = await Detector.load({ graph, info: int8.info });
  return scenes.map(({ frame }) => detector.detect(frame, { minScore: 0.2 }));
}

/** Share of the objects of score .3 and more of `a` that `b` has too, within so much of the score. */
function agreement(a: Detection[], b: Detection[], scoreTolerance: number): number {
  let [count, agreed] = [0, 0];
  for (const [i, { objects }] of a.entries())
    for (const { task, score, box } of objects.filter((object) => object.score >= 0.3)) {
      count++;
      if (b[i]!.objects.some((o) => o.task === task && iou(o.box, box) > 0.8 && Math.abs(o.score - score) < scoreTolerance)) agreed++;
    }
  assert.ok(count >= 10, `${count} objects are too few to compare`);
  return agreed / count;
}

test("the f32 network of an int8 model finds nearly what the int8 one finds", async () => {
  const [before, after] = [await detections(int8.graph), await detections(dequantized(int8.graph))];
  const shares = [agreement(before, after, 0.1), agreement(after, before, 0.1)];
  assert.ok(Math.min(...shares) >= 0.9, `${shares}`);
});

test("a training that starts from an int8 model starts from its function, batch norms restored", async () => {
  const { tasks } = int8.info;
  const { graph } = firstGraph({ start: file }, tasks, 1);
  const samples = scenes.map(({ frame: { width, height }, labels, ignore }, i) => ({
    image: `${i}`,
    width,
    height,
    split: "train" as const,
    group: `${i}`,
    set: "drawn",
    labels,
    ignore,
  }));
  const settings = { samples, tasks, seed: 1, batch: 8, slices: 1, pixels: [61440], strict: true };
  const batches = await startLocalBatches(settings, (image) => scenes[Number(image)]!.frame, assert.fail);
  const batch = await batches.next(0);
  const { width, height } = batch;
  const replicas = await startLocalReplica(graph, {
    batch: 8,
    sizes: [{ width, height }],
    tasks: tasks.length,
    groups: pretrainedGroups("trunk."),
    optimizer: "adamw",
  });
  await replicas.restoreNorms(batch);
  const [before, after] = [await detections(int8.graph), await detections(foldNorms(await replicas.export()))];
  const shares = [agreement(before, after, 0.1), agreement(after, before, 0.1)];
  assert.ok(Math.min(...shares) >= 0.9, `${shares}`);
});

test("an f32 graph is returned as it is", () => {
  const graph = dequantized(int8.graph);
  assert.equal(graph.scales, undefined);
  assert.equal(dequantized(graph), graph);
});
