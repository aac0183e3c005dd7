import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { saveModel } from "../../src/model/model.js";
import { readImage, writeImage } from "../../src/node/image.js";
import { foldNorms } from "../../src/quant/fold.js";
import { drawScene } from "../../src/scenes/scene.js";
import { randomModel } from "../detect/models.js";
import { runScript } from "./run.js";

const shipped = existsSync("models/fourway-s.onnx") ? false : "models/fourway-s.onnx is not there yet";

async function inFolder(work: (folder: string, picture: string, model: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fourway-examples-"));
  try {
    const { graph, info } = randomModel();
    writeFileSync(join(folder, "random.onnx"), saveModel({ graph: foldNorms(graph), info }));
    await writeImage(join(folder, "street.jpg"), drawScene(1, 2, { width: 320, height: 200 }).frame);
    await work(folder, join(folder, "street.jpg"), join(folder, "random.onnx"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the demo detects in a given picture, writes the annotated one and says where", () =>
  inFolder(async (folder, picture, model) => {
    const { stdout, stderr, status } = runScript("examples/demo.js", [picture, model], folder);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /street\.jpg: 320 x 200/);
    assert.match(stdout, /trafficLight +\d+ %/);
    const written = join(folder, "out", "street.annotated.png");
    assert.ok(stdout.includes("street.annotated.png"));
    const { width, height } = await readImage(written);
    assert.deepEqual([width, height], [320, 200]);
  }));

test("the demo reports a missing picture and a missing model in one line", () =>
  inFolder(async (folder, picture) => {
    for (const args of [[join(folder, "none.jpg")], [picture, join(folder, "none.onnx")]]) {
      const { stderr, status } = runScript("examples/demo.js", args, folder);
      assert.equal(status, 1);
      assert.match(stderr, /^[^\n]*none\.(jpg|onnx)[^\n]*\n$/);
    }
  }));

test("the ten-line example prints presence and objects", () =>
  inFolder(async (folder, picture, model) => {
    const { stdout, stderr, status } = runScript("examples/detect.js", [picture, model], folder);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /pedestrian: 0\.\d+/);
  }));

test("without a picture the demo draws a scene and the shipped model finds something in it", { skip: shipped }, () =>
  inFolder(async (folder) => {
    const { stdout, stderr, status } = runScript("examples/demo.js", [], folder);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /a drawn street scene: 640 x 400/);
    assert.match(stdout, /^(pedestrian|car|stopSign|trafficLight) +0\.\d\d /m);
    assert.ok(existsSync(join(folder, "out", "scene.annotated.png")));
  }),
);

test("the example of learning teaches a camera's street and lets a running detector take the version", () =>
  inFolder(async (folder) => {
    const model = fileURLToPath(new URL("../../../models/fourway-n.onnx", import.meta.url));
    const { stdout, stderr, status } = runScript("examples/learn.js", [model], folder);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /learns: heads/);
    const [, before, cars] = /before: (\d+) of (\d+) cars/.exec(stdout)!;
    const [, after] = /version 1: (\d+) of/.exec(stdout)!;
    assert.ok(Number(after) >= Number(before) && Number(cars) > 0, stdout);
  }));
