import * as ort from "onnxruntime-web";
import type { Peer } from "./peer.js";

/**
 * onnxruntime-web on an ONNX file, one thread, all of its optimizations, sizes known to it beforehand.
 * @param input f32 [height, width, 3]; its planes are made once
 */
export async function onnxruntimePeer(
  name: string,
  file: Uint8Array,
  input: Float32Array,
  { height, width }: { height: number; width: number },
): Promise<Peer> {
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(file, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    freeDimensionOverrides: { batch: 1, height, width },
  });
  const planes = new Float32Array(input.length);
  const pixels = height * width;
  for (let i = 0; i < pixels; i++) for (let c = 0; c < 3; c++) planes[c * pixels + i] = input[i * 3 + c]!;
  const feeds = { [session.inputNames[0]!]: new ort.Tensor("float32", planes, [1, 3, height, width]) };
  let results: ort.InferenceSession.OnnxValueMapType = {};
  return {
    name,
    async run() {
      results = await session.run(feeds);
    },
    outputs: () => new Map(Object.entries(results).map(([key, tensor]) => [key, channelsLast(tensor as ort.Tensor)])),
    dispose: () => session.release(),
  };
}

function channelsLast({ data, dims }: ort.Tensor): Float32Array {
  const [, channels, height, width] = dims as [number, number, number, number];
  const pixels = height * width;
  return Float32Array.from({ length: channels * pixels }, (_, i) => Number(data[(i % channels) * pixels + Math.floor(i / channels)]));
}
