import assert from "node:assert/strict";
import { test } from "node:test";
import { browserTables, measureBrowser } from "../../bench/browser.js";
import { randomBytes, referenceNet } from "../../bench/reference.js";
import { writeTflite } from "../../bench/tflite.js";
import { Random } from "../../src/core/random.js";
import { INPUT_SCALE } from "../../src/graph/graph.js";
import { Builder } from "../../src/model/blocks.js";
import { foldNorms } from "../../src/quant/fold.js";
import { quantize } from "../../src/quant/quantize.js";
import { createEngine } from "../../src/wasm/load.js";
import { missingChromium } from "../runtimes/runtimes.js";

const ENGINES = [
  "fourway int8",
  "fourway f32",
  "onnxruntime-web f32",
  "onnxruntime-web int8",
  "tfjs-backend-wasm f32",
  "LiteRT.js f32",
  "LiteRT.js int8",
];

test("in Chromium all engines compute MobileNetV1 and the reference net as Fourway does, and are timed", {
  skip: missingChromium,
}, async () => {
  const figures = await measureBrowser(1, ["MobileNetV1 0.25", "reference net"]);
  for (const { net, times, ratios, absent } of figures) {
    assert.deepEqual(absent, [], net);
    assert.deepEqual(Object.keys(times), ENGINES);
    assert.deepEqual(Object.keys(ratios), ENGINES.slice(2));
    for (const [name, { median }] of Object.entries(ratios)) {
      const own = times[name.endsWith("int8") ? "fourway int8" : "fourway f32"]!;
      assert.ok(Math.abs(times[name]!.median / own.median / median - 1) < 1e-9, name);
    }
  }
  // by hand: MobileNetV1 has 41 MMAC at a width of 0.25 and 224 x 224, the classifier included
  assert.ok(Math.abs(figures[0]!.macs / (41e6 * (96 / 224) ** 2) - 1) < 0.05, `${figures[0]!.macs} multiply-accumulates`);
  assert.match(browserTables(figures), /LiteRT\.js int8 .*\(/);
});

test("a .tflite file says what it is, holds the weights, and refuses ops that it does not know", async () => {
  const size = { height: 64, width: 96 };
  const f32 = foldNorms(referenceNet());
  const pixels = Float32Array.from(randomBytes(1, size), (v) => v * INPUT_SCALE);
  const int8 = quantize(await createEngine(), f32, [{ pixels, ...size }]);
  const files = [writeTflite(f32, size), writeTflite(int8, size, new Map(int8.outputs.map((output) => [output, 1])))];
  for (const file of files) assert.equal(Buffer.from(file.subarray(4, 8)).toString(), "TFL3");
  const weights = [...f32.params.values()].reduce((sum, { data }) => sum + data.length, 0);
  assert.ok(files[0]!.length > 4 * weights && files[0]!.length < 4 * weights + 100_000, `${files[0]!.length} bytes`);
  assert.ok(files[1]!.length > weights && files[1]!.length < weights + 150_000, `${files[1]!.length} bytes`);
  const b = new Builder(new Random(1), "input");
  const stem = b.convNorm("stem", b.input, 8, { kernel: 3 });
  const graph = b.graph([b.plain("sigmoid", "curve", [stem])]);
  assert.throws(() => writeTflite(foldNorms(graph), size), /expected convolutions, add and upsample2, got sigmoid "curve"/);
});
