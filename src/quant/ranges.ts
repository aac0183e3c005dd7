import { type Graph, imageOf } from "../graph/graph.js";
import { stored } from "../ops/layout.js";
import { compileForward } from "../program/forward.js";
import { placeParams } from "../program/params.js";
import { type Plan, planForward } from "../program/plan.js";
import type { Engine } from "../wasm/load.js";
import type { ChannelRanges } from "./equalize.js";

/** An input: [height, width, 3] floats as the network takes them. */
export interface CalibrationInput {
  pixels: Float32Array;
  width: number;
  height: number;
}

/** The largest magnitude of each channel of each value of a folded f32 graph over the inputs. @throws E_GRAPH where it takes another than a picture */
export function measureRanges(engine: Engine, graph: Graph, inputs: readonly CalibrationInput[]): ChannelRanges {
  imageOf(graph);
  const { memory } = engine;
  const mark = memory.mark;
  const params = placeParams(engine, graph);
  const plans = new Map<string, Plan>();
  for (const { width, height } of inputs) {
    const key = `${width}x${height}`;
    if (!plans.has(key)) plans.set(key, planForward(graph, { batch: 1, width, height }, true));
  }
  const base = memory.reserve(Math.max(...[...plans.values()].map(({ bytes }) => bytes)));
  const reach = new Map<string, Float64Array>();
  for (const { pixels, width, height } of inputs) {
    const plan = plans.get(`${width}x${height}`)!;
    const program = compileForward(engine, plan, params, base);
    memory.f32.set(pixels, program.inputs[0]!.offset >> 2);
    program.run();
    for (const [name, shape] of plan.shapes) {
      const row = stored(shape.channels);
      const at = (base + plan.values.get(name)!) >> 2;
      const values = memory.f32.subarray(at, at + shape.height * shape.width * row);
      const most = reach.get(name) ?? new Float64Array(shape.channels);
      for (let i = 0; i < values.length; i += row)
        for (let c = 0; c < most.length; c++) most[c] = Math.max(most[c]!, Math.abs(values[i + c]!));
      reach.set(name, most);
    }
  }
  memory.release(mark);
  return reach;
}
