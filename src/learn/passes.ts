import type { Graph } from "../graph/graph.js";
import { compileForward, type Program } from "../program/forward.js";
import { placeParams } from "../program/params.js";
import { elements, type Plan, planForward } from "../program/plan.js";
import type { Engine } from "../wasm/load.js";
import type { Cut } from "./cut.js";

/** A picture's values at a cut, in the order of the cut's inputs: int8 [height, width, stored channels] each; the picture itself where all learns. */
export type Features = readonly Int8Array[];

/** Sizes of an input. */
export interface Size {
  width: number;
  height: number;
}

/** A picture as far as the cut. */
export interface Seen extends Size {
  features: Features;
}

/** The bytes of a size's arena for each of some sizes, planned once a size. */
export function plansOf(graph: Graph, sizes: readonly Size[], keepAll = false): Map<string, Plan> {
  const plans = new Map<string, Plan>();
  for (const { width, height } of sizes)
    if (!plans.has(keyOf({ width, height }))) plans.set(keyOf({ width, height }), planForward(graph, { batch: 1, width, height }, keepAll));
  return plans;
}

/** A size as a key. */
export function keyOf({ width, height }: Size): string {
  return `${width}x${height}`;
}

/**
 * Runs a graph over pictures, one after the other, in memory that is given back.
 * @param inputs of the graph for picture `i`: int8 bytes, or, for f32 inputs, bytes and their scale
 * @param read what is wanted of the program when it has run on picture `i`
 */
export function runOver<T>(
  engine: Engine,
  graph: Graph,
  pictures: readonly Seen[],
  read: (program: Program, i: number) => T,
  { keepAll = false, scales }: { keepAll?: boolean; scales?: ReadonlyMap<string, number> } = {},
): T[] {
  const { memory } = engine;
  const mark = memory.mark;
  try {
    const params = placeParams(engine, graph);
    const plans = plansOf(graph, pictures, keepAll);
    const bytes = scales ? memory.reserve(largestInput(graph, [...plans.values()])) : 0;
    const base = memory.reserve(Math.max(0, ...[...plans.values()].map((plan) => plan.bytes)));
    const programs = new Map([...plans].map(([key, plan]) => [key, compileForward(engine, plan, params, base)]));
    return pictures.map((picture, i) => {
      const program = programs.get(keyOf(picture))!;
      fillInputs(engine, graph, program.inputs, picture.features, bytes, scales);
      program.run();
      return read(program, i);
    });
  } finally {
    memory.release(mark);
  }
}

/** Bytes of the largest input in int8. */
export function largestInput(graph: Graph, plans: readonly Pick<Plan, "shapes">[]): number {
  return Math.max(...plans.flatMap(({ shapes }) => graph.inputs.map(({ name }) => elements(shapes.get(name)!, 1))));
}

/**
 * Writes a picture's features into a program's inputs; into f32 ones as what the bytes mean.
 * @param bytes room for the largest input, where inputs are f32
 * @param scales of the inputs, where they are f32
 */
export function fillInputs(
  { memory, kernels }: Engine,
  graph: Graph,
  inputs: readonly { offset: number }[],
  features: Features,
  bytes: number,
  scales?: ReadonlyMap<string, number>,
): void {
  graph.inputs.forEach(({ name }, k) => {
    const values = features[k]!;
    if (!scales) {
      memory.i8.set(values, inputs[k]!.offset);
      return;
    }
    memory.i8.set(values, bytes);
    kernels.dequantize(inputs[k]!.offset, bytes, values.length, scales.get(name)!);
  });
}

/** The values at the cut for pictures of signed bytes. */
export function featuresOf(engine: Engine, { frozen }: Cut, pictures: readonly (Size & { pixels: Int8Array })[]): Features[] {
  if (frozen.nodes.length === 0) return pictures.map(({ pixels }) => [pixels]);
  const seen = pictures.map(({ pixels, width, height }) => ({ width, height, features: [pixels] }));
  return runOver(engine, frozen, seen, ({ outputs, plan }) =>
    outputs.map(({ offset }, k) => engine.memory.i8.slice(offset, offset + elements(plan.shapes.get(frozen.outputs[k]!)!, 1))),
  );
}

/** The largest magnitude among floats. */
function reachOf(values: Float32Array): number {
  let [least, most] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value > most) most = value;
    else if (value < least) least = value;
  }
  return Math.max(most, -least);
}

/** The largest magnitude of each value of a cut's f32 part over pictures. */
export function reachesOf(
  engine: Engine,
  learner: Graph,
  scales: ReadonlyMap<string, number>,
  pictures: readonly Seen[],
): Map<string, number> {
  const reach = new Map<string, number>();
  const read = ({ plan, inputs }: Program): void => {
    const base = inputs[0]!.offset - plan.values.get(learner.inputs[0]!.name)!;
    for (const [name, shape] of plan.shapes) {
      const at = (base + plan.values.get(name)!) >> 2;
      const own = reachOf(engine.memory.f32.subarray(at, at + elements(shape, 1)));
      reach.set(name, Math.max(reach.get(name) ?? 0, own));
    }
  };
  runOver(engine, learner, pictures, read, { keepAll: true, scales });
  return reach;
}
