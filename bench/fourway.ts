import { Random } from "../src/core/random.js";
import type { Graph } from "../src/graph/graph.js";
import { letterboxBytes, letterboxed, maxTaps, prepareLetterbox, runLetterbox } from "../src/image/letterbox.js";
import { stored, unpack } from "../src/ops/layout.js";
import type { Place } from "../src/ops/op.js";
import { compileForward, type Program } from "../src/program/forward.js";
import { type PlacedParams, placeParams } from "../src/program/params.js";
import { planForward } from "../src/program/plan.js";
import { compileTraining, planTraining } from "../src/program/training.js";
import { ADAMW, MAX_GRADIENT_NORM } from "../src/train/optimizer.js";
import type { Engine } from "../src/wasm/load.js";
import type { Peer } from "./peer.js";
import { REFERENCE_SIZE, randomBytes } from "./reference.js";

type Size = { height: number; width: number };

/** Fourway on a graph, batch 1. A run puts the input in its place (its buffer is used again) and goes through all steps. */
export function fourwayPeer(
  name: string,
  engine: Engine,
  graph: Graph,
  input: Float32Array | Int8Array,
  size: Size,
): Peer & { program: Program } {
  const { memory } = engine;
  const plan = planForward(graph, { batch: 1, ...size }, false, engine.threads?.parts);
  const program = compileForward(engine, plan, placeParams(engine, graph), memory.reserve(plan.bytes));
  const { offset } = program.inputs[0]!;
  return {
    name,
    program,
    run() {
      if (input instanceof Int8Array) memory.i8.set(input, offset);
      else memory.f32.set(input, offset >> 2);
      program.run();
    },
    outputs: () => new Map(graph.outputs.map((output, i) => [output, unpadded(memory.f32, program.outputs[i]!)])),
    dispose() {},
  };
}

function unpadded(f32: Float32Array, { offset, height, width, channels }: Place): Float32Array {
  const row = stored(channels);
  return Float32Array.from(
    { length: height * width * channels },
    (_, i) => f32[(offset >> 2) + Math.floor(i / channels) * row + (i % channels)]!,
  );
}

/** Forward and backward as a peer: its `outputs` are the parameters' gradients. */
interface GradientPass extends Peer {
  run(): void;
  /** Random pictures and the outputs' gradients by name, channels last. */
  pictures: Float32Array;
  dOutputs: ReadonlyMap<string, Float32Array>;
  params: PlacedParams;
  /** Byte offset of the gradients. */
  gradientAt: number;
  arenaBytes: number;
}

/** Forward in training mode over random pictures, random gradients written to the outputs, and backward. */
export function gradientPass(name: string, engine: Engine, graph: Graph, batch: number, size: Size = REFERENCE_SIZE): GradientPass {
  const { memory } = engine;
  const plan = planTraining(graph, { batch, ...size });
  const params = placeParams(engine, graph);
  const { trainedBytes } = params;
  const gradientAt = memory.reserve(trainedBytes);
  const shift = gradientAt - params.offset;
  const program = compileTraining(engine, plan, params, shift, memory.reserve(plan.bytes));
  const each = randomBytes(7, size);
  const pictures = Float32Array.from(
    { length: batch * each.length },
    (_, i) => each[(i + Math.floor(i / each.length) * 3) % each.length]! / 255,
  );
  const random = new Random(8);
  const padded = program.outputs.map(({ height, width, channels }) => {
    const row = stored(channels);
    return Float32Array.from({ length: batch * height * width * row }, (_, i) => (i % row < channels ? random.normal() * 1e-3 : 0));
  });
  const dOutputs = program.outputs.map(({ channels }, i) => padded[i]!.filter((_, at) => at % stored(channels) < channels));
  const trained = [...params.byName.values()].filter(({ use }) => use === "trained");
  return {
    name,
    pictures,
    dOutputs: new Map(graph.outputs.map((output, i) => [output, dOutputs[i]!])),
    params,
    gradientAt,
    arenaBytes: plan.bytes,
    run() {
      memory.f32.set(pictures, program.inputs[0]!.offset >> 2);
      memory.f32.fill(0, gradientAt >> 2, (gradientAt + trainedBytes) >> 2);
      program.forward();
      for (const [i, values] of padded.entries()) memory.f32.set(values, program.dOutputs[i]! >> 2);
      program.backward();
    },
    outputs: () =>
      new Map(
        trained.map(({ name, param: { dims, data }, layout, offset, length }) => {
          const gradient = { dims, data: new Float32Array(data.length) };
          const at = (offset + shift) >> 2;
          unpack(gradient, layout, memory.f32.subarray(at, at + length));
          return [name, gradient.data];
        }),
      ),
    dispose() {},
  };
}

/** A training step's learning rate: small, so that random gradients leave the weights what they are. */
const RATE = 1e-5;

/** A training step over `batch` pictures and what it takes. */
export interface TrainingStep {
  run(): void;
  /** Bytes of its arena, and of parameters, gradients, moments and statistics. */
  arenaBytes: number;
  paramBytes: number;
}

/** A whole training step but for the loss: `gradientPass`, length of the gradient, AdamW over all parameters. */
export function trainingStep(engine: Engine, graph: Graph, batch: number, size: Size = REFERENCE_SIZE): TrainingStep {
  const { kernels, memory } = engine;
  const { run, params, gradientAt, arenaBytes } = gradientPass("fourway", engine, graph, batch, size);
  const { trainedBytes, stateBytes } = params;
  const [first, second] = [0, 1].map(() => memory.reserve(trainedBytes)) as [number, number];
  memory.f32.fill(0, first >> 2, (second + trainedBytes) >> 2);
  let step = 0;
  return {
    arenaBytes,
    paramBytes: 4 * trainedBytes + stateBytes,
    run() {
      step++;
      run();
      const n = trainedBytes >> 2;
      const clip = Math.min(1, MAX_GRADIENT_NORM / Math.sqrt(kernels.sumSquares(gradientAt, n)));
      const { b1, b2, epsilon } = ADAMW;
      kernels.adamw(params.offset, gradientAt, first, second, n, clip, RATE, 0, b1, b2, 1 - b1 ** step, 1 - b2 ** step, epsilon);
    },
  };
}

/** The frame that letterboxing is measured on. */
export const FRAME = { width: 1280, height: 720 };

/** Letterboxing of a random frame, already in the kernels' memory, into an input. */
export function letterboxing(engine: Engine, size: Size = REFERENCE_SIZE): () => void {
  const { memory } = engine;
  const rgba = memory.reserve(4 * FRAME.width * FRAME.height);
  const placement = letterboxed(FRAME, size);
  const most = Math.max(maxTaps(FRAME.width, placement.width), maxTaps(FRAME.height, placement.height));
  const tables = memory.reserve(letterboxBytes(FRAME, size, most));
  const out = memory.reserve(3 * size.width * size.height);
  const random = new Random(9);
  for (let i = 0; i < FRAME.width * FRAME.height; i++) memory.i32[(rgba >> 2) + i] = random.bits() | 0;
  const letterbox = prepareLetterbox(engine, tables, FRAME, placement);
  return () => runLetterbox(engine, letterbox, rgba, FRAME, out, size);
}
