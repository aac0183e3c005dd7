// What the test of other engines does in a page.

import { onnxruntime, type Provider } from "../../src/engines/index.js";
import { type Detection, Detector } from "../../src/index.js";
import { saveModel } from "../../src/model/model.js";
import { drawScene } from "../../src/scenes/scene.js";
import { colourModel, painted } from "../detect/models.js";
import { asked, report } from "./page.js";

/** What a page is asked: to look at frames by a provider. */
export interface Asked {
  provider: Provider;
  /** The shipped model at drawn scenes; or the colour model at painted frames, where a GPU that the CPU plays would take minutes for the other. */
  model: "shipped" | "colours";
  scenes: readonly number[];
}

/** What it found, or why it cannot look. */
export interface Answer {
  engine: string;
  detections: Omit<Detection, "ms">[];
}

/** The build of onnxruntime-web with all of these providers. */
const load = async (): Promise<unknown> => {
  const runtime = await import("onnxruntime-web/webgpu");
  runtime.env.wasm.wasmPaths = "/wasm/";
  return runtime;
};

await report(async (): Promise<Answer> => {
  const { provider, model, scenes } = asked<Asked>();
  const source = model === "shipped" ? "/fourway-m.onnx" : saveModel(colourModel());
  await using detector = await Detector.spawn(source, { engine: onnxruntime({ providers: [provider], load }) });
  const frames =
    model === "shipped"
      ? scenes.map((index) => drawScene(1, index, { width: 640, height: 400 }).frame)
      : [painted(255, 0), painted(0, 255)];
  const detections: Omit<Detection, "ms">[] = [];
  for (const frame of frames) {
    const canvas = new OffscreenCanvas(frame.width, frame.height);
    canvas.getContext("2d")!.putImageData(new ImageData(new Uint8ClampedArray(frame.data), frame.width, frame.height), 0, 0);
    const { presence, objects } = await detector.detect(canvas);
    detections.push({ presence, objects });
  }
  return { engine: detector.engine, detections };
});
