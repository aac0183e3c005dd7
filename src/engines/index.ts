// Other engines, for Detector.spawn(model, { engine }): the entry "fourway/onnxruntime".

import type { DetectorEngine } from "../detect/engine.js";
import { OnnxruntimeDetector, type OnnxruntimeOptions } from "./onnxruntimeDetector.js";
import { inThisThread } from "./thisThread.js";

export type { Provider } from "./onnxruntime.js";
export type { OnnxruntimeOptions } from "./onnxruntimeDetector.js";

/**
 * The engine onnxruntime, for `Detector.spawn(model, { engine: onnxruntime({ providers: ["webgpu", "wasm"] }) })`: on a GPU or NPU, or to compare
 * with. It runs in the calling thread; the package onnxruntime-web has to be installed.
 */
export function onnxruntime(options: OnnxruntimeOptions = {}): DetectorEngine {
  return {
    name: "onnxruntime",
    start: () => inThisThread(({ model, options: detector }) => OnnxruntimeDetector.open(model, detector, options)),
  };
}
