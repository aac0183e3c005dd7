import assert from "node:assert/strict";
import { test } from "node:test";
import { fourwayPeer, trainingStep } from "../../bench/fourway.js";
import { layersTable, timeSteps, watched } from "../../bench/layers.js";
import { randomBytes, referenceNet } from "../../bench/reference.js";
import { macsOf, shapesOf } from "../../src/program/plan.js";
import { foldNorms } from "../../src/quant/fold.js";
import { createEngine } from "../../src/wasm/load.js";

const SIZE = { height: 32, width: 64 };
const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

test("every step of a program is timed once and has its node's work", async () => {
  const graph = foldNorms(referenceNet());
  const input = Float32Array.from(randomBytes(1, SIZE), (v) => v / 255);
  const { program, run } = fourwayPeer("f32", await createEngine(), graph, input, SIZE);
  const rows = timeSteps(program, 3, run);
  assert.deepEqual(
    rows.map(({ name }) => name),
    graph.nodes.map(({ name }) => name),
  );
  assert.equal(total(rows.map(({ macs }) => macs)), total(macsOf(graph, shapesOf(graph, SIZE.height, SIZE.width))));
  assert.ok(rows.every(({ ms }) => ms >= 0));
});

test("a training step does the forward pass's work three times over, but for the input's gradient", async () => {
  const engine = watched(await createEngine());
  const step = trainingStep(engine, referenceNet(), 2, SIZE);
  engine.begin();
  step.run();
  const rows = engine.profile();
  const graph = referenceNet();
  const shapes = shapesOf(graph, SIZE.height, SIZE.width);
  const macs = macsOf(graph, shapes);
  const stem = macs[0]!;
  const padding = 4 * (SIZE.height / 8) * (SIZE.width / 8) * 32 * 3; // the heads' 5 channels are stored as 8
  assert.equal(total(rows.map((row) => row.macs)), 2 * (3 * (total(macs) + padding) - stem));
});

test("a training step leaves the weights finite and takes the bytes it says", async () => {
  const engine = await createEngine();
  const before = engine.memory.mark;
  const step = trainingStep(engine, referenceNet(), 2, SIZE);
  const reserved = engine.memory.mark - before;
  assert.ok(step.arenaBytes + step.paramBytes <= reserved && reserved < 1.05 * (step.arenaBytes + step.paramBytes), `${reserved} reserved`);
  for (let i = 0; i < 3; i++) step.run();
  assert.ok(engine.memory.f32.subarray(before >> 2, (before + step.paramBytes / 4) >> 2).every(Number.isFinite));
});

test("a profile lists ops and layers slowest first, with shares that add up", () => {
  const row = (group: string, ms: number, macs: number) => ({ group, name: `${group}${ms}`, shape: "", ms, macs });
  const text = layersTable("title", [row("add", 1, 0), row("conv", 2, 4e6), row("add", 3, 0), row("conv", 4, 40e6)], 20);
  const lines = text.split("\n").map((line) => line.trim().split(/ {2,}/));
  assert.deepEqual(lines[4], ["conv", "2", "6.0000", "60.0 %", "44.00", "7.3", "37 %"]);
  assert.deepEqual(lines[5], ["add", "2", "4.0000", "40.0 %"]);
  assert.deepEqual(
    lines.slice(-4).map(([, name]) => name),
    ["conv4", "add3", "conv2", "add1"],
  );
});
