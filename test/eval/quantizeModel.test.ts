import assert from "node:assert/strict";
import { test } from "node:test";
import { FourwayError } from "../../src/core/errors.js";
import type { Sample } from "../../src/data/dataset.js";
import { quantizeModel } from "../../src/eval/quantizeModel.js";
import { foldNorms } from "../../src/quant/fold.js";
import { drawScene } from "../../src/scenes/scene.js";
import { randomModel } from "../detect/models.js";

const scenes = Array.from({ length: 6 }, (_, i) => drawScene(11, i, { width: 128, height: 96 }));
const samples: Sample[] = scenes.map(({ labels, ignore }, i) => ({
  image: `${i}`,
  width: 128,
  height: 96,
  split: i < 4 ? "train" : "val",
  group: `${i}`,
  set: "drawn",
  labels,
  ignore,
}));
const f32 = ((model) => ({ ...model, graph: foldNorms(model.graph) }))(randomModel(3));
const options = { read: (image: string) => scenes[Number(image)]!.frame, images: 3, seed: 1, pixels: 8192 };

test("a model in memory is quantized with images in memory, and measured on the val split before and after", async () => {
  const seen: string[] = [];
  const { model, figures } = await quantizeModel(f32, samples, { ...options, onImage: (...about) => seen.push(about.join(" ")) });
  assert.ok(model.graph.scales);
  assert.equal(model.info.pixels, 8192);
  assert.equal(model.info.notes.quantized, "3 pictures, seed 1");
  const sizes = [8192, 61440, 122880, 245760];
  const looks = ["f32", ...["int8", "int8, calibrated"].flatMap((what) => sizes.map((size) => `${what}, at ${size} pixels`))];
  assert.deepEqual(
    seen,
    looks.flatMap((what) => [`${what} 1 2`, `${what} 2 2`]),
  );
  assert.equal(figures!.answers.samples.length, 2);
  assert.equal((await quantizeModel(f32, samples.slice(0, 4), options)).figures, null, "nothing to measure on");
});

test("an image that cannot be decoded is reported and another one drawn; without a listener it is an error", async () => {
  const read = (image: string) => {
    if (image === "0") throw new FourwayError("E_IMAGE", "image: expected a picture, got a fault; replace it");
    return options.read(image);
  };
  const faults: string[] = [];
  const few = samples.slice(0, 2);
  const onFault = (fault: string) => faults.push(fault);
  await quantizeModel(f32, few, { ...options, images: 8, read, onFault: (fault) => void onFault(fault) });
  assert.ok(faults.length > 0 && faults.every((fault) => fault.startsWith("0: image: expected a picture")));
  await assert.rejects(quantizeModel(f32, few, { ...options, images: 8, read }), { code: "E_IMAGE" });
});

test("what cannot be quantized is refused", async () => {
  await assert.rejects(quantizeModel(f32, samples.slice(4), options), { code: "E_DATA" });
  await assert.rejects(quantizeModel({ ...f32, graph: { ...f32.graph, scales: new Map() } }, samples, options), { code: "E_MODEL" });
});
