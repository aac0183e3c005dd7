import { INPUT_SCALE, INPUT_ZERO } from "../../src/graph/graph.js";
import type { Model } from "../../src/model/model.js";
import { foldNorms } from "../../src/quant/fold.js";
import { quantize } from "../../src/quant/quantize.js";
import type { CalibrationInput } from "../../src/quant/ranges.js";
import { createEngine } from "../../src/wasm/load.js";
import { randomModel } from "../detect/models.js";
import { frameOf } from "./digest.js";

/** Weights uniform in +-1 / sqrt(fan in) have a variance of 1 / (3 fan in); a signal that keeps its size wants 1, behind ReLU 2 (arXiv 1502.01852). */
const GAIN = { linear: Math.sqrt(3), relu: Math.sqrt(6) };
/** Of the last weights, which begin small. */
const OUTPUT_GAIN = 30;
/** Some cells are as sure. */
const THRESHOLD = 0.02;

/** The real network with random weights through which a picture is still seen at the end, folded, in f32 and int8. */
export async function liveModels(): Promise<{ f32: Model; int8: Model }> {
  const { graph, info } = randomModel(3);
  const last = new Set<string>();
  for (const node of graph.nodes)
    if (node.op === "norm")
      graph.params.get(node.params.gamma!)!.data.fill(node.attributes.activation.kind === "none" ? GAIN.linear : GAIN.relu);
    else if (graph.outputs.includes(node.outputs[0]!)) last.add(node.params.weight!);
  for (const name of last) {
    const { data } = graph.params.get(name)!;
    for (let i = 0; i < data.length; i++) data[i]! *= OUTPUT_GAIN;
  }
  for (const task of info.tasks) info.thresholds.balanced[task] = THRESHOLD;
  const f32 = foldNorms(graph);
  const inputs = [0, 4, 8].map(inputOf);
  return { f32: { graph: f32, info }, int8: { graph: quantize(await createEngine(), f32, inputs), info } };
}

/** A frame of the size of its input, as the f32 network takes it. */
function inputOf(index: number): CalibrationInput {
  const { data, width, height } = frameOf(index);
  const pixels = Float32Array.from(
    { length: 3 * width * height },
    (_, i) => (data[Math.floor(i / 3) * 4 + (i % 3)]! - INPUT_ZERO) * INPUT_SCALE,
  );
  return { pixels, width, height };
}
