import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
import type { Peer } from "./peer.js";

/**
 * LiteRT.js on a .tflite file, its CPU engine (XNNPACK), one thread. Runs in a page alone.
 * @param wasm address of the folder with its WebAssembly
 * @param input f32 [height, width, 3]
 * @param outputs the outputs' names, in the file's order
 */
export async function litertPeer(
  name: string,
  wasm: string,
  file: Uint8Array,
  input: Float32Array,
  { height, width }: { height: number; width: number },
  outputs: readonly string[],
): Promise<Peer> {
  loaded ??= loadLiteRt(wasm);
  await loaded;
  const model = await loadAndCompile(file, { accelerator: "wasm", cpuOptions: { numThreads: 1 } });
  const x = new Tensor(input, [1, height, width, 3]);
  let results: Float32Array[] = [];
  return {
    name,
    async run() {
      const tensors = await model.run(x);
      results = tensors.map((tensor) => tensor.toTypedArray() as Float32Array);
      for (const tensor of tensors) tensor.delete();
    },
    outputs: () => new Map(outputs.map((output, i) => [output, results[i]!])),
    dispose() {
      x.delete();
      model.delete();
    },
  };
}

let loaded: Promise<unknown> | undefined;
