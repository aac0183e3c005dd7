import { readFileSync } from "node:fs";
import { Random } from "../../src/core/random.js";
import type { Example } from "../../src/data/example.js";
import type { Graph, Param } from "../../src/graph/graph.js";
import { Builder } from "../../src/model/blocks.js";
import { buildNetwork } from "../../src/model/build.js";
import { unpack } from "../../src/ops/layout.js";
import { type PlacedParams, placeParams, type Trains } from "../../src/program/params.js";
import type { Size } from "../../src/program/plan.js";
import { compileTraining, planTraining, type TrainingProgram } from "../../src/program/training.js";
import type { Engine } from "../../src/wasm/load.js";
import { GraphMaker } from "../onnx/graphs.js";

/** Tasks of the small network. */
export const SMALL_TASKS = ["a", "b", "c"];

/** A trunk of the same layers as the real one with few channels, some of them no multiple of 8: 8 (stem), 12, 16, 20. */
export function smallTrunk(seed: number): Graph {
  const b = new Builder(new Random(seed, 1), "input");
  let x = b.plain("maxpool", "pool", [b.convNorm("stem", b.input, 8, { kernel: 3, stride: 2 })]);
  const outputs = [12, 16, 20].map((co, i) => {
    for (let unit = 0; unit < (i === 0 ? 2 : 1); unit++) {
      const name = `stage${i + 2}.${unit}`;
      const stride = unit === 0 ? 2 : 1;
      let kept: string;
      if (stride === 2) {
        const short = b.convNorm(`${name}.short.depthwise`, x, co, { kernel: 3, stride, depthwise: true, slope: 1 });
        kept = b.convNorm(`${name}.short.pointwise`, short, co / 2, {});
      } else {
        kept = b.plain("split", `${name}.split`, [x], [`${name}.even`, `${name}.odd`]);
        x = `${name}.odd`;
      }
      const expanded = b.convNorm(`${name}.expand`, x, co / 2, {});
      const deep = b.convNorm(`${name}.depthwise`, expanded, co / 2, { kernel: 3, stride, depthwise: true, slope: 1 });
      x = b.plain("concat", name, [kept, b.convNorm(`${name}.project`, deep, co / 2, {})]);
    }
    return x;
  });
  return b.graph(outputs);
}

/** The whole network in small: about 4 000 parameters. */
export function smallNetwork(seed: number): Graph {
  return buildNetwork(smallTrunk(seed), { tasks: SMALL_TASKS, path: 12, head: 6, seed });
}

/**
 * A graph with every op that our kernels run, norms in place; channels 16, 8, 12, 20, 10 and 5, LeakyReLU among the ReLUs, and three places
 * where a value has several readers: `pool` (split, add, conv), `total` (dwconv, sigmoid), `fine`, which is an output as well.
 */
export function everyOpTrained(seed: number, norms = true): Graph {
  const make = new GraphMaker(seed);
  const norm = (name: string, x: string, channels: number, slope: number): string =>
    norms ? make.norm(name, x, channels, slope) : make.relu(name, x, slope);
  const start = norm("stem.norm", make.conv("conv3x3", "stem", "input", [3, 16], { stride: 2, bias: !norms }), 16, 0);
  const pool = make.simple("maxpool", "pool", start);
  const [kept, through] = make.split("block", pool);
  const wide = make.conv("conv1x1", "expand", through, [8, 12]);
  const deep = norm("deep.norm", make.conv("dwconv", "deep", wide, [12, 12], { kernel: 5 }), 12, 0.1);
  const joined = make.simple("concat", "joined", kept, deep);
  const [even, odd] = make.split("again", joined);
  const other = make.relu("other", make.conv("conv1x1", "mix", pool, [16, 10]), 0.3);
  const sum = make.simple("add", "sum", even, odd);
  const total = make.simple("add", "total", sum, other);
  const down = make.conv("dwconv", "down", total, [10, 10], { stride: 2 });
  const coarse = make.relu("coarse", make.conv("conv3x3", "middle", down, [10, 10]), 0);
  const up = make.simple("add", "ups", make.simple("upsample2", "up", coarse), make.simple("bilinear2", "smooth", coarse));
  const fine = make.simple("add", "fine", up, make.simple("sigmoid", "gate", total));
  const twice = make.simple("add", "twice", fine, fine);
  make.graph.outputs = [
    fine,
    make.conv("conv1x1", "head", twice, [10, 5]),
    make.conv("conv3x3", "coarse.head", coarse, [10, 7], { stride: 2 }),
  ];
  return make.graph;
}

/** Gives every norm statistics, gammas and betas that are not those of the beginning, as if it had been trained. */
export function shakeNorms(graph: Graph, seed: number): void {
  const random = new Random(seed);
  for (const [name, param] of graph.params) {
    if (!(param.data instanceof Float32Array)) continue;
    const role = name.slice(name.lastIndexOf(".") + 1);
    const draw: Record<string, () => number> = {
      gamma: () => random.uniform(0.5, 1.5),
      beta: () => random.uniform(-0.3, 0.3),
      mean: () => random.uniform(-0.2, 0.2),
      variance: () => random.uniform(0.3, 1.2),
    };
    if (draw[role]) param.data.set(Float32Array.from(param.data, draw[role]));
  }
}

/** A network planned for training in an engine, with a view of each parameter's gradient. */
export interface Training {
  program: TrainingProgram;
  params: PlacedParams;
  /** Clears the gradients. */
  clear(): void;
  /** The gradient of a parameter, in ONNX order. */
  gradient(name: string): Float32Array;
  /** The present value of a parameter, in ONNX order. */
  value(name: string): Float32Array;
}

/** Places and compiles a graph for training. */
export function trainingOf(engine: Engine, graph: Graph, size: Size, trains: Trains = () => true): Training {
  const { memory } = engine;
  const params = placeParams(engine, graph, trains);
  const gradientAt = memory.reserve(params.trainedBytes);
  const shift = gradientAt - params.offset;
  const plan = planTraining(graph, size, { trains });
  const base = memory.reserve(plan.bytes);
  const program = compileTraining(engine, plan, params, shift, base);
  const read = (name: string, by: number): Float32Array => {
    const { param, layout, offset, length } = params.byName.get(name)!;
    const copy: Param = { dims: param.dims, data: new Float32Array(param.data.length) };
    unpack(copy, layout, memory.f32.subarray((offset + by) >> 2, ((offset + by) >> 2) + length));
    return copy.data as Float32Array;
  };
  return {
    program,
    params,
    clear: () => void memory.f32.fill(0, gradientAt >> 2, (gradientAt + params.trainedBytes) >> 2),
    gradient: (name) => read(name, shift),
    value: (name) => read(name, 0),
  };
}

/** Channels last without the padding of channels: [batch, height, width, channels]. */
export function readPlace(
  { memory }: Engine,
  place: { offset: number; height: number; width: number; channels: number },
  batch: number,
): Float32Array {
  const stored = place.channels === 3 ? 3 : Math.ceil(place.channels / 8) * 8;
  const rows = batch * place.height * place.width;
  const out = new Float32Array(rows * place.channels);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < place.channels; c++) out[r * place.channels + c] = memory.f32[(place.offset >> 2) + r * stored + c]!;
  return out;
}

/** The colour matrix that changes nothing. */
export const SAME_COLOUR = Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0);

/** An example of random pixels that teaches nothing but what `about` says. */
export function exampleOf(random: Random, width: number, height: number, tasks: number, about: Partial<Example> = {}): Example {
  const none = (): number[] => new Array<number>(tasks).fill(0);
  return {
    pixels: Int8Array.from({ length: 3 * width * height }, () => random.below(256) - 128),
    colour: SAME_COLOUR,
    boxes: [],
    ignored: [],
    mapWeight: none(),
    presence: none(),
    presenceWeight: none(),
    ...about,
  };
}

/** Numbers that a golden file holds as base64 of float32. */
export function floatsOf(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer);
}

/** What test/golden/network.py wrote. */
export interface Golden {
  step: {
    width: number;
    height: number;
    pixels: string;
    params: Record<string, string>;
    examples: Omit<Example, "pixels" | "colour">[];
    losses: number[];
    maps: Record<string, string>;
    gradients: Record<string, string>;
    state: Record<string, [string, string]>;
  };
  assign: { width: number; height: number; boxes: number[]; maps: string; owner: number[]; quality: string }[];
}

/** The golden file of the small network; the compiled tests lie in dist/test/support. */
export function readGolden(): Golden {
  return JSON.parse(readFileSync(new URL("../../../test/golden/network.json", import.meta.url), "utf8")) as Golden;
}
