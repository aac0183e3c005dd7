import * as ort from "onnxruntime-web";

ort.env.logLevel = "error";
ort.env.wasm.numThreads = 1;

/** A value, channels last: the element at row y, column x, channel c is data[(y * width + x) * channels + c]. */
export interface Picture {
  height: number;
  width: number;
  channels: number;
  data: Float32Array;
}

/**
 * Runs an ONNX file with onnxruntime-web, one image, one thread.
 * @param bytes the file; its first input is [1, 3, height, width] of float32.
 * @param input height * width * 3 values, channels last.
 * @param options.literally true: node by node as written, without the optimizer, which else may fuse QDQ into integer kernels.
 * @returns the outputs by name, channels last.
 */
export async function runOnnx(
  bytes: Uint8Array,
  input: Float32Array | Float64Array,
  height: number,
  width: number,
  options: { literally?: boolean } = {},
): Promise<Map<string, Picture>> {
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ["wasm"],
    logSeverityLevel: 3,
    graphOptimizationLevel: options.literally ? "disabled" : "all",
  });
  try {
    const planes = new Float32Array(input.length);
    for (let i = 0; i < height * width; i++) for (let c = 0; c < 3; c++) planes[c * height * width + i] = input[i * 3 + c] as number;
    const name = session.inputNames[0] as string;
    const results = await session.run({ [name]: new ort.Tensor("float32", planes, [1, 3, height, width]) });
    return new Map(Object.entries(results).map(([key, tensor]) => [key, channelsLast(tensor as ort.Tensor)]));
  } finally {
    await session.release();
  }
}

function channelsLast(tensor: ort.Tensor): Picture {
  const [, channels = 0, height = 0, width = 0] = tensor.dims;
  const planes = tensor.data as Float32Array;
  const data = new Float32Array(planes.length);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < height * width; i++) data[i * channels + c] = planes[c * height * width + i] as number;
  return { height, width, channels, data };
}
