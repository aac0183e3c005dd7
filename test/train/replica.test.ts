import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import type { Example } from "../../src/data/example.js";
import type { Graph, Role } from "../../src/graph/graph.js";
import { readOnnx } from "../../src/onnx/read.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { allReduce, exchangeLength, publish } from "../../src/train/allReduce.js";
import { FRESH_GROUPS, groupOf, pretrainedGroups } from "../../src/train/optimizer.js";
import { Replica, type ReplicaOptions } from "../../src/train/replica.js";
import { createEngine } from "../../src/wasm/load.js";
import { Arena } from "../support/arena.js";
import { close, same } from "../support/compare.js";
import { exampleOf, smallNetwork } from "../support/network.js";

const SIZES = [
  { width: 96, height: 64 },
  { width: 64, height: 64 },
];
const OPTIONS: ReplicaOptions = { batch: 2, sizes: SIZES, tasks: 3, groups: FRESH_GROUPS, optimizer: "adamw" };

async function replicaOf(options: Partial<ReplicaOptions> = {}, graph: Graph = smallNetwork(1)): Promise<Replica> {
  return new Replica(await createEngine(), graph, { ...OPTIONS, ...options });
}

/** Two pictures of the size that a step's number stands for, with something to learn in each. */
function batchOf(step: number, replica = 0): { examples: Example[]; width: number; height: number } {
  const { width, height } = SIZES[step % 2]!;
  const random = new Random(step, replica);
  const about = { boxes: [0, 10, 10, 40, 50], mapWeight: [1, 1, 0], presence: [1, 0, 0], presenceWeight: [1, 1, 0] };
  return { examples: [exampleOf(random, width, height, 3, about), exampleOf(random, width, height, 3)], width, height };
}

function step(replica: Replica, number: number): number {
  const { examples, width, height } = batchOf(number);
  const { total } = replica.compute(examples, width, height);
  replica.apply({ step: number, rate: 0.01, emaWeight: 0.5 });
  return total;
}

test("replicas that see different pictures and share their gradients stay the same, bit for bit", async () => {
  const replicas = [await replicaOf(), await replicaOf(), await replicaOf()];
  for (let number = 1; number <= 4; number++) {
    const slots = replicas.map((replica, i) => {
      const { examples, width, height } = batchOf(number, i);
      replica.compute(examples, width, height);
      const slot = new Float32Array(exchangeLength(replica.gradients(), replica.state()));
      publish(slot, replica.gradients(), replica.state());
      return slot;
    });
    assert.notDeepEqual(slots[0], slots[1]);
    for (const replica of replicas) {
      allReduce(slots, replica.gradients(), replica.state());
      replica.apply({ step: number, rate: 0.01, emaWeight: 0.5 });
    }
    same(replicas[1]!.save(), replicas[0]!.save());
    same(replicas[2]!.save(), replicas[0]!.save());
  }
});

for (const optimizer of ["adamw", "sgd"] as const)
  test(`what is saved continues bit for bit in another replica, also over the graph's ONNX (${optimizer})`, async () => {
    const graph = smallNetwork(1);
    const first = await replicaOf({ optimizer }, graph);
    for (let number = 1; number <= 3; number++) step(first, number);
    const saved = first.save();
    for (let number = 4; number <= 6; number++) step(first, number);
    const second = await replicaOf({ optimizer }, readOnnx(writeOnnx(graph, {})).graph);
    step(second, 9); // what lies there before is of no account
    second.restore(saved);
    for (let number = 4; number <= 6; number++) step(second, number);
    same(second.save(), first.save());
    for (const averaged of [true, false]) {
      const [a, b] = [first.export(averaged).params, second.export(averaged).params];
      for (const [name, { data }] of a) same(b.get(name)!.data, data, name);
    }
  });

// Of the build without fused multiply-add, whose floats are the same on every CPU. A change here is a change of what training computes.
for (const [optimizer, groups, digest] of [
  ["adamw", FRESH_GROUPS, "046b1f1c5044a5d0"],
  ["adamw", pretrainedGroups("trunk."), "04a913819ddfcf6c"],
  ["sgd", FRESH_GROUPS, "2164fb0bdd751596"],
  ["sgd", pretrainedGroups("trunk."), "4822a30b2c87043c"],
] as const)
  test(`three steps leave the weights, moments and average that they always left (${optimizer}, ${groups.length} groups)`, async () => {
    const replica = new Replica((await Arena.open()).engine, smallNetwork(1), { ...OPTIONS, optimizer, groups });
    for (let number = 1; number <= 3; number++) step(replica, number);
    const state = replica.save();
    assert.equal(createHash("sha256").update(new Uint8Array(state.buffer)).digest("hex").slice(0, 16), digest);
  });

test("a state of another network is refused, with what to do", async () => {
  const replica = await replicaOf();
  const { length } = replica.save();
  assert.throws(() => replica.restore(new Float32Array(length - 8)), {
    code: "E_TRAIN",
    message: `checkpoint: expected ${length} values for this network, got ${length - 8}; resume with the same --trunk and widths`,
  });
});

test("a step on one batch over and over lowers its loss, and the averaged weights lie between the first and the present ones", async () => {
  const replica = await replicaOf();
  const before = replica.export(false);
  const { examples, width, height } = batchOf(1);
  const losses = Array.from({ length: 30 }, (_, i) => {
    const { total } = replica.compute(examples, width, height);
    replica.apply({ step: i + 1, rate: 0.005, emaWeight: 0.1 });
    return total;
  });
  assert.ok(losses.at(-1)! < 0.5 * losses[0]!, `${losses[0]} to ${losses.at(-1)}`);
  const [averaged, present] = [replica.export(true), replica.export(false)];
  const bias = (graph: Graph): number => graph.params.get("head.a.out.bias")!.data[0]!;
  assert.ok(Math.abs(bias(averaged) - bias(before)) < Math.abs(bias(present) - bias(before)));
  assert.notEqual(bias(averaged), bias(before));
});

test("computing leaves weights alone and moves the running statistics by their momentum", async () => {
  const replica = await replicaOf();
  const before = replica.export(false).params;
  const { examples, width, height } = batchOf(1);
  replica.compute(examples, width, height);
  for (const [name, { data }] of replica.export(false).params) {
    if (/\.(mean|variance)$/.test(name))
      assert.ok(
        data.some((v, i) => v !== before.get(name)!.data[i]),
        name,
      );
    else same(data, before.get(name)!.data, name);
  }
});

test("a pretrained trunk moves at .35 of the rate, and only fresh weights decay", async () => {
  const of = (name: string, role: Role, groups = pretrainedGroups("trunk.")) => {
    const { lrScale, decay } = groupOf(groups, { name, role });
    return [lrScale, decay];
  };
  assert.deepEqual(of("trunk.stem.weight", "weight"), [0.35, 1e-4]);
  assert.deepEqual(of("trunk.stem.weight", "weight", FRESH_GROUPS), [1, 5e-3]);
  assert.deepEqual(of("trunk.stem.gamma", "gamma", FRESH_GROUPS), [1, 0]);
  assert.deepEqual(of("head.a.out.weight", "weight"), [1, 5e-3]);
  assert.deepEqual(of("head.a.out.bias", "bias"), [1, 0]);
  assert.throws(() => of("path.in.bias", "bias", [{ prefix: "head.", lrScale: 1, decay: 0 }]), {
    code: "E_ARGUMENT",
    message: 'groups: expected one for "path.in.bias" (bias), got none; end the list with a group of all names',
  });
  const replica = await replicaOf({ groups: pretrainedGroups("trunk.") });
  const before = replica.export(false).params;
  const rate = 0.01;
  const { examples, width, height } = batchOf(1);
  replica.compute(examples, width, height);
  replica.apply({ step: 1, rate, emaWeight: 0.5 });
  const after = replica.export(false).params;
  const moved = (name: string): number[] => [...after.get(name)!.data].map((v, i) => Math.abs(v - before.get(name)!.data[i]!));
  // AdamW's first step is the rate itself in every direction that has a slope
  close(moved("head.a.out.bias"), [rate, rate, rate, rate, rate], 1e-3);
  const trunk = moved("trunk.stem.gamma");
  close(
    trunk,
    trunk.map(() => 0.35 * rate),
    0.02,
  );
});

test("what a group freezes stays as it is, takes no gradient, and comes back from a saved state", async () => {
  const groups = [{ prefix: "trunk.", lrScale: 0, decay: 0 }, ...FRESH_GROUPS];
  const [frozen, whole] = [await replicaOf({ groups }), await replicaOf()];
  assert.ok(frozen.gradients().length < whole.gradients().length && frozen.bytes < whole.bytes);
  const before = frozen.export(false).params;
  for (let number = 1; number <= 3; number++) step(frozen, number);
  const other = await replicaOf({ groups }, smallNetwork(2));
  other.restore(frozen.save());
  for (const averaged of [true, false])
    for (const [name, { data }] of frozen.export(averaged).params) {
      same(other.export(averaged).params.get(name)!.data, data, name);
      if (name.startsWith("trunk.") && !/\.(mean|variance)$/.test(name)) same(data, before.get(name)!.data, name);
    }
  assert.notDeepEqual(frozen.export(false).params.get("head.a.out.bias")!.data, before.get("head.a.out.bias")!.data);
});

test("a gradient longer than 10 is held to 10", async () => {
  const lengths = await Promise.all(
    [1, 1000].map(async (times) => {
      const replica = await replicaOf({ optimizer: "sgd" });
      const before = replica.export(false).params.get("head.a.out.bias")!.data;
      const { examples, width, height } = batchOf(1);
      const { gradientNorm: gradient } = replica.compute(examples, width, height);
      const gradients = replica.gradients();
      for (let i = 0; i < gradients.length; i++) gradients[i]! *= times;
      const length = replica.apply({ step: 1, rate: 1e-3, emaWeight: 0.5 });
      close([length], [gradient * times], 1e-5);
      const after = replica.export(false).params.get("head.a.out.bias")!.data;
      const moved = Math.hypot(...after.map((v, i) => v - before[i]!));
      return { length, moved };
    }),
  );
  const [plain, long] = lengths as [{ length: number; moved: number }, { length: number; moved: number }];
  assert.ok(plain.length < 10 && long.length > 10, `${plain.length}, ${long.length}`);
  close([long.moved / plain.moved], [10 / plain.length], 1e-3, "the same as for a gradient of norm 10");
});

test("a picture's colours go through its matrix, within bytes", async () => {
  const plain = await replicaOf({ batch: 1 });
  const coloured = await replicaOf({ batch: 1 });
  const example = batchOf(0).examples[0]!;
  // swap red and blue in the pixels, and back by the matrix
  const swapped = example.pixels.map((_, i) => example.pixels[i - (i % 3) + (2 - (i % 3))]!);
  const colour = Float32Array.of(0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0);
  const { width, height } = SIZES[0]!;
  assert.deepEqual(coloured.compute([{ ...example, pixels: swapped, colour }], width, height), plain.compute([example], width, height));
  const white = Float32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 500, 500, 500, 0);
  const most = Float32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 127, 127, 127, 0);
  assert.deepEqual(
    coloured.compute([{ ...example, colour: white }], width, height).tasks,
    plain.compute([{ ...example, colour: most }], width, height).tasks,
  );
});

test("a size that was not planned, or another number of pictures, is refused", async () => {
  const replica = await replicaOf();
  const { examples } = batchOf(1);
  assert.throws(() => replica.compute(examples, 32, 32), {
    code: "E_ARGUMENT",
    message: /^replica: expected one of its planned sizes, got 32 x 32/,
  });
  assert.throws(() => replica.compute(examples.slice(0, 1), 64, 64), {
    code: "E_ARGUMENT",
    message: /^replica: expected 2 pictures, got 1/,
  });
});

test("a step takes no more of the kernels' memory", async () => {
  const engine = await createEngine();
  const replica = new Replica(engine, smallNetwork(1), OPTIONS);
  const [taken, held] = [engine.memory.mark, engine.memory.u8.length];
  for (let number = 1; number <= 4; number++) step(replica, number);
  assert.deepEqual([engine.memory.mark, engine.memory.u8.length], [taken, held]);
  assert.equal(replica.bytes, taken);
});
