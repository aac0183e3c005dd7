import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runScenes } from "../../src/cli/scenes.js";
import { sha256 } from "../../src/core/sha256.js";
import { Archive } from "../../src/learn/versions.js";
import { loadModel, saveModel } from "../../src/model/model.js";
import { fileStore } from "../../src/node/fileStore.js";
import { randomModel } from "../detect/models.js";
import { smallFile } from "../learn/support.js";
import { fourway, startFourway } from "./run.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-learn-"));
after(() => rmSync(folder, { recursive: true }));
/** Drawn scenes: ten to learn from. */
const data = join(folder, "scenes");
const model = join(folder, "model.onnx");
const store = join(folder, "store");
const learn = (...more: string[]) => fourway(["learn", "--store", store, "--data", data, ...more]);

interface Listing {
  head: number;
  versions: { id: number; parent: number | null; frames: string[]; sha256: string; what: string | null; guard: object }[];
}

function versionsOf(dir: string): Listing {
  const { status, stdout, stderr } = fourway(["versions", dir, "--json"]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Listing;
}

before(async () => {
  await runScenes({ count: 14, out: data, seed: 3, width: 320, height: 192, valShare: 0.3 }, () => {});
  writeFileSync(model, smallFile());
});

test("thresholds are learned and committed, the model is written, the report shows frames before and after; the same frames count once", () => {
  const out = join(folder, "learned.onnx");
  const report = join(folder, "report", "index.html");
  const first = learn("--model", model, "--what", "thresholds", "--out", out, "--report", report, "--sure");
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /^task +AP50 before +after +F1 before +after +presence AP before +after +frames +verdict/);
  assert.match(first.stdout, /^car( +\S+){6} +\d+ held back +threshold fitted/m);
  assert.match(first.stdout, /^version 1 is in use$/m);

  const { head, versions } = versionsOf(store);
  assert.equal(head, 1);
  assert.deepEqual(
    versions.map(({ id, parent, what, frames }) => [id, parent, what, frames.length]),
    [
      [0, null, null, 0],
      [1, 0, "thresholds", 10],
    ],
  );
  assert.equal(versions[1]!.sha256, sha256(readFileSync(out)));
  const learned = loadModel(readFileSync(out)).info.thresholds.balanced;
  assert.notDeepEqual(learned, loadModel(readFileSync(model)).info.thresholds.balanced);

  const html = readFileSync(report, "utf8");
  assert.doesNotMatch(html, /<script|<link|javascript:/);
  assert.match(html, /<h1>Learned: store<\/h1>.*version 1 is in use/s);
  const pictures = html.match(/<img src="data:image\/jpeg;base64,/g)!.length;
  assert.ok(pictures >= 2 && pictures % 2 === 0, `${pictures} pictures`);
  assert.equal(html.match(/, before<\/b>/g)!.length, pictures / 2);

  const json = join(folder, "figures.json");
  const second = learn("--what", "thresholds", "--json", json, "--sure");
  assert.equal(second.status, 0, second.stderr);
  assert.equal(versionsOf(store).versions[2]!.frames.length, 10, "without --model the store goes on with its own, and with its frames");
  const figures = JSON.parse(readFileSync(json, "utf8"));
  assert.deepEqual([figures.version, figures.committed, figures.what, figures.refused], [2, true, "thresholds", []]);
  assert.ok(figures.evaluation.car.held && figures.cpuSeconds > 0);
});

test("weights learn, a verdict for each task that was taught; what was refused is told, and nothing is committed where all were", () => {
  const { status, stdout, stderr } = learn("--steps", "3", "--json", "--sure");
  assert.equal(status, 0, stderr);
  assert.match(stderr, /learns: path, \d+ parameters/);
  const { guard, refused, committed, version } = JSON.parse(stdout);
  const tasks = Object.keys(guard);
  assert.ok(tasks.length >= 2, stdout);
  assert.equal(committed, refused.length < tasks.length);
  assert.equal(version, versionsOf(store).head);
  assert.deepEqual(
    refused,
    tasks.filter((task) => !guard[task].kept),
  );
});

test("rollback takes an earlier version into use, and its model is the same bytes", () => {
  const { head, versions } = versionsOf(store);
  const out = join(folder, "back.onnx");
  const { status, stdout, stderr } = fourway(["rollback", store, "1", "--out", out]);
  assert.equal(status, 0, stderr);
  assert.equal(stdout.trim(), `version 1 is in use (before: ${head})`);
  assert.equal(sha256(readFileSync(out)), versions[1]!.sha256);
  const after = versionsOf(store);
  assert.deepEqual([after.head, after.versions], [1, versions]);
  const listed = fourway(["versions", store]).stdout.split("\n");
  assert.match(listed[0]!, /^ +version +from +learned +steps +frames +seed +kept +refused +sha256$/);
  assert.match(listed[2]!, new RegExp(`^\\* +1 +0 +thresholds +0 +10 +1 +- +- +${versions[1]!.sha256.slice(0, 12)}$`));
  assert.equal(fourway(["rollback", store, "0"]).status, 0);
  assert.equal(versionsOf(store).head, 0);
});

test("labels that contradict what the model is sure of wait, are shown in the report, and are learned once --sure says so", async () => {
  const dir = join(folder, "contradicted");
  const report = join(folder, "contradicted.html");
  const denied = join(folder, "denied");
  mkdirSync(denied);
  const lines = readFileSync(join(data, "labels.jsonl"), "utf8").trim().split("\n");
  const deny = (line: string, i: number): string => {
    const sample = JSON.parse(line);
    const labels = i % 2 === 0 ? { pedestrian: [], car: [], stopSign: [], trafficLight: [] } : sample.labels;
    return JSON.stringify({ ...sample, image: join("..", "scenes", sample.image), labels });
  };
  writeFileSync(join(denied, "labels.jsonl"), lines.map(deny).join("\n"));
  const run = (...more: string[]) =>
    fourway(["learn", "--store", dir, "--data", denied, "--model", model, "--what", "thresholds", ...more]);
  const waiting = async (): Promise<number> => {
    const opened = await fileStore(dir, { readOnly: true });
    const { frames } = await new Archive(opened).frames(assert.fail);
    await opened.close();
    return frames.filter(({ head }) => head.asked.length > 0).length;
  };
  const first = run("--report", report);
  assert.equal(first.status, 0, first.stderr);
  const [, frames, questions] =
    /^(\d+) frames have labels that contradict what the model is sure of \((\d+) detections\)/m.exec(first.stderr) ?? [];
  assert.ok(Number(questions) > 0, first.stderr);
  assert.equal(await waiting(), Number(frames));
  assert.equal(readFileSync(report, "utf8").match(/, labelled as /g)!.length, Math.min(24, Number(questions)));
  assert.match(run().stderr, new RegExp(`^${frames} frames have labels that contradict`, "m"));
  const sure = run("--sure");
  assert.equal(sure.status, 0, sure.stderr);
  assert.doesNotMatch(sure.stderr, /contradict/);
  assert.equal(await waiting(), 0);
  assert.doesNotMatch(run().stderr, /contradict/);
});

test("Ctrl-C while it learns commits nothing, keeps the frames and leaves the store free", async () => {
  const dir = join(folder, "stopped");
  const { child, said, ended } = startFourway(["learn", "--store", dir, "--data", data, "--model", model, "--steps", "100000", "--sure"]);
  await said("learns: path");
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /stopped: nothing was committed, version 0 stays in use; 10 frames are kept in/);
  assert.ok(!readdirSync(dir).some((name) => name.startsWith("lock.")));
  const { head, versions } = versionsOf(dir);
  assert.deepEqual([head, versions.length], [0, 1]);
  const next = await fileStore(dir);
  assert.equal((await next.list("frames/")).length, 10);
  await next.close();
});

test("a store in use can be listed and not learned in; other mistakes are told, and begin nothing", async () => {
  const held = await fileStore(store);
  const inUse = learn("--what", "thresholds");
  assert.equal(inUse.status, 1);
  assert.match(
    inUse.stderr,
    new RegExp(`store: expected a store that no other process writes to, got one in use by process ${process.pid}`),
  );
  assert.equal(versionsOf(store).head, 0);
  await held.close();

  const wrong: [string[], RegExp][] = [
    [["versions", folder], /expected a store with versions, got none; fourway learn --store .* begins one/],
    [["rollback", folder, "0"], /expected a store with versions, got none/],
    [["rollback", store, "99"], /expected one of 0, 1, 2.*, got 99/],
    [["rollback", store, "one"], /Expected a whole number in 0\.\.1000000/],
    [["learn", "--store", store], /expected --data or --adapt, got neither/],
    [["learn", "--store", store, "--data", data, "--what", "legs"], /Allowed choices are thresholds, heads, path, stage, all/],
    [["learn", "--store", store, "--data", data, "--steps", "3", "--seconds", "3"], /cannot be used with/],
    [
      ["learn", "--store", store, "--data", data, "--split", "night"],
      /expected labelled frames in the night split, got none; choose one with --split/,
    ],
    [["learn", "--store", store, "--data", data, "--out", folder], /expected a file that can be written, got a folder/],
  ];
  for (const [args, message] of wrong) {
    const { status, stderr } = fourway(args);
    assert.equal(status, 1, args.join(" "));
    assert.match(stderr, message);
  }
  const f32 = join(folder, "f32.onnx");
  writeFileSync(f32, saveModel(randomModel()));
  const none = join(folder, "none");
  const { status, stderr } = fourway(["learn", "--store", none, "--data", data, "--model", f32]);
  assert.equal(status, 1);
  assert.match(stderr, /expected an int8 model, got f32; quantize it first/);
  assert.equal(fourway(["versions", none]).status, 1);
  assert.match(fourway(["--help"]).stdout, /learn .*\n[\s\S]*versions .*\n[\s\S]*rollback /);
});

test("experiment learn teaches frames of each site, measures there and elsewhere, and goes on where it was stopped", () => {
  const out = join(folder, "experiment");
  const run = (...more: string[]) =>
    fourway([
      "experiment",
      "learn",
      "--sites",
      data,
      "--data",
      data,
      "--model",
      model,
      "--frames",
      "1",
      "3",
      "64",
      "--what",
      "thresholds",
      "--seeds",
      "2",
      "--out",
      out,
      ...more,
    ]);
  const { status, stdout, stderr } = run();
  assert.equal(status, 0, stderr);
  const { runs } = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
  assert.deepEqual(
    runs.map(({ frames, seed }: { frames: number; seed: number }) => [frames, seed]),
    [1, 3, 10].flatMap((frames) => [1, 2].map((seed) => [frames, seed])),
  );
  for (const { before, after, dataBefore } of runs)
    for (const task of Object.keys(before)) {
      assert.equal(before[task].ap50, dataBefore[task].ap50, "here both are the same pictures");
      assert.equal(after[task].ap50, before[task].ap50, "thresholds do not change AP50");
    }
  const f1s = (figures: Record<string, { f1: number }>): number[] => Object.values(figures).map(({ f1 }) => f1);
  assert.ok(runs.some(({ before, after }: Record<string, Record<string, { f1: number }>>) => String(f1s(before!)) !== String(f1s(after!))));
  assert.match(stdout, /^\| thresholds \| 10 \| 0\.\d{3} \| /m);
  assert.equal(stdout.trimEnd(), readFileSync(join(out, "results.md"), "utf8").trimEnd());
  assert.match(readFileSync(join(out, "results.svg"), "utf8"), /What labelled frames of a camera bring/);
  const files = readdirSync(join(out, "runs"));
  assert.equal(files.length, 2 * 6 + 2);
  rmSync(join(out, "runs", files.find((name) => /-3-thresholds-2\.json/.test(name))!));
  const again = run();
  assert.equal(again.status, 0, again.stderr);
  const kept = JSON.parse(readFileSync(join(out, "results.json"), "utf8")).runs;
  const timeless = (all: object[]) => all.map((each) => ({ ...each, cpuSeconds: 0 }));
  assert.deepEqual(timeless(kept), timeless(runs));
  assert.match(run("--steps", "5").stderr, /expected the settings of .*settings\.json/);
  assert.match(
    fourway(["experiment", "learn", "--sites", data, "--data", data, "--data-split", "night", "--out", join(folder, "other")]).stderr,
    /got none; choose one with --data-split/,
  );
});

test("experiment learn says what fitted into memory, and what models gain that learned at another site: at a twin as much as its own", () => {
  const twin = join(folder, "twin");
  const out = join(folder, "twins");
  cpSync(data, twin, { recursive: true });
  const sites = ["--sites", data, twin, "--data", data, "--model", model, "--pictures", "1"];
  const { status, stdout, stderr } = fourway([
    "experiment",
    "learn",
    ...sites,
    "--frames",
    "3",
    "--what",
    "path",
    "--seeds",
    "1",
    "--steps",
    "20",
    "--memory",
    "3",
    "--out",
    out,
  ]);
  assert.equal(status, 0, stderr);
  const { runs } = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
  assert.deepEqual(
    runs.map(({ site, what, planned, others }: Record<string, object>) => [site, what, planned, Object.keys(others!)]),
    [
      ["scenes", "path", "heads", ["twin"]],
      ["twin", "path", "heads", ["scenes"]],
    ],
  );
  for (const { after, others } of runs) assert.deepEqual(Object.values(others), [after]);
  const cells = /^\| path, of which heads fitted \| 3 \|(.*)\|$/m
    .exec(stdout)![1]!
    .split("|")
    .map((cell) => cell.trim());
  assert.match(cells[4]!, /^[+-]0\.\d{3}$/);
  assert.equal(cells[4], cells[5], "the same frames taught both");
  assert.ok(loadModel(readFileSync(join(out, "runs", "twin-3-path-1.onnx"))).info.notes);
});
