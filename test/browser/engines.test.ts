// Other engines in headless Chromium: what they find beside what Fourway's kernels find.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Detector } from "../../src/detect/detector.js";
import { shippedModel } from "../../src/detect/source.js";
import { loadModel } from "../../src/model/model.js";
import { drawScene } from "../../src/scenes/scene.js";
import { colourModel, painted } from "../detect/models.js";
import { missingChromium } from "../runtimes/runtimes.js";
import { assertAlike, INT8_TOLERANCE, SAME_TOLERANCE } from "../support/alike.js";
import { bundled } from "./bundled.js";
import { CHROMIUM, type Server, serve, visit } from "./chromium.js";
import type { Answer, Asked } from "./enginesPage.js";

const SCENES = [8, 3];
/** Chromium with WebGPU where there is no GPU, drawn by the CPU, and with WebNN where the platform has it. */
const FLAGS = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=WebMachineLearningNeuralNetwork"];
const LONGEST_MS = 600_000;

let server: Server;
let model: Uint8Array;

before(async () => {
  if (missingChromium) return;
  model = await shippedModel();
  const files = await bundled({ engines: new URL("enginesPage.js", import.meta.url) });
  files.set("/engines.html", '<!doctype html><script type="module" src="/engines.js"></script>');
  files.set("/fourway-m.onnx", model);
  const runtime = dirname(fileURLToPath(import.meta.resolve("onnxruntime-web")));
  for (const kind of ["mjs", "wasm"]) {
    const name = `ort-wasm-simd-threaded.asyncify.${kind}`;
    files.set(`/wasm/${name}`, readFileSync(join(runtime, name)));
  }
  server = await serve(files);
});

after(() => server?.close());

async function ask(asked: Asked): Promise<Answer | { error: string }> {
  const [answer] = await visit(server, [`/engines.html?${encodeURIComponent(JSON.stringify(asked))}`], LONGEST_MS, undefined, (profile) => [
    CHROMIUM,
    ...["--headless", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", `--user-data-dir=${profile}`],
    ...FLAGS,
  ]);
  return answer as Answer | { error: string };
}

for (const provider of ["wasm", "webgpu", { name: "webnn", deviceType: "cpu" }] as const) {
  const name = typeof provider === "string" ? provider : provider.name;
  test(`in Chromium, onnxruntime with the provider ${name} finds what Fourway's kernels find, or says why it cannot`, {
    skip: missingChromium,
  }, async (context) => {
    const shipped = name === "wasm";
    const answer = await ask({ provider, model: shipped ? "shipped" : "colours", scenes: SCENES });
    if ("error" in answer) {
      assert.ok(!shipped, answer.error);
      assert.match(
        answer.error,
        new RegExp(`^FourwayError: onnxruntime: expected a provider that runs the model, got none: ${name}: .+; add "wasm"`),
      );
      context.skip(answer.error);
      return;
    }
    assert.equal(answer.engine, `onnxruntime ${name}`);
    const own = shipped ? loadModel(model) : colourModel();
    using detector = await Detector.load(own);
    const frames = shipped
      ? SCENES.map((index) => drawScene(1, index, { width: 640, height: 400 }).frame)
      : [painted(255, 0), painted(0, 255)];
    let count = 0;
    for (const [i, frame] of frames.entries()) {
      const tolerance = shipped ? INT8_TOLERANCE : SAME_TOLERANCE;
      count += assertAlike(detector.detect(frame), answer.detections[i]!, own.info.thresholds.balanced, tolerance, `${name}, frame ${i}`);
    }
    assert.ok(count >= 4, `${count} objects were compared`);
  });
}
