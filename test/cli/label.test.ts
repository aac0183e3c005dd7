import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { iou } from "../../src/core/box.js";
import type { Frame } from "../../src/core/frame.js";
import { TASKS } from "../../src/core/task.js";
import type { Label, Sample } from "../../src/data/dataset.js";
import { openSession } from "../../src/engines/onnxruntime.js";
import { type Look, lookAt } from "../../src/label/look.js";
import { PRESETS } from "../../src/label/presets.js";
import { saveModel } from "../../src/model/model.js";
import { readDatasets } from "../../src/node/files.js";
import { readImage, writeImage } from "../../src/node/image.js";
import { createEngine } from "../../src/wasm/load.js";
import { colourModel } from "../detect/models.js";
import { fourway } from "./run.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-label-"));
after(() => rmSync(folder, { recursive: true }));
const data = join(folder, "data", "street");
const model = join(folder, "colours.onnx");
const preset = join(folder, "redthings.mjs");
/** The preset writes a line a picture that it is shown. */
const shown = join(folder, "shown.txt");

/**
 * A user's own teacher on the model of test/detect/models.ts: what is red is a car at score 0.9, at 0.3 where a picture is 96 pixels wide.
 * The map of "red" at stride 8 has the logit first, then four distances.
 */
const PRESET = `
import { appendFileSync } from "node:fs";
export default {
  name: "redthings",
  fits: () => false,
  place: (width, height) => ({
    width, height, placement: { sourceX: 0, sourceY: 0, sourceWidth: width, sourceHeight: height, left: 0, top: 0, width, height, flip: false },
  }),
  encode(rgb, { width, height }, ports) {
    appendFileSync(${JSON.stringify(shown)}, "one\\n");
    const data = new Float32Array(3 * width * height);
    for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) data[c * width * height + i] = (rgb[3 * i + c] - 128) / 256;
    return { [ports.inputs[0].name]: { dims: [1, 3, height, width], data } };
  },
  decode(outputs, { width, height }, least) {
    const score = width === 96 ? 0.3 : 0.9;
    const [name] = Object.keys(outputs).filter((each) => each.includes("red") && outputs[each].dims[3] === width / 8);
    const { data } = outputs[name];
    const columns = width / 8;
    const found = [];
    for (let cell = 0; cell < columns * (height / 8); cell++)
      if (data[cell] > 0 && score >= least)
        found.push({ task: "car", score, box: { x: (cell % columns) * 8, y: Math.floor(cell / columns) * 8, width: 8, height: 8 } });
    return found.slice(0, 1);
  },
};
`;

/** A grey picture, with a red square by default. */
function picture(width: number, height: number, red = true): Frame {
  const bytes = new Uint8Array(4 * width * height).fill(128);
  for (let i = 3; i < bytes.length; i += 4) bytes[i] = 255;
  if (red) for (let y = 24; y < 32; y++) for (let x = 24; x < 32; x++) bytes.set([255, 0, 0], 4 * (y * width + x));
  return { data: bytes, width, height };
}

const line = (name: string, width: number, split: string, labels: object, more: object = {}): string =>
  `${JSON.stringify({ image: `images/${name}.png`, width, height: 64, split, group: name, labels, ...more })}\n`;

before(async () => {
  mkdirSync(join(data, "images"), { recursive: true });
  for (const [name, width, red] of [
    ["red", 64, true],
    ["grey", 64, false],
    ["doubtful", 96, true],
    ["person", 64, true],
    ["val", 64, true],
    ["partial", 64, false],
  ] as const)
    await writeImage(join(data, "images", `${name}.png`), picture(width, 64, red));
  writeFileSync(join(data, "images", "broken.png"), "no picture");
  writeFileSync(
    join(data, "labels.jsonl"),
    line("red", 64, "train", { pedestrian: [], stopSign: [], trafficLight: [] }) +
      line("grey", 64, "train", { pedestrian: [], stopSign: [] }) +
      line("doubtful", 96, "train", { pedestrian: true, car: null, stopSign: [], trafficLight: [] }) +
      line("person", 64, "train", { pedestrian: [[1, 2, 3, 4]], car: [], stopSign: [], trafficLight: [] }) +
      line("val", 64, "val", { pedestrian: [] }) +
      line("partial", 64, "train", { pedestrian: [], stopSign: [], trafficLight: true }) +
      line("broken", 64, "train", { pedestrian: [] }),
  );
  writeFileSync(join(data, "partial_light_boxes.jsonl"), '{"image":"images/partial.png","trafficLight_partial":[[4,4,6,12]]}\n');
  writeFileSync(model, saveModel(colourModel()));
  writeFileSync(preset, PRESET);
});

const label = (out: string, ...more: string[]) =>
  fourway([
    "label",
    "--teacher",
    model,
    "--preset",
    preset,
    "--data",
    join(folder, "data"),
    "--out",
    join(folder, out),
    "--threads",
    "1",
    ...more,
  ]);
const shownTimes = (): number => (existsSync(shown) ? readFileSync(shown, "utf8").length / 4 : 0);
async function labelled(out: string): Promise<Map<string, Sample>> {
  const { samples, faults } = await readDatasets([join(folder, out)], TASKS);
  assert.deepEqual(faults, []);
  return new Map(samples.map((sample) => [/([a-z]+)\.png$/.exec(sample.image)![1]!, sample]));
}
const car = (sample: Sample | undefined): [Label | undefined, number, string | undefined] => [
  sample?.labels.car,
  sample!.ignore.car!.length,
  sample?.from?.car,
];

test("--tasks fills what the teacher says it looks for, and refuses what it does not", () => {
  const refused = label("trams", "--tasks", "tram");
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /expected tasks that redthings looks for \(pedestrian, car, stopSign, trafficLight\), got "tram"/);
  writeFileSync(preset, PRESET.replace('name: "redthings"', 'name: "bikes", tasks: ["bicycle"]').replace('task: "car"', 'task: "bicycle"'));
  const filled = label("bicycles", "--tasks", "bicycle");
  writeFileSync(preset, PRESET);
  assert.equal(filled.status, 0, filled.stderr);
  const lines = readFileSync(join(folder, "bicycles", "street", "labels.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text));
  const [red] = lines.filter(({ image }) => image.endsWith("red.png"));
  assert.deepEqual([red.labels.bicycle, red.labels.pedestrian, red.from], [[[24, 24, 8, 8]], [], { bicycle: "bikes" }]);
});

test("a user's own teacher fills what nobody looked for, and nothing else; the sets read back and name the pictures where they are", async () => {
  const earlier = shownTimes();
  const { status, stdout, stderr } = label("first");
  assert.equal(status, 0, stderr);
  assert.match(stderr, /5 of 7 pictures have a \? to fill; the 1 of other splits than train stay as they are/);
  assert.equal(stderr.match(/skipped: .*broken\.png: expected a JPEG, PNG or WebP picture/g)?.length, 1);
  assert.equal(shownTimes(), earlier + 4, "the person's and the val picture are not shown to the teacher");
  const samples = await labelled("first");
  assert.equal(samples.size, 7);
  assert.equal(samples.get("red")!.image, resolve(data, "images", "red.png"));
  assert.equal(samples.get("red")!.set, "street");
  const [boxes, ignored, from] = car(samples.get("red"));
  assert.deepEqual([(boxes as object[]).length, ignored, from], [1, 0, "redthings"]);
  assert.ok(iou((boxes as [{ x: number; y: number; width: number; height: number }])[0], { x: 16, y: 16, width: 16, height: 16 }) > 0.2);
  assert.deepEqual(car(samples.get("grey")), [[], 0, "redthings"]);
  assert.deepEqual(samples.get("grey")!.from, { car: "redthings", trafficLight: "redthings" });
  assert.deepEqual(car(samples.get("doubtful")), [[], 1, "redthings"]);
  assert.equal(samples.get("doubtful")!.labels.pedestrian, true, "no guess, so it stays true");
  assert.deepEqual(samples.get("doubtful")!.from, { car: "redthings" });
  assert.deepEqual(car(samples.get("person")), [[], 0, undefined]);
  assert.deepEqual(samples.get("val")!.labels, { pedestrian: [], car: null, stopSign: null, trafficLight: null });
  assert.deepEqual(samples.get("partial")!.labels.trafficLight, [{ x: 4, y: 4, width: 6, height: 12 }]);
  assert.deepEqual(samples.get("broken")!.labels.car, null, "a picture that cannot be read stays unknown");
  assert.match(stdout, /^task +by people +with boxes +boxes +absent +doubtful regions +still \?$/m);
  assert.match(stdout, /^car +1 +1 +1 +2 +1 +1$/m);
});

test("it resumes after a torn journal, and other thresholds need no further pass", async () => {
  const journal = join(folder, "first", "detections.jsonl");
  const lines = readFileSync(journal, "utf8").trimEnd().split("\n");
  assert.equal(lines.length, 4);
  const earlier = shownTimes();
  const whole = readFileSync(join(folder, "first", "street", "labels.jsonl"), "utf8");
  rmSync(join(folder, "first", "street"), { recursive: true });
  writeFileSync(journal, `${lines.slice(0, 3).join("\n")}\n${lines[3]!.slice(0, 50)}`);
  const { status, stderr } = label("first");
  assert.equal(status, 0, stderr);
  assert.match(stderr, /3 pictures are in the journal of redthings, 2 to do/);
  assert.equal(shownTimes(), earlier + 1);
  assert.equal(readFileSync(join(folder, "first", "street", "labels.jsonl"), "utf8"), whole);

  assert.equal(label("first", "--sure", "street/car=0.3").status, 0);
  assert.equal(shownTimes(), earlier + 1);
  const [boxes, ignored] = car((await labelled("first")).get("doubtful"));
  assert.deepEqual([(boxes as object[]).length, ignored], [1, 0]);
  assert.equal(label("first", "--agree", "car").status, 0);
  assert.deepEqual(car((await labelled("first")).get("red")), [[], 1, "redthings"], "one teacher cannot agree");
  assert.equal(label("first", "--pixels", "8192").status, 0);
  assert.equal(shownTimes(), earlier + 5, "another look is another journal");
});

test("Ctrl-C stops after the current picture, keeps what is done, writes no labels, and the same command resumes", async () => {
  const many = join(folder, "many", "s");
  mkdirSync(many, { recursive: true });
  for (let i = 0; i < 400; i++) {
    const image = join(many, `${i}.png`);
    writeFileSync(image, readFileSync(join(data, "images", "red.png")));
    appendFileSync(
      join(many, "labels.jsonl"),
      `${JSON.stringify({ image: `${i}.png`, width: 64, height: 64, split: "train", group: `${i}`, labels: {} })}\n`,
    );
  }
  const args = ["label", "--teacher", model, "--preset", preset, "--data", many, "--out", join(folder, "stopped"), "--threads", "1"];
  const earlier = shownTimes();
  const child = spawn(process.execPath, [fileURLToPath(new URL("../../src/cli/main.js", import.meta.url)), ...args]);
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = new Promise<number | null>((done) => child.on("close", done));
  while (shownTimes() === earlier && child.exitCode === null) await new Promise((done) => setTimeout(done, 2));
  child.kill("SIGINT");
  assert.equal(await ended, 0, stderr);
  const [, done] = /stopped after (\d+) of 400 pictures/.exec(stderr) ?? [];
  assert.ok(Number(done) >= 1 && Number(done) < 400, stderr);
  assert.ok(!existsSync(join(folder, "stopped", "s", "labels.jsonl")));
  assert.equal(
    readFileSync(join(folder, "stopped", "detections.jsonl"), "utf8")
      .trimEnd()
      .split("\n").length,
    Number(done),
  );
  const again = fourway(args);
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stderr, new RegExp(`${done} pictures are in the journal of redthings, ${400 - Number(done)} to do`));
  assert.equal(shownTimes(), earlier + 400);
});

test("eval skips labels that a teacher gave, except with --teacher-labels", () => {
  const set = join(folder, "marked");
  mkdirSync(set);
  const image = join(data, "images", "red.png");
  const entry = (more: object) =>
    `${JSON.stringify({ image, width: 64, height: 64, split: "val", group: "g", labels: { car: [[24, 24, 8, 8]], stopSign: [] }, ...more })}\n`;
  writeFileSync(join(set, "labels.jsonl"), entry({ from: { car: "redthings" } }));
  const shipped = fileURLToPath(new URL("../../../models/fourway-s.onnx", import.meta.url));
  const pictures = (...more: string[]): Record<string, number> => {
    const { status, stdout, stderr } = fourway(["eval", "--model", shipped, "--data", set, "--json", ...more]);
    assert.equal(status, 0, stderr);
    const { runs } = JSON.parse(stdout) as { runs: { tasks: Record<string, { counts: { pictures: number } }> }[] };
    return Object.fromEntries(Object.entries(runs[0]!.tasks).map(([task, { counts }]) => [task, counts.pictures]));
  };
  assert.deepEqual(pictures(), { pedestrian: 0, car: 0, stopSign: 1, trafficLight: 0 });
  assert.deepEqual(pictures("--teacher-labels"), { pedestrian: 0, car: 1, stopSign: 1, trafficLight: 0 });
});

test("eval scores peers on the same pictures: a detector that a preset reads, and detections as COCO results", () => {
  const set = join(folder, "peers");
  mkdirSync(set);
  const entry = (name: string, labels: object) =>
    line(name, 64, "val", labels).replace("images/", `${join(data, "images").replaceAll("\\", "/")}/`);
  writeFileSync(join(set, "labels.jsonl"), entry("red", { car: [[24, 24, 8, 8]] }) + entry("grey", { car: [] }));
  const results = join(folder, "results.json");
  const result = (image_id: string, score: number) => ({ image_id, category_id: 3, bbox: [24, 24, 8, 8], score });
  writeFileSync(results, JSON.stringify([result("red.png", 0.6), result("grey.png", 0.8)]));
  const plot = join(folder, "plot.svg");
  const peers = ["--peer", model, results, "--preset", preset, "--peer-pixels", "173056", "61440"];
  const shipped = fileURLToPath(new URL("../../../models/fourway-s.onnx", import.meta.url));
  const own = ["--model", shipped, "--pixels", "61440", "122880"];
  const { status, stdout, stderr } = fourway(["eval", "--data", set, ...own, ...peers, "--json", "--plot", plot]);
  assert.equal(status, 0, stderr);
  const { runs } = JSON.parse(stdout) as {
    runs: { file: string; pixels?: number; ms?: number; tasks: Record<string, { ap50: number }>; atThresholds?: object }[];
  };
  assert.deepEqual(
    runs.map(({ file, pixels, atThresholds }) => [file, pixels, atThresholds !== undefined]),
    [
      [basename(shipped), 61440, true],
      [basename(shipped), 122880, true],
      [basename(model), 173056, false],
      [basename(model), 61440, false],
      [basename(results), undefined, false],
    ],
  );
  assert.equal(runs[2]!.tasks.car!.ap50, 1);
  // the wrong one has the higher score: half of what is found is right
  assert.equal(runs[4]!.tasks.car!.ap50, 0.5);
  assert.deepEqual(
    runs.map(({ ms }) => ms! > 0),
    [true, true, true, true, false],
  );
  const svg = readFileSync(plot, "utf8");
  for (const name of ["fourway-s", "colours"]) assert.ok(svg.includes(`>${name}<`), svg);
  assert.ok(!svg.includes("results"));
});

test("eval opens its peers before it looks at a picture: one that nobody can read costs no time", () => {
  const set = join(folder, "unread");
  mkdirSync(join(set, "images"), { recursive: true });
  writeFileSync(join(set, "images/torn.png"), "no picture"); // --strict stops there
  writeFileSync(join(set, "labels.jsonl"), line("torn", 64, "val", { car: [[24, 24, 8, 8]] }));
  const shipped = fileURLToPath(new URL("../../../models/fourway-n.onnx", import.meta.url));
  const { status, stderr } = fourway(["eval", "--data", set, "--strict", "--model", shipped, "--peer", shipped]);
  assert.equal(status, 1);
  assert.match(stderr, /expected a teacher of a known kind/);
});

test("eval tells AP50 a set where there are several", () => {
  const sets = ["near", "far"].map((name) => join(folder, name));
  sets.forEach((set, i) => {
    mkdirSync(set);
    const entry = line(["red", "grey"][i]!, 64, "val", { car: [[24, 24, 8, 8]], stopSign: [] });
    writeFileSync(join(set, "labels.jsonl"), entry.replace("images/", `${join(data, "images").replaceAll("\\", "/")}/`));
  });
  const results = join(folder, "nearOnly.json");
  writeFileSync(results, JSON.stringify([{ image_id: "red.png", category_id: 3, bbox: [24, 24, 8, 8], score: 0.6 }]));
  const scores = (...more: string[]): string => {
    const { status, stdout, stderr } = fourway(["eval", "--data", ...sets, "--peer", results, ...more]);
    assert.equal(status, 0, stderr);
    return stdout;
  };
  assert.deepEqual(JSON.parse(scores("--json")).runs[0].sets, {
    far: { car: { ap50: 0, boxes: 1 } },
    near: { car: { ap50: 1, boxes: 1 } },
  });
  assert.match(scores(), /AP50 by set .*car.*\nfar +0\.000 of 1\nnear +1\.000 of 1$/m);
});

test("what cannot work is refused with one line that says why", () => {
  const plain = ["label", "--data", data, "--out", join(folder, "refused"), "--teacher"];
  mkdirSync(join(folder, "blocked", "street", "labels.jsonl"), { recursive: true });
  for (const [args, message] of [
    [
      [...plain, model],
      /^.*colours\.onnx: expected a teacher of a known kind \(nanodet-plus, yolox\), got inputs .*; give --preset with a module/,
    ],
    [[...plain, model, "--preset", "detr"], /^--preset: expected nanodet-plus, yolox, or a module \.mjs, got "detr"; fix the name$/],
    [[...plain, model, "--preset", join(folder, "none.mjs")], /^--preset: expected a module at .*none\.mjs, got "Cannot find module/],
    [[...plain, model, model, model], /^--teacher: expected one file or two, got 3/],
    [[...plain, model, "--sure", "tram=0.5"], /^--sure: expected \[set\/\]task=score .* got "tram=0\.5"; fix it$/],
    [[...plain, join(folder, "none.onnx")], /^ENOENT: no such file or directory/],
    [[...plain, model, "--preset", preset, "--strict"], /broken\.png: expected a JPEG, PNG or WebP picture/],
    [
      ["label", "--data", data, "--out", join(folder, "data"), "--teacher", model, "--preset", preset],
      /^--out: expected a folder outside the data, got .*, which holds the set "street"; choose another$/,
    ],
    [
      ["label", "--data", join(folder, "first"), "--out", join(folder, "first"), "--teacher", model, "--preset", preset],
      /^--out: expected a folder outside the data/,
    ],
    [
      ["label", "--data", data, "--out", join(folder, "blocked"), "--teacher", model, "--preset", preset],
      /^.*street\/labels\.jsonl: expected a file that can be written, got a folder; choose/,
    ],
    [["eval", "--data", data], /^eval: expected --model or --peer, got neither/],
    [["eval", "--data", data, "--peer", preset], /redthings\.mjs: expected JSON/],
    [["eval", "--data", data, "--peer", model, "--preset", preset, "--report", join(folder, "r.html")], /^--report: expected a --model/],
    [[...plain, model, "--pixels", "12"], /^error: option '--pixels <n\.\.\.>' argument '12' is invalid/],
  ] as const) {
    const { status, stderr } = fourway(args);
    assert.equal(status, 1, args.join(" "));
    assert.ok(
      stderr.split("\n").some((each) => message.test(each)),
      stderr,
    );
    assert.ok(!stderr.includes("    at "), stderr);
  }
});

const shared = process.env.FOURWAY_SHARED ?? "";
const skip = shared !== "" && existsSync(join(shared, "teacher")) ? false : "FOURWAY_SHARED names no folder with teacher/";

test("both real teachers find the large people whom a person boxed in three photos", { skip }, async () => {
  const { samples } = await readDatasets([join(shared, "data", "coco")], TASKS);
  const large = (sample: Sample): boolean => {
    const people = sample.labels.pedestrian;
    const [only] = Array.isArray(people) && people.length === 1 ? people : [];
    return only !== undefined && only.width * only.height > 0.2 * sample.width * sample.height && only.height > 1.5 * only.width;
  };
  const chosen = samples.filter(large).slice(0, 3);
  assert.equal(chosen.length, 3);
  const engine = await createEngine();
  const look: Look = { pixels: [416 * 416], tiles: 1 };
  for (const [file, name] of [
    ["nanodet-plus-m-1.5x.onnx", "nanodet-plus"],
    ["yolox_nano.onnx", "yolox"],
  ] as const) {
    const session = await openSession(readFileSync(join(shared, "teacher", file)), file);
    const teacher = PRESETS.find(({ fits }) => fits(session.ports))!;
    assert.equal(teacher.name, name);
    for (const sample of chosen) {
      const objects = await lookAt(teacher, session, engine, await readImage(sample.image), look);
      const best = objects.find(({ task }) => task === "pedestrian")!;
      assert.ok(best.score > 0.42, `${name} ${sample.image}: ${best.score}`);
      assert.ok(iou(best.box, (sample.labels.pedestrian as [typeof best.box])[0]) > 0.6, `${name} ${sample.image}`);
    }
    await session.dispose();
  }
});
