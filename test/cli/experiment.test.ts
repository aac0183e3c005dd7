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
  const { rows, trained } = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
  assert.equal(trained.length, 2 * 2 * TASKS.length);
  assert.equal(rows.length, 2 * TASKS.length);
  for (const { task, metric, joint, separate, gain } of rows) {
    const of = (kind: string): number[] =>
      trained
        .filter((each: { kind: string; task: string }) => each.kind === kind && each.task === task)
        .map(({ figures }: { figures: Record<string, number> }) => figures[metric]!);
    const mean = (values: number[]): number => (values[0]! + values[1]!) / 2;
    assert.ok(Math.abs(joint.mean - mean(of("joint"))) < 1e-12);
    assert.ok(Math.abs(separate.mean - mean(of("separate"))) < 1e-12);
    assert.ok(Math.abs(gain.mean - (joint.mean - separate.mean)) < 1e-12);
  }
  assert.equal(stdout.trimEnd(), readFileSync(join(out, "results.md"), "utf8").trimEnd());
  assert.match(stdout, /^\| random 0\.5 \| car \| AP50 \| [01]\.\d{3} ± /m);
  assert.match(readFileSync(join(out, "results.svg"), "utf8"), /One network for all tasks/);

  const model = join(out, "random-0.5-15360", "seed-2", "car.onnx");
  const bytes = readFileSync(model);
  rmSync(`${model}.figures.json`);
  const again = run("--width", "0.5");
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stderr, /resumed at step 1/);
  assert.equal(again.stdout, stdout, "a run at its end is measured again");
  assert.deepEqual(readFileSync(model), bytes);
  for (const kept of ["figures.json", "checkpoint"]) rmSync(`${model}.${kept}`);
  const measuredAt = statSync(model).mtimeMs;
  const third = run("--width", "0.5");
  assert.equal(third.status, 0, third.stderr);
  assert.ok(statSync(model).mtimeMs > measuredAt);
  assert.equal(third.stdout, stdout, "the same seed gives the same figures");
  assert.equal(third.stderr.match(/training and/g)?.length, 1, "the other runs were not made again");
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
