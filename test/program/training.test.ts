import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import type { Graph, GraphNode } from "../../src/graph/graph.js";
import { planTraining } from "../../src/program/training.js";
import { foldNorms } from "../../src/quant/fold.js";
import { largestMap, multiTaskLoss, reserveLoss } from "../../src/train/loss.js";
import { createEngine, type Engine } from "../../src/wasm/load.js";
import { randomInput } from "../onnx/graphs.js";
import { runGraph } from "../oracle/graph.js";
import { close, closeTo, dot, F32_SUM, same } from "../support/compare.js";
import {
  everyOpTrained,
  floatsOf,
  readGolden,
  readPlace,
  SAME_COLOUR,
  SMALL_TASKS,
  smallNetwork,
  type Training,
  trainingOf,
} from "../support/network.js";
import { normals } from "../support/random.js";

/** Gradients pass some twenty layers in float32, each rounding to 1e-7 of its largest value, and norms over few cells make that more. */
const DEEP = 2e-5;

// A small network with norms, a whole training step, against PyTorch in float64.

const golden = readGolden().step;

function goldenStep(engine: Engine): { training: Training; maps: Float32Array[]; losses: number[] } {
  const { width, height } = golden;
  const graph = smallNetwork(1);
  assert.deepEqual(
    [...graph.params]
      .filter(([name]) => !/\.(mean|variance)$/.test(name))
      .map(([name]) => name)
      .sort(),
    Object.keys(golden.params).sort(),
    "the network has other parameters than the recipe's",
  );
  for (const [name, text] of Object.entries(golden.params)) graph.params.get(name)!.data.set(floatsOf(text));
  const batch = golden.examples.length;
  const training = trainingOf(engine, graph, { batch, height, width });
  const half = new Int8Array(Buffer.from(golden.pixels, "base64"));
  const { f32 } = engine.memory;
  for (let i = 0; i < batch; i++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < 3; c++)
          f32[(training.program.inputs[0]!.offset >> 2) + ((i * height + y) * width + x) * 3 + c] =
            half[(((i * height) / 2 + (y >> 1)) * (width / 2) + (x >> 1)) * 3 + c]! / 256;
  const buffers = reserveLoss(engine, largestMap(training.program));
  training.clear();
  training.program.forward();
  const maps = training.program.outputs.map((place) => readPlace(engine, place, batch)); // gradients take their place
  const examples = golden.examples.map((example) => ({ ...example, pixels: new Int8Array(), colour: SAME_COLOUR }));
  const { tasks } = multiTaskLoss(engine, training.program, buffers, examples, SMALL_TASKS.length);
  training.program.backward();
  return { training, maps, losses: tasks };
}

test("a training step's maps, losses, running statistics and every gradient are PyTorch's", async () => {
  const engine = await createEngine();
  const { training, maps, losses } = goldenStep(engine);
  training.program.plan.graph.outputs.forEach((name, i) => void close(maps[i]!, floatsOf(golden.maps[name]!), DEEP, name));
  losses.forEach((loss, task) => void closeTo(loss, golden.losses[task]!, 1e-5, `loss of task ${task}`));
  for (const [name, [mean, variance]] of Object.entries(golden.state)) {
    close(training.value(`${name}.mean`), floatsOf(mean), DEEP, `${name}.mean`);
    close(training.value(`${name}.variance`), floatsOf(variance), DEEP, `${name}.variance`);
  }
  for (const [name, text] of Object.entries(golden.gradients)) {
    const expected = floatsOf(text);
    // a shift that the next norm takes away again has no slope: what is left of its terms, of size 1, is rounding
    if (expected.every((v) => Math.abs(v) < 1e-12))
      assert.ok(
        training.gradient(name).every((v) => Math.abs(v) < 2e-6),
        `gradient of ${name}`,
      );
    else close(training.gradient(name), expected, DEEP, `gradient of ${name}`);
  }
});

test("the same step gives the same bits, whatever the arena holds from the step before", async () => {
  const engine = await createEngine();
  const gradients = [1, 2].map(() => {
    const { training } = goldenStep(engine);
    return Object.keys(golden.gradients).map((name) => training.gradient(name));
  });
  gradients[0]!.forEach((gradient, i) => void same(gradients[1]![i]!, gradient));
});

// Every op but norms, paths that meet and gradients in place, against slopes of the float64 oracle through the whole graph.

/** Step of the central differences: through ten layers the third derivative is small, the kinks are what errs. */
const STEP = 1e-6;
const MOST_SLOPES = 5;

/** Every op, with activations fused into all three kinds of convolutions. */
function fused(seed: number): Graph {
  const graph = foldNorms(everyOpTrained(seed));
  const node = graph.nodes.find(({ name }) => name === "expand")!;
  return {
    ...graph,
    nodes: graph.nodes.with(graph.nodes.indexOf(node), { ...node, attributes: { activation: { kind: "leaky", slope: 0.2 } } } as GraphNode),
  };
}

for (const { what, graph, seed } of [
  { what: "first weights", graph: everyOpTrained(1, false), seed: 1 },
  { what: "other weights", graph: everyOpTrained(2, false), seed: 2 },
  { what: "activations fused into convolutions", graph: fused(3), seed: 3 },
])
  test(`through paths that meet, gradients of all parameters are the slopes of the oracle, both pictures together (${what})`, async () => {
    const engine = await createEngine();
    const [height, width] = [32, 32];
    const random = new Random(seed, 1);
    const pictures = [randomInput(random, height, width), randomInput(random, height, width)];
    const { program, gradient, clear } = trainingOf(engine, graph, { batch: 2, height, width });
    const { f32 } = engine.memory;
    pictures.forEach((picture, i) => void f32.set(picture, (program.inputs[0]!.offset >> 2) + i * picture.length));
    clear();
    program.forward();
    // the cost is a sum of products with fixed numbers, so that its gradient at the outputs is these numbers
    const wanted = program.outputs.map(({ height: h, width: w, channels }) => normals(random, 2 * h * w * channels));
    program.outputs.forEach(({ height: h, width: w, channels }, k) => {
      const stored = Math.ceil(channels / 8) * 8;
      for (let i = 0; i < 2 * h * w; i++)
        for (let c = 0; c < stored; c++)
          f32[(program.dOutputs[k]! >> 2) + i * stored + c] = c < channels ? wanted[k]![i * channels + c]! : 0;
    });
    program.backward();

    const params = new Map([...graph.params].map(([name, param]) => [name, { ...param, data: Float64Array.from(param.data) }]));
    const precise = { ...graph, params } as unknown as Graph;
    const cost = (): number =>
      pictures.reduce((sum, picture, i) => {
        const values = runGraph(precise, picture, height, width);
        return (
          sum +
          graph.outputs.reduce((all, name, k) => {
            const { data } = values.get(name)!;
            return all + dot(data, wanted[k]!.subarray(i * data.length));
          }, 0)
        );
      }, 0);
    for (const [name, { data }] of params) {
      const found = gradient(name);
      const stride = Math.max(1, Math.ceil(data.length / MOST_SLOPES) | 1);
      const indices = Array.from({ length: Math.ceil(data.length / stride) }, (_, i) => i * stride);
      const slopes = indices.map((i) => {
        const kept = data[i]!;
        data[i] = kept + STEP;
        const above = cost();
        data[i] = kept - STEP;
        const below = cost();
        data[i] = kept;
        return (above - below) / (2 * STEP);
      });
      close(
        indices.map((i) => found[i]!),
        slopes,
        1e-4,
        `gradient of ${name}`,
      );
    }
  });

test("gradients of parameters are added to, step by step", async () => {
  const engine = await createEngine();
  const graph = everyOpTrained(3, false);
  const { program, gradient, clear } = trainingOf(engine, graph, { batch: 1, height: 32, width: 32 });
  const random = new Random(3);
  engine.memory.f32.set(randomInput(random, 32, 32), program.inputs[0]!.offset >> 2);
  const step = (): void => {
    program.forward(); // its values give way to gradients on the way back
    program.outputs.forEach(({ height, width, channels }, k) => {
      const stored = Math.ceil(channels / 8) * 8;
      for (let i = 0; i < height * width * stored; i++)
        engine.memory.f32[(program.dOutputs[k]! >> 2) + i] = i % stored < channels ? Math.sin(i) : 0;
    });
    program.backward();
  };
  clear();
  step();
  const once = [...graph.params.keys()].map(gradient);
  step();
  [...graph.params.keys()].forEach(
    (name, i) =>
      void close(
        gradient(name),
        once[i]!.map((v) => 2 * v),
        F32_SUM,
        name,
      ),
  );
});

test("what a backward step reads again outlives the forward pass, and no two that live together share a place", () => {
  const graph = everyOpTrained(1);
  const plan = planTraining(graph, { batch: 2, height: 64, width: 64 });
  const n = graph.nodes.length;
  // every value and gradient with the moments between which it must be whole, told anew from what each op's formula needs
  const needsInput = new Set(["conv1x1", "conv3x3", "dwconv", "norm", "maxpool"]);
  const needsOutput = new Set(["relu", "maxpool"]);
  const lives: { what: string; at: number; bytes: number; first: number; last: number }[] = [];
  const bytesOf = (name: string): number => {
    const { height, width, channels } = plan.shapes.get(name)!;
    return 4 * 2 * height * width * (channels === 3 ? 3 : Math.ceil(channels / 8) * 8);
  };
  const made = new Map<string, number>([[graph.inputs[0]!.name, 0]]);
  graph.nodes.forEach(({ outputs }, i) => void outputs.forEach((name) => void made.set(name, i)));
  for (const [name, first] of made) {
    let last = graph.outputs.includes(name) ? n : first;
    let read = graph.outputs.includes(name) ? n : 2 * n;
    graph.nodes.forEach(({ op, inputs, outputs }, i) => {
      if (inputs.includes(name)) [last, read] = [Math.max(last, i), Math.min(read, 2 * n - i)];
      if ((inputs.includes(name) && needsInput.has(op)) || (outputs.includes(name) && needsOutput.has(op)))
        last = Math.max(last, 2 * n - i);
    });
    lives.push({ what: name, at: plan.values.get(name)!, bytes: bytesOf(name), first, last });
    if (name !== graph.inputs[0]!.name)
      lives.push({ what: `d${name}`, at: plan.gradients.get(name)!, bytes: bytesOf(name), first: read, last: 2 * n - first });
  }
  for (const a of lives)
    for (const b of lives) {
      if (a === b || a.first > b.last || b.first > a.last) continue;
      if (a.at + a.bytes <= b.at || b.at + b.bytes <= a.at) continue;
      // a gradient may be written over the output's where the op allows it (norm, relu): both at the op's own step only
      const moment = Math.max(a.first, b.first);
      const node = graph.nodes[2 * n - moment];
      const inPlace = a.at === b.at && (node?.op === "norm" || node?.op === "relu") && moment === Math.min(a.last, b.last);
      assert.ok(inPlace, `${a.what} and ${b.what} share bytes at moment ${moment}`);
    }
});

/** Gradients, by name, of what is trained, after a step with fixed gradients at the outputs, and the plan. */
function stepOf(engine: Engine, graph: Graph, trains: (name: string) => boolean) {
  const mark = engine.memory.mark;
  const { program, gradient, params, clear } = trainingOf(engine, graph, { batch: 2, height: 32, width: 32 }, ({ name }) => trains(name));
  const { f32 } = engine.memory;
  f32.set(randomInput(new Random(1), 64, 32), program.inputs[0]!.offset >> 2);
  clear();
  program.forward();
  program.outputs.forEach(({ height, width, channels }, k) => {
    const stored = Math.ceil(channels / 8) * 8;
    for (let i = 0; i < 2 * height * width * stored; i++) f32[(program.dOutputs[k]! >> 2) + i] = i % stored < channels ? Math.sin(i) : 0;
  });
  program.backward();
  const trained = [...params.byName.values()].filter(({ use }) => use === "trained").map(({ name }) => name);
  const gradients = new Map(trained.map((name) => [name, gradient(name)]));
  engine.memory.release(mark);
  return { gradients, plan: program.plan, trainedBytes: params.trainedBytes };
}

for (const { what, graph } of [
  { what: "norms", graph: everyOpTrained(1) },
  { what: "fused activations", graph: fused(1) },
])
  test(`whichever parameter alone is trained, its gradient is that of the whole plan, bit for bit (${what})`, async () => {
    const engine = await createEngine();
    const whole = stepOf(engine, graph, () => true);
    for (const [name, expected] of whole.gradients) {
      const { gradients } = stepOf(engine, graph, (each) => each === name);
      assert.deepEqual([...gradients.keys()], [name]);
      same(gradients.get(name)!, expected, name);
    }
  });

test("with a frozen trunk the backward pass ends at the heads, in less memory", async () => {
  const engine = await createEngine();
  const graph = smallNetwork(1);
  const whole = stepOf(engine, graph, () => true);
  const heads = stepOf(engine, graph, (name) => name.startsWith("head."));
  for (const [name, gradient] of heads.gradients) same(gradient, whole.gradients.get(name)!, name);
  assert.ok(heads.gradients.size > 0 && heads.gradients.size < whole.gradients.size);
  const behind = graph.nodes
    .filter(({ params }) => Object.values(params).some((name) => !name.startsWith("head.")))
    .flatMap(({ outputs }) => outputs);
  assert.deepEqual(
    behind.filter((name) => heads.plan.gradients.has(name)),
    [],
  );
  assert.ok(heads.plan.bytes < 0.7 * whole.plan.bytes, `${heads.plan.bytes} of ${whole.plan.bytes}`);
  assert.ok(heads.trainedBytes < whole.trainedBytes);
});
