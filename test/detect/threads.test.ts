import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { Detector } from "../../src/detect/detector.js";
import type { Graph } from "../../src/graph/graph.js";
import { rowsOf } from "../../src/ops/op.js";
import { compileForward, type Program } from "../../src/program/forward.js";
import { placeParams } from "../../src/program/params.js";
import { planForward } from "../../src/program/plan.js";
import { foldNorms } from "../../src/quant/fold.js";
import type { Kernels } from "../../src/wasm/generated/kernels.js";
import { createEngine, type Engine } from "../../src/wasm/load.js";
import { chunksFor, finishChunk, readRun, SIGNAL, SIGNALS, takeChunk } from "../../src/wasm/signals.js";
import { mixed, quantized, randomInput } from "../onnx/graphs.js";
import { same } from "../support/compare.js";
import { everyOpTrained, readPlace, smallNetwork } from "../support/network.js";
import { withWorkers } from "../support/workers.js";
import { colourModel, randomModel } from "./models.js";

const SIZES = [
  { height: 64, width: 96 },
  { height: 32, width: 32 },
  { height: 160, width: 64 },
];
/** Microseconds of all threads' processor time in a third of a second of idleness: what the runtime itself takes, with room. */
const IDLE_US = 30_000;
const IDLE_MS = 300;

const float = foldNorms(everyOpTrained(4, false));
const small = foldNorms(smallNetwork(2));
const int8 = quantized(small, randomInput(new Random(1), 64, 96), 64, 96);

/** A graph's programs, one a size, in one engine. */
function compileAll(engine: Engine, graph: Graph): Program[] {
  const params = placeParams(engine, graph);
  return SIZES.map((size) => {
    const plan = planForward(graph, { batch: 1, ...size }, false, engine.threads?.parts);
    return compileForward(engine, plan, params, engine.memory.reserve(plan.bytes));
  });
}

function outputsOf(engine: Engine, program: Program, graph: Graph, seed: number): Float32Array[] {
  const { height, width } = program.plan;
  const picture = randomInput(new Random(seed), height, width);
  const { offset } = program.inputs[0]!;
  const scale = graph.scales?.get(graph.inputs[0]!.name);
  if (scale !== undefined)
    engine.memory.i8.set(
      picture.map((v) => Math.round(v / scale)).map((v) => Math.max(-128, Math.min(127, v))),
      offset,
    );
  else engine.memory.f32.set(picture, offset >> 2);
  program.run();
  return program.outputs.map((place) => readPlace(engine, place, 1));
}

test("parts are whole tiles, side by side, and make up the whole", () => {
  for (const total of [0, 1, 3, 4, 5, 60, 61])
    for (const tile of [1, 4])
      for (const threads of [1, 2, 3, 16]) {
        let end = 0;
        for (const part of chunksFor(threads)) {
          const [from, to] = rowsOf(part, total, tile);
          assert.equal(from, end);
          assert.ok(to >= from && (to === total || to % tile === 0));
          end = to;
        }
        assert.equal(end, total);
      }
});

for (const [name, graph] of [
  ["f32, every op", float],
  ["f32, the small network", small],
  ["int8, the small network", int8],
  ["int8 with f32 heads", mixed(1).whole],
] as const)
  for (const count of [2, 3])
    test(`${name}: the same bits with ${count} threads as with one, at sizes by turns`, async () => {
      const [alone, engine] = await Promise.all([createEngine(), createEngine(count)]);
      assert.equal(engine.threads?.count, count);
      const [wanted, got] = [compileAll(alone, graph), compileAll(engine, graph)];
      for (let round = 0; round < 6; round++)
        SIZES.forEach((_, k) => {
          const expected = outputsOf(alone, wanted[k]!, graph, round);
          outputsOf(engine, got[k]!, graph, round).forEach((output, i) => void same(output, expected[i]!, `output ${i} of size ${k}`));
        });
      engine.threads.close();
    });

/** An engine whose kernels count their calls in `calls`. */
function counted(engine: Engine, calls: { own: number }): Engine {
  const kernels = Object.fromEntries(
    Object.entries(engine.kernels).map(([name, kernel]) => [
      name,
      (...args: number[]) => {
        calls.own++;
        return (kernel as (...args: number[]) => unknown)(...args);
      },
    ]),
  ) as unknown as Kernels;
  return { ...engine, kernels };
}

test("a thread takes its own chunks of a step in their order, then the others', their last ones first; nobody goes on to the next before all are done", () => {
  for (const threads of [1, 2, 3]) {
    const parts = chunksFor(threads).length;
    const signals = new Int32Array(new SharedArrayBuffer(4 * SIGNALS));
    signals[SIGNAL.parts] = parts;
    signals[SIGNAL.steps] = 2;
    signals[SIGNAL.end] = 2;
    const run = readRun(signals);
    const alone = Array.from({ length: 2 * parts }, () => {
      const chunk = takeChunk(signals, run, threads - 1, true, 0);
      finishChunk(signals);
      return chunk;
    });
    const own = [parts - 2, parts - 1];
    const order = [...own, ...Array.from({ length: parts - 2 }, (_, k) => parts - 3 - k)];
    assert.deepEqual(alone, [...order, ...order.map((chunk) => chunk + parts)]);
    assert.equal(takeChunk(signals, run, 0, true, 0), -1);
    signals[SIGNAL.end] = 4;
    const next = readRun(signals);
    const taken = Array.from({ length: parts }, (_, k) => takeChunk(signals, next, k % threads, true, 0));
    assert.deepEqual(
      taken.toSorted((a, b) => a - b),
      Array.from({ length: parts }, (_, k) => k),
    );
    assert.equal(takeChunk(signals, next, 0, true, 0), -1, "its patience ends while others are at work");
  }
});

test("workers take chunks: in some run the owner makes fewer calls than there are", async () => {
  const calls = { own: 0 };
  const engine = counted(await createEngine(2), calls);
  const params = placeParams(engine, float);
  const plan = planForward(float, { batch: 1, height: 160, width: 256 }, false, engine.threads!.parts);
  const program = compileForward(engine, plan, params, engine.memory.reserve(plan.bytes));
  const all = engine.threads!.parts.length * float.nodes.length;
  let fewest = all;
  for (let i = 0; i < 200; i++) {
    calls.own = 0;
    program.run();
    assert.ok(calls.own <= all, `${calls.own} calls of ${all}`);
    fewest = Math.min(fewest, calls.own);
  }
  assert.ok(fewest < all);
  engine.threads!.close();
});

test("workers run all calls of a chunk, be they none, one or several, and each once", async () => {
  const engine = await createEngine(2);
  const { memory, threads } = engine;
  const parts = threads!.parts.length;
  const counts = [1, 3, 0, 2, 1, 1, 3, 0];
  const n = 4 * 4096;
  const blocks = counts.map(() => memory.reserve(4 * n * parts));
  const ones = memory.reserve(4 * n);
  memory.f32.fill(1, ones >> 2, (ones >> 2) + n);
  const chunks = (kernels: Kernels) =>
    counts.flatMap((count, step) =>
      Array.from({ length: parts }, (_, part) => () => {
        const y = blocks[step]! + 4 * n * part;
        for (let call = 0; call < count; call++) kernels.add(y, y, ones, n);
      }),
    );
  const room = memory.reserve(threads!.roomFor(counts.length));
  for (const at of blocks) memory.f32.fill(0, at >> 2, (at >> 2) + n * parts);
  const calls = { own: 0 };
  const own = chunks(counted(engine, calls).kernels);
  const script = threads!.record(chunks, room);
  const all = parts * counts.reduce((a, b) => a + b);
  const end = performance.now() + 20_000;
  let runs = 0;
  // a busy machine may not let the worker run at once
  while (runs < 50 || (calls.own === runs * all && performance.now() < end)) {
    threads!.run(script, own);
    runs++;
  }
  for (const [step, at] of blocks.entries())
    for (let i = 0; i < n * parts; i++)
      if (memory.f32[(at >> 2) + i] !== runs * counts[step]!) assert.fail(`step ${step}, value ${i}: ${memory.f32[(at >> 2) + i]}`);
  assert.ok(calls.own < runs * all, "workers took some");
  threads!.close();
});

test("a worker that is killed between runs leaves its work to the others", async () => {
  const { result: engine, workers } = await withWorkers(() => createEngine(2));
  const alone = await createEngine();
  const [wanted, got] = [compileAll(alone, small)[0]!, compileAll(engine, small)[0]!];
  same(outputsOf(engine, got, small, 1)[0]!, outputsOf(alone, wanted, small, 1)[0]!, "before");
  await workers[0]!.terminate();
  same(outputsOf(engine, got, small, 2)[0]!, outputsOf(alone, wanted, small, 2)[0]!, "after");
});

test("a worker that is killed in the middle of a chunk is an error after ten seconds, not an endless wait", async () => {
  const { result: engine, workers } = await withWorkers(() => createEngine(2));
  const threads = engine.threads!;
  await workers[0]!.terminate();
  const signals = new Int32Array(engine.memory.wasm.buffer, 0, SIGNALS);
  let taken = -1;
  const own = threads.parts.map(() => () => {
    if (taken < 0) taken = takeChunk(signals, readRun(signals), 1, true, 0); // as the worker would, and nobody finishes it
  });
  const script = threads.record(() => own.map(() => () => {}), engine.memory.reserve(threads.roomFor(1)));
  const start = performance.now();
  assert.throws(() => threads.run(script, own), {
    code: "E_RUNTIME",
    message: "threads: expected every worker's part within 10000 ms, got none; load again",
  });
  assert.ok(taken >= 0 && performance.now() - start < 15_000);
});

test("a script that is longer than its room is refused", async () => {
  const { threads } = await createEngine(2);
  const long = (kernels: Kernels) =>
    threads!.parts.map(() => () => {
      for (let call = 0; call < 50; call++) kernels.add(0, 0, 0, 0);
    });
  assert.throws(() => threads!.record(long, 0), {
    code: "E_GRAPH",
    message: /^threads: expected a script of at most \d+ bytes, got \d+; /,
  });
  threads!.close();
});

const frameOf = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: 4 * width * height }, (_, i) => (i * 2654435761) >>> 24),
});

test("a detector of two threads finds what one finds, tells how many it has, and takes no processor while idle", async () => {
  const model = randomModel();
  using alone = await Detector.load(model, { pixels: 16384 });
  using detector = await Detector.load(model, { pixels: 16384, threads: 2 });
  assert.deepEqual([alone.threads, detector.threads, detector.singleThreadReason], [1, 2, undefined]);
  for (const [width, height] of [
    [320, 180],
    [90, 200],
    [320, 180],
  ] as const) {
    const { ms: _, ...expected } = alone.detect(frameOf(width, height), { minScore: 0.009 });
    const { ms: __, ...found } = detector.detect(frameOf(width, height), { minScore: 0.009 });
    assert.deepEqual(found, expected);
  }
  const used: number[] = [];
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const { user, system } = process.cpuUsage(before);
    used.push(user + system);
  }
  assert.ok(Math.min(...used) < IDLE_US, `${used} microseconds of ${IDLE_MS} ms`);
});

test("a number of threads that is none is refused", async () => {
  for (const threads of [0, 1.5, 17, Number.NaN, "2" as unknown as number])
    await assert.rejects(Detector.load(colourModel(), { threads }), {
      code: "E_ARGUMENT",
      message: /^detector: expected threads in 1\.\.16, got/,
    });
});

test("without SharedArrayBuffer one thread does the work and the detector says why", async () => {
  const original = globalThis.SharedArrayBuffer;
  (globalThis as { SharedArrayBuffer?: unknown }).SharedArrayBuffer = undefined;
  try {
    using detector = await Detector.load(colourModel(), { threads: 2 });
    assert.equal(detector.threads, 1);
    assert.match(detector.singleThreadReason!, /SharedArrayBuffer/);
    assert.equal(detector.detect(frameOf(64, 64)).objects.length >= 0, true);
  } finally {
    globalThis.SharedArrayBuffer = original;
  }
});

test("a process ends while its workers sleep, and may be interrupted", () => {
  const script = (end: string): string => `
    const { Detector } = await import(${JSON.stringify(new URL("../../src/index.js", import.meta.url).href)});
    const { colourModel } = await import(${JSON.stringify(new URL("./models.js", import.meta.url).href)});
    const detector = await Detector.load(colourModel(), { threads: 2 });
    detector.detect({ width: 64, height: 64, data: new Uint8Array(4 * 64 * 64) });
    console.log(detector.threads);
    ${end}`;
  const run = (end: string) =>
    spawnSync(process.execPath, ["--input-type=module", "-e", script(end)], { encoding: "utf8", timeout: 20_000 });
  const { status, stdout } = run("");
  assert.deepEqual([status, stdout], [0, "2\n"]);
  const interrupted = run('setTimeout(() => process.kill(process.pid, "SIGINT")); setTimeout(() => {}, 15_000);');
  assert.deepEqual([interrupted.signal, interrupted.stdout], ["SIGINT", "2\n"]);
});
