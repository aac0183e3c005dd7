import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame } from "../../src/core/frame.js";
import { type Batch, Batcher, isLabelled, samplingWeights, trainingSizes } from "../../src/data/batch.js";
import type { Label, Sample } from "../../src/data/dataset.js";
import { createEngine } from "../../src/wasm/load.js";

const TASKS = ["a", "b", "c"];
const BOX = { x: 10, y: 10, width: 30, height: 20 };

function sampleOf(image: string, labels: Record<string, Label>): Sample {
  return { image, width: 80, height: 60, split: "train", group: image, set: "s", labels, ignore: {} };
}

/** A frame of one colour that depends on the name. */
async function read(image: string): Promise<Frame> {
  const shade = 60 + 20 * Number(image.slice(1));
  return { width: 80, height: 60, data: new Uint8Array(4 * 80 * 60).fill(shade) };
}

const samples = Array.from({ length: 8 }, (_, i) => sampleOf(`p${i}`, { a: i % 2 ? [BOX] : [], b: null }));
const engine = await createEngine();
const batcherOf = (
  options: { seed?: number; batch?: number; slices?: number; pixels?: number[] } = {},
  reader: (image: string) => Promise<Frame | null> = read,
): Batcher => new Batcher(engine, samples, TASKS, { seed: 1, batch: 4, slices: 2, pixels: [61440], ...options }, reader);

test("tasks with fewer boxed pictures are drawn more often, each by its ratio to the .3, pictures without a box at .6", () => {
  const set = [
    ...Array.from({ length: 8 }, (_, i) => sampleOf(`a${i}`, { a: [BOX], b: [] })),
    sampleOf("b", { b: [BOX, BOX] }),
    sampleOf("both", { a: [BOX], b: [BOX] }),
    sampleOf("empty", { a: [], b: [] }),
    sampleOf("present", { c: true }),
  ];
  const weights = samplingWeights(set, TASKS);
  const rare = (9 / 2) ** 0.3; // nine pictures with a, two with b
  assert.deepEqual([...weights], [1, 1, 1, 1, 1, 1, 1, 1, rare, rare, 0.6, 0.6]);
  const thrice = samplingWeights(set, TASKS, { [set[0]!.set]: 3, other: 5 });
  assert.deepEqual(
    [...thrice],
    [...weights].map((weight) => 3 * weight),
  );
});

test("pictures are drawn as often as their weights say", async () => {
  const rare = sampleOf("p1", { b: [BOX] });
  const common = Array.from({ length: 16 }, () => sampleOf("p2", { a: [BOX] }));
  const empty = sampleOf("p3", { a: [] });
  const batcher = new Batcher(engine, [rare, ...common, empty], TASKS, { seed: 3, batch: 100, slices: 1, pixels: [61440] }, async () => ({
    width: 4,
    height: 4,
    data: new Uint8Array(64),
  }));
  const counts: Record<string, number> = {};
  for (let step = 1; step <= 4; step++) for (const name of (await batcher.make(step)).names) counts[name] = (counts[name] ?? 0) + 1;
  const total = Object.values(counts).reduce((a, b) => a + b);
  const weight = { p1: 16 ** 0.3, p2: 16, p3: 0.6 };
  const sum = weight.p1 + weight.p2 + weight.p3;
  for (const [name, w] of Object.entries(weight)) {
    const expected = w / sum;
    const deviation = Math.sqrt((expected * (1 - expected)) / total);
    assert.ok(
      Math.abs((counts[name] ?? 0) / total - expected) < 4 * deviation,
      `${name}: ${counts[name]} of ${total}, expected ${expected * total}`,
    );
  }
});

test("training sizes keep their aspects, in multiples of 32, at any number of pixels", () => {
  const shown = (pixels: number) => trainingSizes([pixels]).map(({ width, height }) => `${width}x${height}`);
  assert.deepEqual(shown(61440), ["320x192", "288x224", "256x256", "224x288"]);
  assert.deepEqual(shown(28672), ["224x128", "192x160", "160x160", "160x192"]);
  assert.deepEqual(shown(4096), ["96x64", "64x64", "64x64", "64x64"]);
  assert.deepEqual(trainingSizes([61440, 28672]), [...trainingSizes([61440]), ...trainingSizes([28672])]);
});

test("of several numbers of pixels each step draws one", async () => {
  const batcher = batcherOf({ batch: 1, slices: 1, pixels: [4096, 28672] });
  const areas = new Set<number>();
  for (let step = 1; step <= 16; step++) {
    const { width, height } = await batcher.make(step);
    areas.add(width * height);
  }
  assert.ok([4096, 6144].some((area) => areas.has(area)) && [28672, 25600, 30720].some((area) => areas.has(area)), `${[...areas]}`);
});

test("a batch has as many pictures as asked, dealt out evenly, in one of the training sizes, with the names of what is in it", async () => {
  const sizes = new Set<string>();
  for (let step = 1; step <= 12; step++) {
    const { width, height, slices, names } = await batcherOf({ batch: 6, slices: 3 }).make(step);
    sizes.add(`${width}x${height}`);
    assert.ok(trainingSizes([61440]).some((size) => size.width === width && size.height === height));
    assert.deepEqual(
      slices.map((share) => share.length),
      [2, 2, 2],
    );
    for (const share of slices) {
      for (const { pixels } of share) assert.equal(pixels.length, 3 * width * height);
      assert.equal(
        new Set(share.map(({ pixels }) => pixels.buffer)).size,
        1,
        "a share's pixels lie in one block, which is handed over to its worker",
      );
    }
    assert.equal(new Set(slices.map((share) => share[0]!.pixels.buffer)).size, 3);
    assert.ok(names.length >= 6 && names.every((name) => samples.some(({ image }) => image === name)));
  }
  assert.equal(sizes.size, 4);
});

test("a step's batch depends on seed and step alone, whatever was asked before or is asked at the same time", async () => {
  const alone = await batcherOf().make(7);
  const batcher = batcherOf();
  await batcher.make(3);
  const several = await Promise.all([batcher.make(8), batcher.make(7), batcher.make(2)]);
  assert.deepEqual(several[1], alone);
  const slow = batcherOf({}, async (image) => {
    await new Promise((resolve) => setTimeout(resolve, Number(image.slice(1)) % 3)); // the reader's order is another one
    return read(image);
  });
  assert.deepEqual((await Promise.all([slow.make(7), slow.make(8)]))[0], alone);
  assert.notDeepEqual(await batcherOf().make(6), alone);
  assert.notDeepEqual(await batcherOf({ seed: 2 }).make(7), alone);
});

test("how a batch is dealt out does not change what is in it", async () => {
  const together = (batch: Batch): unknown => batch.slices.flat().map(({ pixels, ...rest }) => ({ ...rest, pixels: [...pixels] }));
  assert.deepEqual(together(await batcherOf({ slices: 4 }).make(5)), together(await batcherOf({ slices: 1 }).make(5)));
});

test("grey that teaches nothing stands for a picture that cannot be read", async () => {
  const { slices } = await batcherOf({ batch: 8 }, async () => null).make(1);
  for (const { pixels, boxes, mapWeight, presenceWeight } of slices.flat()) {
    assert.ok(pixels.every((v) => v === 114 - 128));
    assert.deepEqual([boxes, mapWeight, presenceWeight], [[], [0, 0, 0], [0, 0, 0]]);
  }
});

test("a picture counts as labelled where something is known of one of the tasks", () => {
  assert.ok(isLabelled(sampleOf("x", { a: [] }), TASKS));
  assert.ok(isLabelled(sampleOf("x", { a: null, c: true }), TASKS));
  assert.ok(!isLabelled(sampleOf("x", { a: null }), TASKS));
  assert.ok(!isLabelled(sampleOf("x", { other: [] }), TASKS));
});

test("without labelled pictures there is nothing to train on", () => {
  assert.throws(() => new Batcher(engine, [], TASKS, { seed: 1, batch: 4, slices: 2, pixels: [61440] }, read), {
    code: "E_DATA",
    message: /^training: expected labelled pictures, got none; /,
  });
});

test("a large batch is read a few pictures ahead of the one that is made, not whole", async () => {
  let reading = 0;
  let most = 0;
  let read = 0;
  const batcher = batcherOf({ batch: 64, slices: 2 }, async () => {
    most = Math.max(most, ++reading);
    read++;
    await new Promise((resolve) => setTimeout(resolve, 2));
    reading--;
    return { width: 80, height: 60, data: new Uint8Array(4 * 80 * 60) };
  });
  await batcher.make(1);
  assert.ok(read >= 64 && most <= 40, `${most} of ${read} at once`); // nine examples, mosaics of four among them
});
