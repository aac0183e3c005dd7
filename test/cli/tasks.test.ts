import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runScenes } from "../../src/cli/scenes.js";
import { loadModel } from "../../src/model/model.js";
import { fourway } from "./run.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-tasks-"));
after(() => rmSync(folder, { recursive: true }));
/** Drawn scenes whose cars are labelled as bicycles and whose pedestrians as trams, a name that only these labels know. */
const data = join(folder, "scenes");
const model = join(folder, "new.onnx");
const train = (out: string, ...more: string[]) =>
  fourway(["train", "--data", data, "--out", out, "--epochs", "1", "--batch", "4", "--threads", "1", "--pixels", "15360", ...more]);

before(async () => {
  await runScenes({ count: 10, out: data, seed: 3, width: 224, height: 144, valShare: 0.4 }, () => {});
  const file = join(data, "labels.jsonl");
  const lines = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((text) => {
      const { labels, ignore: _, ...rest } = JSON.parse(text);
      return `${JSON.stringify({ ...rest, labels: { bicycle: labels.car, tram: labels.pedestrian } })}\n`;
    });
  writeFileSync(file, lines.join(""));
});

test("a network is trained for tasks that only the labels name, and its model names them", () => {
  const { status, stderr } = train(model, "--tasks", "bicycle,tram");
  assert.equal(status, 0, stderr);
  assert.match(stderr, /epoch 1\/1 {2}loss: bicycle \d+\.\d{3} {2}tram \d+\.\d{3}/);
  assert.doesNotMatch(stderr, /faults/);
  assert.deepEqual(loadModel(readFileSync(model)).info.tasks, ["bicycle", "tram"]);
});

test("a trained network is trained further with a head more and a head less", () => {
  const out = join(folder, "changed.onnx");
  const smaller = train(out, "--start", model, "--tasks", "tram");
  assert.equal(smaller.status, 0, smaller.stderr);
  assert.deepEqual(loadModel(readFileSync(out)).info.tasks, ["tram"]);
  const larger = train(out, "--start", out, "--tasks", "bicycle,tram");
  assert.equal(larger.status, 0, larger.stderr);
  assert.deepEqual(loadModel(readFileSync(out)).info.tasks, ["bicycle", "tram"]);
});

test("eval, quantize, detect and inspect take their tasks from the model", () => {
  const int8 = join(folder, "int8.onnx");
  const scores = fourway(["eval", "--model", model, "--data", data, "--json", "--strict"]);
  assert.equal(scores.status, 0, scores.stderr);
  assert.deepEqual(Object.keys(JSON.parse(scores.stdout).runs[0].tasks), ["bicycle", "tram"]);
  const quantized = fourway(["quantize", "--model", model, "--data", data, "--out", int8, "--pictures", "2"]);
  assert.equal(quantized.status, 0, quantized.stderr);
  const picture = join(data, "images", readdirSync(join(data, "images"))[0]!);
  const found = fourway(["detect", picture, "--model", int8, "--min-score", "0"]);
  assert.equal(found.status, 0, found.stderr);
  const { presence, objects } = JSON.parse(found.stdout);
  assert.deepEqual(Object.keys(presence), ["bicycle", "tram"]);
  assert.ok(objects.length > 0 && objects.every(({ task }: { task: string }) => presence[task] > 0));
  assert.match(fourway(["inspect", int8]).stdout, /bicycle\.8, tram\.8/);
});

test("--split and --val-split choose what train, quantize and eval read", () => {
  const renamed = join(folder, "renamed");
  cpSync(data, renamed, { recursive: true });
  const file = join(renamed, "labels.jsonl");
  writeFileSync(
    file,
    readFileSync(file, "utf8").replaceAll('"split":"train"', '"split":"site_a"').replaceAll('"split":"val"', '"split":"site_b"'),
  );
  const [out, int8] = [join(folder, "sites.onnx"), join(folder, "sites.int8.onnx")];
  const splits = ["--split", "site_a", "--val-split", "site_b"];
  const options = ["--epochs", "1", "--batch", "4", "--threads", "1", "--pixels", "15360", "--tasks", "tram"];
  const trained = fourway(["train", "--data", renamed, "--out", out, ...options, ...splits]);
  assert.equal(trained.status, 0, trained.stderr);
  assert.match(trained.stderr, /6 training and 4 validation pictures/);
  const quantized = fourway(["quantize", "--model", out, "--data", renamed, "--out", int8, "--pictures", "2", ...splits]);
  assert.equal(quantized.status, 0, quantized.stderr);
  assert.match(quantized.stderr, /int8 on val/);
  assert.equal(fourway(["eval", "--model", int8, "--data", renamed, "--split", "site_b"]).status, 0);

  const same = fourway(["train", "--data", data, "--out", out, ...options, "--split", "val"]);
  assert.match(same.stderr, /^--val-split: expected another split than --split, got "val" for both; change one$/m);
  const bad = fourway(["train", "--data", data, "--out", out, "--split", "a b"]);
  assert.match(bad.stderr, /option '--split <split>' argument 'a b' is invalid\. Expected "split" to be a name/);
});

test("what cannot be written at the end is refused before the work", () => {
  const nowhere = join(folder, "nowhere", "x");
  const taken = join(folder, "taken.json");
  mkdirSync(taken, { recursive: true });
  for (const [args, path, work] of [
    [["quantize", "--model", model, "--data", data, "--out", `${nowhere}.onnx`], `${nowhere}.onnx`, /calibrating/],
    [["quantize", "--model", model, "--data", data, "--out", join(folder, "taken.onnx")], taken, /calibrating/],
    [["eval", "--model", model, "--data", data, "--json", `${nowhere}.json`], `${nowhere}.json`, /pictures/],
    [["eval", "--model", model, "--data", data, "--plot", `${nowhere}.svg`], `${nowhere}.svg`, /pictures/],
    [["eval", "--model", model, "--data", data, "--report", taken], taken, /pictures/],
    [["train", "--data", data, "--out", `${nowhere}.onnx`], `${nowhere}.onnx`, /pictures/],
  ] as const) {
    const { stdout, stderr, status } = fourway(args);
    assert.deepEqual([status, stdout], [1, ""], args[0]);
    assert.ok(stderr.startsWith(`${path}: expected a file that can be written, got `), stderr);
    assert.doesNotMatch(stderr, work);
  }
});

test("a picture that eval skips is named without its control characters", () => {
  const odd = join(folder, "odd");
  cpSync(data, odd, { recursive: true });
  writeFileSync(join(odd, "b\u001b[31m.jpg"), "no picture");
  const labels = { image: "b\u001b[31m.jpg", width: 8, height: 8, split: "val", group: "b", labels: { tram: [] } };
  appendFileSync(join(odd, "labels.jsonl"), JSON.stringify(labels));
  const { stderr, status } = fourway(["eval", "--model", model, "--data", odd]);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /skipped: .*labels\.jsonl:11: .*b\\x1b\[31m\.jpg: expected a JPEG, PNG or WebP picture/);
});

test("a detector's results are scored on the tasks that are asked for", () => {
  const results = join(folder, "results.json");
  const image_id = JSON.parse(readFileSync(join(data, "labels.jsonl"), "utf8").trimEnd().split("\n").at(-1)!).image;
  writeFileSync(results, JSON.stringify([{ image_id, category_id: 2, bbox: [10, 10, 40, 30], score: 0.9 }]));
  const { status, stdout, stderr } = fourway(["eval", "--peer", results, "--tasks", "bicycle", "--data", data, "--json"]);
  assert.equal(status, 0, stderr);
  assert.deepEqual(Object.keys(JSON.parse(stdout).runs[0].tasks), ["bicycle"]);
});

test("an experiment compares the tasks that are asked for", () => {
  const out = join(folder, "experiment");
  const { status, stderr } = fourway(
    `experiment joint-vs-separate --data ${data} --out ${out} --tasks bicycle,tram --width 0.5 --seeds 2 --epochs 1 --threads 1 --pixels 4096`.split(
      " ",
    ),
  );
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    new Set(JSON.parse(readFileSync(join(out, "results.json"), "utf8")).rows.map(({ task }: { task: string }) => task)),
    new Set(["bicycle", "tram", "mean"]),
  );
});

test("a task that no picture is labelled for is refused, and so is a name that rules could not hold", () => {
  const typo = train(join(folder, "typo.onnx"), "--tasks", "bicycle,trem");
  assert.equal(typo.status, 1);
  assert.match(typo.stderr, /^tasks: expected tasks that are labelled in the train split, got "trem"/m);
  assert.match(train(join(folder, "typo.onnx"), "--tasks", "a=b").stderr, /Expected names of letters/);
});

test("labels that are not asked for are faults only where Fourway does not know the task", () => {
  const { stderr } = train(join(folder, "cars.onnx"), "--tasks", "car");
  assert.match(stderr, /expected tasks out of .*, got "tram"/);
  assert.doesNotMatch(stderr, /got "bicycle"/);
});
