import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { dataBalance } from "../../src/cli/experiment/conditions.js";
import { missingLabels } from "../../src/cli/experiment/missingLabels.js";
import { runScenes } from "../../src/cli/scenes.js";
import { Random } from "../../src/core/random.js";
import { TASKS } from "../../src/core/task.js";
import type { Label, Sample } from "../../src/data/dataset.js";
import { fourway } from "./run.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-experiment-"));
after(() => rmSync(folder, { recursive: true }));
const data = join(folder, "scenes");
const out = join(folder, "out");
const run = (...more: string[]) =>
  fourway([
    "experiment",
    "joint-vs-separate",
    "--data",
    data,
    "--out",
    out,
    "--seeds",
    "2",
    "--epochs",
    "1",
    "--threads",
    "1",
    "--pixels",
    "15360",
    ...more,
  ]);

test("joint-vs-separate trains one network for all tasks and one a task for each seed, compares them, and resumes", async () => {
  await runScenes({ count: 16, out: data, seed: 3, width: 224, height: 144, valShare: 0.75 }, () => {});
  const { status, stdout, stderr } = run("--width", "0.5");
  assert.equal(status, 0, stderr);
  const { rows, measured } = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
  assert.equal(measured.length, 2 * 2 * TASKS.length);
  assert.equal(rows.length, 2 * (TASKS.length + 1));
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  for (const { task, metric, figures, gains } of rows) {
    const of = (kind: string): number[] =>
      measured
        .filter((each: { arm: string; task: string }) => each.arm === kind && (task === "mean" || each.task === task))
        .map((each: Record<string, number>) => each[metric]!);
    assert.ok(Math.abs(figures.joint.mean - mean(of("joint"))) < 1e-12);
    assert.ok(Math.abs(figures.separate.mean - mean(of("separate"))) < 1e-12);
    assert.ok(Math.abs(gains.joint.mean - (figures.joint.mean - figures.separate.mean)) < 1e-12);
  }
  assert.equal(stdout.trimEnd(), readFileSync(join(out, "results.md"), "utf8").trimEnd());
  assert.match(stdout, /^\| random 0\.5 \| all labels \| car \| AP50 \| [01]\.\d{3} ± /m);
  assert.match(readFileSync(join(out, "results.svg"), "utf8"), /One network for all tasks/);

  const model = join(out, "random-0.5", "seed-2", "car.onnx");
  const bytes = readFileSync(model);
  rmSync(`${model}.figures.json`);
  const madeAt = statSync(join(out, "random-0.5", "seed-1", "car.onnx")).mtimeMs;
  const again = run("--width", "0.5");
  assert.equal(again.status, 0, again.stderr);
  assert.equal(again.stdout, stdout, "the same seed gives the same figures");
  assert.deepEqual(readFileSync(model), bytes);
  assert.equal(statSync(join(out, "random-0.5", "seed-1", "car.onnx")).mtimeMs, madeAt, "the other runs were not made again");
});

test("runs that were made with other pictures or epochs are not taken over", () => {
  for (const other of [
    ["--data", folder],
    ["--epochs", "2"],
  ]) {
    const { status, stderr } = run("--width", "0.5", ...other);
    assert.equal(status, 1);
    assert.match(stderr, /^experiment: expected the settings of .*settings\.json, .*"epochs":1.*, got .*; give those or another --out$/m);
  }
});

test("an experiment needs a start", () => {
  const { status, stderr } = run();
  assert.equal(status, 1);
  assert.match(stderr, /^experiment: expected --width or --trunk, got neither; choose where the networks start$/m);
});

/** Of 400 pictures half know of a bus. */
const known = Array.from({ length: 400 }, (_, i): Sample => {
  const labels = { car: i % 3 === 0 ? true : [], bus: i % 2 === 0 ? null : [] } as Record<string, Label>;
  return { image: `${i}`, width: 9, height: 9, split: "train", group: `${i}`, set: "s", labels, ignore: {} };
});
const labelsFor = (run: { take?: (samples: readonly Sample[], random: Random) => Sample[] }, task: string): Label[] =>
  run.take!(known, new Random(5)).map(({ labels }) => labels[task]!);
const unknown = (labels: readonly Label[]): number => labels.filter((label) => label === null).length;

test("missing-labels throws the share away that --dropped says, of all arms the same labels, and calls what is unknown no in one of them", () => {
  const options = { tasks: ["car", "bus"], dropped: [0.25] } as Parameters<typeof missingLabels.runs>[0];
  const runs = new Map(missingLabels.runs(options).map((run) => [run.name, run]));
  assert.deepEqual([...runs.keys()], ["joint-25", "car-25", "bus-25", "as-no-25"]);
  const [car, bus] = ["car", "bus"].map((task) => labelsFor(runs.get("joint-25")!, task)) as [Label[], Label[]];
  assert.ok(Math.abs(unknown(car) - 100) < 35 && Math.abs(unknown(bus) - 250) < 35, `${unknown(car)}, ${unknown(bus)}`);
  assert.ok(car.every((label, i) => label === null || label === known[i]!.labels.car));
  assert.deepEqual([labelsFor(runs.get("car-25")!, "car"), labelsFor(runs.get("bus-25")!, "bus")], [car, bus]);
  assert.deepEqual(
    labelsFor(runs.get("as-no-25")!, "car"),
    car.map((label) => label ?? []),
  );
  const { status, stderr } = fourway(["experiment", "missing-labels", "--data", data, "--out", out, "--dropped", "0.5", "1"]);
  assert.equal(status, 1);
  assert.match(stderr, /--dropped.*Expected a number in 0\.\.0\.99\./);
});

test("data-balance keeps the share that --kept says, of the tasks that --scarce names and of no other", () => {
  const options = { tasks: ["car", "bus"], kept: [0.4, 1], scarce: ["car"] } as Parameters<typeof dataBalance.runs>[0];
  const runs = dataBalance.runs(options);
  assert.deepEqual(
    runs.map(({ name }) => name),
    ["joint-car-40", "car-40", "joint", "car-100"],
  );
  const kept = labelsFor(runs[0]!, "car");
  assert.ok(Math.abs(unknown(kept) - 240) < 35, `${unknown(kept)}`);
  assert.deepEqual(labelsFor(runs[1]!, "car"), kept);
  assert.equal(unknown(labelsFor(runs[0]!, "bus")), 200);
  assert.equal(unknown(labelsFor(runs[2]!, "car")), 0);
});

/** Every experiment, with what it needs beside the data. */
const QUICK: Record<string, string[]> = {
  "missing-labels": ["--width", "0.25"],
  "foreign-task": ["--width", "0.25", "--foreign", "stopSign"],
  "data-balance": ["--width", "0.25"],
  "network-width": [],
  "auxiliary-heads": ["--width", "0.25", "--main", "car"],
  transfer: ["--width", "0.25", "--new", "car"],
};
for (const [name, more] of Object.entries(QUICK))
  test(`${name} in a quick try: a table and a plot of every arm`, async () => {
    const few = join(folder, "few");
    await runScenes({ count: 24, out: few, seed: 4, width: 160, height: 96, valShare: 0.5 }, () => {});
    const target = join(folder, name);
    const given = ["--data", few, "--out", target, "--tasks", "pedestrian,car", "--threads", "1"];
    const { status, stdout, stderr } = fourway(["experiment", name, "--quick", ...given, ...more]);
    assert.equal(status, 0, stderr);
    const { rows, measured } = JSON.parse(readFileSync(join(target, "results.json"), "utf8"));
    const arms = new Set<string>(measured.map(({ arm }: { arm: string }) => arm));
    assert.ok(arms.size >= 2 && rows.length > 0);
    for (const { figures, gains } of rows) for (const arm of Object.keys(gains)) assert.ok(figures[arm].half >= 0);
    for (const arm of arms) assert.ok(stdout.includes(` ${arm} |`), `${arm} in ${stdout}`);
    assert.match(readFileSync(join(target, "results.svg"), "utf8"), /<svg/);
  });
