import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runScenes } from "../../src/cli/scenes.js";
import { TASKS } from "../../src/core/task.js";
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

/** Every experiment, with what it needs beside the data. */
const QUICK: Record<string, string[]> = {
  "missing-labels": ["--width", "0.25"],
  "foreign-task": ["--width", "0.25", "--foreign", "stopSign"],
  "data-balance": ["--width", "0.25"],
  "network-width": [],
  "loss-balancing": ["--width", "0.25"],
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
