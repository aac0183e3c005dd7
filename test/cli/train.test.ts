import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runScenes } from "../../src/cli/scenes.js";
import { TASKS } from "../../src/core/task.js";
import { boxHead } from "../../src/model/head.js";
import { loadModel, type Model, saveModel } from "../../src/model/model.js";
import { readOnnx } from "../../src/onnx/read.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { decodeCheckpoint } from "../../src/train/checkpoint.js";
import { colourModel } from "../detect/models.js";
import { same } from "../support/compare.js";
import { fourway, startFourway } from "./run.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-train-"));
after(() => rmSync(folder, { recursive: true }));
/** Eight drawn scenes to train on and two to measure on. */
const clean = join(folder, "scenes");
/** Set of three lines: a picture that cannot be decoded in each split, and a box without a size (line 3). */
const faulty = join(folder, "faulty");

const sample = (image: string, split: string, labels: object): string =>
  `${JSON.stringify({ image, width: 64, height: 64, split, group: image, labels })}\n`;

before(async () => {
  await runScenes({ count: 10, out: clean, seed: 3, width: 224, height: 144, valShare: 0.2 }, () => {});
  mkdirSync(faulty);
  for (const name of ["train.jpg", "val.jpg"]) writeFileSync(join(faulty, name), "no picture");
  appendFileSync(join(faulty, "labels.jsonl"), sample("train.jpg", "train", { stopSign: [[4, 4, 20, 20]] }));
  appendFileSync(join(faulty, "labels.jsonl"), sample("val.jpg", "val", { stopSign: [] }));
  appendFileSync(join(faulty, "labels.jsonl"), sample("other.jpg", "train", { car: [[4, 4, 0, 20]] }));
});

const OPTIONS = ["--epochs", "2", "--batch", "4", "--threads", "2", "--seed", "5", "--rate", "0.002"];
const argumentsOf = (out: string, ...more: string[]): string[] => [
  "train",
  "--data",
  clean,
  faulty,
  "--out",
  join(folder, out),
  ...OPTIONS,
  ...more,
];
const load = (out: string): Model => loadModel(readFileSync(join(folder, out)));

test("two epochs on drawn scenes write a model that loads, a log and a checkpoint; faults are reported, counted and skipped", async () => {
  const { status, stderr } = fourway(argumentsOf("whole.onnx"));
  assert.equal(status, 0, stderr);
  assert.match(stderr, /labels\.jsonl:3: .*got \[4,4,0,20\]/);
  assert.match(stderr, /labels\.jsonl:3: expected the picture ".*other\.jpg", got no such file|faults in the labels, skipped/);
  assert.match(stderr, /9 training and 3 validation pictures, 4 steps of 4, 2 threads of \d+ MiB/);
  assert.equal(stderr.match(/skipped: .*train\.jpg: expected a JPEG, PNG or WebP picture/g)?.length, 1);
  assert.equal(stderr.match(/skipped: .*val\.jpg: expected a JPEG, PNG or WebP picture/g)?.length, 1);
  assert.match(stderr, /epoch 1\/2 {2}loss: pedestrian \d+\.\d{3} {2}car \d+\.\d{3} {2}stopSign \d+\.\d{3} {2}trafficLight \d+\.\d{3}/);
  assert.match(stderr, /done: .*whole\.onnx/);

  const { graph, info } = load("whole.onnx");
  assert.deepEqual(info.tasks, TASKS);
  assert.ok(graph.nodes.every(({ op }) => op !== "norm"));
  for (const { data } of graph.params.values()) assert.ok((data as Float32Array).every(Number.isFinite));
  assert.match(info.notes.trained!, /^2 epochs, seed 5, adamw, rate 0\.002, batch 4, 2 threads$/);
  assert.equal(info.notes.start, "random weights");
  assert.equal(info.notes.pictures, '{"scenes":8,"faulty":1}');

  const [head, ...rows] = readFileSync(join(folder, "whole.onnx.log.csv"), "utf8").trimEnd().split("\n");
  assert.deepEqual(head!.split(",").slice(0, 2), ["epoch", "loss pedestrian"]);
  assert.equal(rows.length, 2);
  for (const [i, row] of rows.entries()) {
    const cells = row.split(",");
    assert.equal(cells.length, head!.split(",").length);
    assert.equal(cells[0], `${i + 1}`);
    assert.ok(cells.slice(1, 5).every((cell) => Number(cell) >= 0 && cell !== ""));
    assert.equal(
      cells.slice(5).some((cell) => cell !== ""),
      i === 1,
      "measured at the end only: every fourth epoch by default",
    );
  }
  const plot = readFileSync(join(folder, "whole.onnx.log.svg"), "utf8");
  for (const title of ["Loss on the training pictures", "AP50 on the validation pictures"]) assert.ok(plot.includes(`>${title}<`));
  const measured = rows[1]!.split(",").filter((cell, i) => cell !== "" && head!.split(",")[i]!.startsWith("AP50 ")).length;
  assert.equal(plot.match(/<circle class="dot"/g)!.length, 2 * 4 + measured, "a dot for each loss and each AP50");
  const { step, options } = await decodeCheckpoint(readFileSync(join(folder, "whole.onnx.checkpoint")), "x");
  assert.deepEqual([step, options.epochs, options.pretrained], [4, 2, false]);
});

test("killed after its first epoch and resumed, a run comes to the same weights bit for bit", async () => {
  const { child, said, ended } = startFourway(argumentsOf("killed.onnx"));
  await said("epoch 1/2  loss");
  while (!existsSync(join(folder, "killed.onnx.checkpoint"))) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill("SIGKILL");
  assert.equal((await ended).code, null);

  const { status, stderr } = fourway(argumentsOf("killed.onnx", "--resume"));
  assert.equal(status, 0, stderr);
  assert.match(stderr, /resumed at step [23]/);
  assert.match(stderr, /done: /);
  const [whole, resumed] = [load("whole.onnx").graph.params, load("killed.onnx").graph.params];
  for (const [name, { data }] of whole) same(resumed.get(name)!.data, data, name);
  assert.equal(readFileSync(join(folder, "killed.onnx.log.csv"), "utf8").trimEnd().split("\n").length, 3);
});

test("a network for some tasks, of another width and input size, learns from what is labelled for it", () => {
  const { status, stderr } = fourway(
    argumentsOf("cars.onnx", "--epochs", "1", "--tasks", "car", "--path", "32", "--head", "16", "--pixels", "28672"),
  );
  assert.equal(status, 0, stderr);
  assert.match(stderr, /8 training and 2 validation pictures, 2 steps of 4/, "the faulty set says nothing of cars");
  assert.match(stderr, /epoch 1\/1 {2}loss: car \d+\.\d{3}\n/);
  const { graph, info } = load("cars.onnx");
  assert.deepEqual([info.tasks, info.pixels, graph.outputs], [["car"], 28672, ["car.8", "car.16", "car.32"]]);
  assert.equal(graph.params.get("path.lateral8.weight")!.dims[0], 32);
  assert.equal(graph.params.get("head.car.out.weight")!.dims[1], 16);
  const [head] = readFileSync(join(folder, "cars.onnx.log.csv"), "utf8").split("\n");
  assert.equal(head, "epoch,loss car,AP50 car,AP car,presence AP car");
});

test("auxiliary heads are named with or without a weight; their losses are told, the model is without them", () => {
  const small = ["--epochs", "1", "--tasks", "car", "--path", "16", "--head", "16", "--pixels", "8192"];
  const { status, stderr } = fourway(
    argumentsOf("helped.onnx", ...small, "--auxiliary", "many-car", "large-car=0.3", "--no-auxiliary-stop"),
  );
  assert.equal(status, 0, stderr);
  assert.match(stderr, /epoch 1\/1 {2}loss: car \d+\.\d{3} {2}many-car \d+\.\d{3} {2}large-car \d+\.\d{3}\n/);
  assert.deepEqual(load("helped.onnx").info.tasks, ["car"]);
  const [head] = readFileSync(join(folder, "helped.onnx.log.csv"), "utf8").split("\n");
  assert.equal(head, "epoch,loss car,loss many-car,loss large-car,AP50 car,AP car,presence AP car");
  const wrong = fourway(argumentsOf("wrong.onnx", ...small, "--auxiliary", "many-car=0"));
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /argument 'many-car=0' is invalid\. Expected a number in 0\.01\.\.10\./);
});

test("another network begins with a trained model's trunk", () => {
  const trunk = join(folder, "whole.onnx");
  const { status, stderr } = fourway(argumentsOf("onTrunk.onnx", "--epochs", "1", "--rate", "0.000001", "--path", "16", "--trunk", trunk));
  assert.equal(status, 0, stderr);
  const [before, after] = [load("whole.onnx").graph.params, load("onTrunk.onnx").graph.params];
  const name = "trunk.stage3.1.project.weight";
  const [old, moved] = [before.get(name)!.data, after.get(name)!.data];
  // norms were put back and folded again, so that each channel has another factor: within a channel the shape stays
  const ratio = moved[1]! / old[1]!;
  for (let i = 2; i < 24; i++) assert.ok(Math.abs(moved[i]! / old[i]! / ratio - 1) < 0.01, `${i}: ${moved[i]} of ${old[i]}`);
});

test("a trained network is trained further with a shorter trunk, with a coarser map, and with distributions for boxes", () => {
  const start = ["--epochs", "1", "--start", join(folder, "whole.onnx")];
  const more = [...start, "--trunk-end", "trunk.stage4.1", "--bins", "8", "--strides", "8", "16", "32", "64"];
  const { status, stderr } = fourway(argumentsOf("short.onnx", ...more));
  assert.equal(status, 0, stderr);
  const { graph, info } = load("short.onnx");
  assert.deepEqual([info.layout, info.strides], [boxHead(8), [8, 16, 32, 64]]);
  assert.ok(graph.params.has("trunk.stage4.1.expand.weight") && !graph.params.has("trunk.stage4.2.expand.weight"));
  const fewer = fourway(argumentsOf("fewer.onnx", ...start, "--strides", "8", "16"));
  assert.equal(fewer.status, 1);
  assert.match(fewer.stderr, /strides: expected 8, 16, 32 and then each twice the one before, got 8, 16; maps can be added/);
  const presence = fourway(argumentsOf("presence.onnx", "--heads", "presence", "--strides", "8", "16"));
  assert.equal(presence.status, 1);
  assert.match(presence.stderr, /strides: expected none for heads that look at the whole picture/);
});

test("without norms a model learns on from the very weights that it has", () => {
  const start = ["--epochs", "1", "--rate", "0.000001", "--no-norms"];
  const { status, stderr } = fourway(argumentsOf("onward.onnx", ...start, "--start", join(folder, "whole.onnx")));
  assert.equal(status, 0, stderr);
  const [before, after] = [load("whole.onnx").graph.params, load("onward.onnx").graph.params];
  let moved = 0;
  for (const [name, { data }] of before)
    data.forEach((value, i) => {
      const step = Math.abs(after.get(name)!.data[i]! - value);
      assert.ok(step < 1e-4, `${name}[${i}] moved by ${step}`);
      if (step > 0) moved++;
    });
  assert.ok(moved > 0);
  const fresh = fourway(argumentsOf("fresh.onnx", ...start));
  assert.equal(fresh.status, 1);
  assert.match(fresh.stderr, /norms: expected true where no model is given to start from, got false; give start/);
});

test("what was trained is quantized, with thresholds and presence from val, and the card says how", () => {
  const sources = join(folder, "sources.json");
  writeFileSync(sources, JSON.stringify({ labels: "drawn too", sets: { scenes: { what: "drawn" } } }));
  const out = join(folder, "small.onnx");
  const model = join(folder, "whole.onnx");
  const args = ["quantize", "--model", model, "--data", clean, "--out", out, "--pictures", "4", "--pixels", "24576", "--sources", sources];
  const { status, stderr } = fourway(args);
  assert.equal(status, 0, stderr);
  const { graph, info } = load("small.onnx");
  assert.ok(graph.scales);
  assert.equal(info.pixels, 24576);
  const card = JSON.parse(readFileSync(join(folder, "small.json"), "utf8"));
  assert.equal(card.precision, "int8");
  assert.equal(card.bytes, readFileSync(out).length);
  assert.deepEqual(card.thresholds, info.thresholds);
  assert.deepEqual(card.presence, info.presence);
  assert.equal(card.training.labels, "drawn too");
  assert.deepEqual(card.training.sets, { scenes: { pictures: 8, what: "drawn" }, faulty: { pictures: 1 } }); // what the training saw
  assert.deepEqual(card.scores, info.scores);
  for (const task of TASKS) {
    const { precise, balanced, sensitive } = info.thresholds;
    assert.ok(precise[task]! >= balanced[task]! && balanced[task]! >= sensitive[task]!, task);
    const { all } = card.val.operatingPoints.balanced[task];
    assert.equal(all?.threshold ?? balanced[task], balanced[task]);
  }
  const again = fourway(["quantize", "--model", out, "--data", clean, "--out", join(folder, "twice.onnx")]);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /^quantize: expected an f32 model, got int8; give the file that training wrote/m);
});

test("an older int8 model is calibrated again: its weights stay, its card is kept with the new figures", () => {
  const { graph, metadata } = readOnnx(new Uint8Array(readFileSync(join(folder, "small.onnx"))));
  const { sha256: _, scores: __, ...rest } = metadata;
  const of = (value: unknown): string => JSON.stringify(Object.fromEntries(TASKS.map((task) => [task, value])));
  const older = { ...rest, format: "fourway.2", thresholds: of(0.7), presence: of({ scale: 1, offset: 0 }) };
  writeFileSync(join(folder, "older.onnx"), writeOnnx(graph, older));
  const facts = { name: "older", training: { epochs: "2" }, val: { f32: { mean: 1 }, thresholdsBy: {} }, thresholds: {} };
  writeFileSync(join(folder, "older.json"), JSON.stringify(facts));
  const out = join(folder, "newer.onnx");
  const { status, stderr } = fourway(["calibrate", "--model", join(folder, "older.onnx"), "--data", clean, "--out", out]);
  assert.equal(status, 0, stderr);
  const newer = load("newer.onnx");
  assert.deepEqual(newer.graph, load("small.onnx").graph);
  assert.deepEqual([newer.info.thresholds, newer.info.scores], [load("small.onnx").info.thresholds, load("small.onnx").info.scores]);
  const card = JSON.parse(readFileSync(join(folder, "newer.json"), "utf8"));
  assert.deepEqual([card.training, card.val.f32, card.val.thresholdsBy], [{ epochs: "2" }, { mean: 1 }, undefined]);
  assert.equal(card.bytes, readFileSync(out).length);
  assert.deepEqual(card.thresholds, newer.info.thresholds);
  assert.deepEqual(Object.keys(card.val.operatingPoints), ["precise", "balanced", "sensitive"]);
});

test("Ctrl-C finishes the step, saves and ends with 130; --start takes an int8 model", async () => {
  const { child, said, ended } = startFourway(argumentsOf("stopped.onnx", "--epochs", "50", "--start", join(folder, "small.onnx")));
  await said("training and");
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /finishing the step, then saving/);
  const [, stopped] = /stopped at step (\d+); continue with --resume/.exec(stderr)!;
  const { step, options } = await decodeCheckpoint(readFileSync(join(folder, "stopped.onnx.checkpoint")), "x");
  assert.equal(step, Number(stopped));
  assert.ok(step >= 1 && step < 100);
  assert.equal(options.pretrained, true);
});

test("--strict stops at the faults with file and line, before anything is trained", () => {
  const { status, stderr } = fourway(argumentsOf("strict.onnx", "--strict"));
  assert.equal(status, 1);
  assert.match(stderr, /^--strict: expected labels without faults, got \d+; fix them:\n/);
  assert.match(stderr, /faulty\/labels\.jsonl:3: /);
  assert.ok(!existsSync(join(folder, "strict.onnx.checkpoint")));
});

test("what cannot work is refused at once, with one line that says why", () => {
  const int8 = join(folder, "colour.onnx");
  writeFileSync(int8, saveModel(colourModel()));
  writeFileSync(join(folder, "bad.onnx.checkpoint"), "x");
  const only = join(folder, "val-only");
  mkdirSync(only);
  writeFileSync(join(only, "labels.jsonl"), "");
  const plain = (...more: string[]): string[] => ["train", "--data", clean, "--out", join(folder, "refused.onnx"), ...more];
  for (const [args, message] of [
    [argumentsOf("whole.onnx", "--resume", "--seed", "6"), /^.*resume: expected seed 5 as at the start, got 6; give the same options$/],
    [plain("--resume"), /^resume: expected a checkpoint at .*refused\.onnx\.checkpoint, got none; start without resume$/],
    [
      argumentsOf("bad.onnx", "--resume"),
      /^.*bad\.onnx\.checkpoint: expected a whole checkpoint, got another file; start again without resume$/,
    ],
    [plain("--batch", "5", "--threads", "2"), /^train: expected batch to be a multiple of threads, got 5 and 2; change one of them$/],
    [plain("--trunk", join(folder, "missing.onnx")), /^ENOENT: no such file or directory, open '.*missing\.onnx'$/],
    [plain("--trunk-end", "stage4"), /^trunk: expected to end at one of trunk\.stage4\.0, .*, got "stage4"; name one of those$/],
    [
      ["train", "--data", clean, "--out", join(folder, "nowhere", "x.onnx")],
      /^.*nowhere\/x\.onnx: expected a file that can be written, got ENOENT/,
    ],
    [
      ["train", "--data", only, "--out", join(folder, "x.onnx")],
      /^train: expected labelled pictures in the train split, got none; add data with some$/,
    ],
    [plain("--tasks", "car,tram"), /^tasks: expected tasks that are labelled in the train split, got "tram"/],
    [plain("--path", "20"), /^error: option '--path <n>' argument '20' is invalid\. Expected a multiple of 8\./],
    [plain("--path", "32", "--start", int8), /^error: option '--path <n>' cannot be used with option '--start <file>'/],
    [argumentsOf("whole.onnx", "--resume", "--tasks", "car"), /resume: expected \w+ .* as at the start/],
    [plain("--oversample", "scenes"), /^--oversample: expected set=times, such as people=3, got "scenes"; fix it$/],
    [plain("--oversample", "street=3"), /^--oversample: expected one of the sets scenes, got "street=3"; fix it$/],
    [plain("--width", "0.7"), /^error: option '--width <width>' argument '0\.7' is invalid/],
  ] as const) {
    const { status, stderr } = fourway(args);
    assert.equal(status, 1, args.join(" "));
    assert.match(
      stderr
        .trimEnd()
        .split("\n")
        .find((line) => message.test(line)) ?? stderr,
      message,
    );
    assert.ok(!stderr.includes("    at "), `a stack is nothing to a user: ${stderr}`);
  }
});
