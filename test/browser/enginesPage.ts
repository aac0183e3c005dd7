// What the test of other engines does in a page.

import { onnxruntime, type Provider } from "../../src/engines/index.js";
import { type Detection, Detector } from "../../src/index.js";
import { drawScene } from "../../src/scenes/scene.js";
import { asked, report } from "./page.js";

/** What a page is asked: to look at scenes by a provider. */
export interface Asked {
  provider: Provider;
  precision: "int8" | "f32";
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
  const { provider, precision, scenes } = asked<Asked>();
  const engine = onnxruntime({ providers: [provider], precision, load });
  await using detector = await Detector.spawn("/fourway-m.onnx", { engine });
  const detections: Omit<Detection, "ms">[] = [];
  for (const index of scenes) {
    const { frame } = drawScene(1, index, { width: 640, height: 400 });
    const canvas = new OffscreenCanvas(frame.width, frame.height);
    canvas.getContext("2d")!.putImageData(new ImageData(new Uint8ClampedArray(frame.data), frame.width, frame.height), 0, 0);
    const { presence, objects } = await detector.detect(canvas);
    detections.push({ presence, objects });
  }
  return { engine: detector.engine, detections };
});
