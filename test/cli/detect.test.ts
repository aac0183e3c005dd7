import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { detectionLine } from "../../src/cli/detect.js";
import type { Frame } from "../../src/core/frame.js";
import { TASKS } from "../../src/core/task.js";
import { saveModel } from "../../src/model/model.js";
import { readImage, writeImage } from "../../src/node/image.js";
import { foldNorms } from "../../src/quant/fold.js";
import { colourModel, randomModel } from "../detect/models.js";
import { fourway } from "./run.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-cli-"));
const at = (...names: string[]): string => join(folder, ...names);

/** A grey picture with a red square in its middle. */
function square(width: number, height: number): Frame {
  const data = new Uint8Array(4 * width * height).fill(128);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const inside = Math.abs(x - width / 2) < 20 && Math.abs(y - height / 2) < 20;
      data.set(inside ? [255, 0, 0, 255] : [128, 128, 128, 255], 4 * (y * width + x));
    }
  return { data, width, height };
}

before(async () => {
  const real = randomModel();
  writeFileSync(at("real.onnx"), saveModel({ ...real, graph: foldNorms(real.graph) }));
  writeFileSync(at("colours.onnx"), saveModel(colourModel()));
  await writeImage(at("street.png"), square(200, 120));
  mkdirSync(at("other"));
  await writeImage(at("other", "street.jpg"), square(90, 160));
  writeFileSync(at("torn.jpg"), new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 16, 1, 2, 3]));
});
after(() => rmSync(folder, { recursive: true }));

test("one JSON line a picture with presence, objects and times for the four tasks, and nothing else on stdout", () => {
  const pictures = [at("street.png"), at("other", "street.jpg")];
  const { stdout, stderr, status } = fourway([
    "detect",
    ...pictures,
    "--model",
    at("real.onnx"),
    "--min-score",
    "0.008",
    "--pixels",
    "8192",
  ]);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, "");
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(lines.length, 2);
  assert.deepEqual(
    lines.map(({ image, width, height }) => ({ image, width, height })),
    [
      { image: pictures[0], width: 200, height: 120 },
      { image: pictures[1], width: 90, height: 160 },
    ],
  );
  for (const line of lines) {
    assert.deepEqual(Object.keys(line), ["image", "width", "height", "presence", "objects", "ms"]);
    assert.deepEqual(Object.keys(line.presence), [...TASKS]);
    assert.deepEqual(Object.keys(line.ms), ["decode", "letterbox", "network", "postprocess"]);
    assert.ok(line.objects.length > 0);
    for (const { task, score, box, ...rest } of line.objects) {
      assert.deepEqual(rest, {});
      assert.ok(TASKS.includes(task));
      assert.ok(score >= 0.008 && score <= 1 && Number(score.toFixed(4)) === score);
      assert.deepEqual(Object.keys(box), ["x", "y", "width", "height"]);
      for (const side of Object.values(box) as number[]) assert.equal(Number(side.toFixed(1)), side);
      assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= line.width + 0.1 && box.y + box.height <= line.height + 0.1);
    }
  }
});

test("--operating-point chooses the model's thresholds, and another name is refused", () => {
  const model = colourModel();
  model.info.thresholds = { precise: { red: 1, blue: 1 }, balanced: { red: 0.9, blue: 0.9 }, sensitive: { red: 0, blue: 0 } };
  writeFileSync(at("points.onnx"), saveModel(model));
  const detect = (...more: string[]) => fourway(["detect", at("street.png"), "--model", at("points.onnx"), ...more]);
  const counts = [[], ...["precise", "balanced", "sensitive"].map((point) => ["--operating-point", point])].map((more) => {
    const { stdout, stderr, status } = detect(...more);
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout).objects.length as number;
  });
  const [without, precise, balanced, sensitive] = counts;
  assert.ok(without === balanced && precise === 0 && balanced! > 0 && sensitive! > balanced!, `${counts}`);
  assert.match(detect("--operating-point", "loud").stderr, /--operating-point.*Allowed choices are precise, balanced, sensitive/);
});

test("scores are rounded to four digits, boxes to a tenth of a pixel", () => {
  const line = detectionLine(
    "a.jpg",
    { frame: { data: new Uint8Array(0), width: 3, height: 2 }, width: 3, height: 2 },
    {
      presence: { car: 0.123456 },
      objects: [{ task: "car", score: 0.98765, box: { x: 0.04, y: 1.06, width: 1.95, height: 0.96 } }],
      ms: { letterbox: 0.123, network: 4.567, postprocess: 8.999 },
    },
    1.005,
  );
  assert.equal(
    line,
    '{"image":"a.jpg","width":3,"height":2,"presence":{"car":0.1235},"objects":[{"task":"car","score":0.9877,' +
      '"box":{"x":0,"y":1.1,"width":1.9,"height":1}}],"ms":{"decode":1,"letterbox":0.12,"network":4.57,"postprocess":9}}',
  );
});

test("boxes of a picture that is too large to be decoded whole are in its own pixels", async () => {
  const [width, height] = [5000, 1000];
  const data = new Uint8Array(4 * width * height).fill(128);
  for (let y = 300; y < 700; y++) for (let x = 4000; x < 4400; x++) data.set([255, 0, 0, 255], 4 * (y * width + x));
  await writeImage(at("wide.png"), { width, height, data });
  const { stdout, stderr } = fourway(["detect", at("wide.png"), "--model", at("colours.onnx"), "--min-score", "0.5"]);
  const found = JSON.parse(stdout);
  assert.deepEqual([found.width, found.height, found.objects.length > 0], [width, height, true], stderr);
  for (const { box } of found.objects) {
    assert.ok(box.x > 3600 && box.x + box.width < 4800, JSON.stringify(box));
    assert.ok(box.y >= 0 && box.y + box.height <= height, JSON.stringify(box));
  }
});

test("an unreadable picture is reported in one line and makes exit code 1, the others are still done", () => {
  const pictures = [at("street.png"), at("missing.png"), at("torn.jpg"), folder, at("other", "street.jpg")];
  const { stdout, stderr, status } = fourway(["detect", ...pictures, "--model", at("colours.onnx")]);
  assert.equal(status, 1);
  const errors = stderr.trimEnd().split("\n");
  assert.equal(errors.length, 3);
  [at("missing.png"), at("torn.jpg"), folder].forEach((path, i) => {
    assert.ok(errors[i]!.startsWith(`${path}: expected`), errors[i]);
  });
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ image }) => image),
    [pictures[0], pictures[4]],
  );
  for (const { objects } of lines) assert.ok(objects.length > 0 && objects[0].task === "red");
});

test("control characters of a path do not reach the terminal", () => {
  const { stderr } = fourway(["detect", join(folder, "a\u001b[31m\n.jpg")]);
  assert.match(stderr, /a\\x1b\[31m\\x0a\.jpg: expected a readable picture file/);
});

test("--out writes the annotated picture: a file for one image, a folder with names kept apart for several", async () => {
  const one = fourway(["detect", at("street.png"), "--model", at("colours.onnx"), "--out", at("new", "one.png")]);
  assert.equal(one.status, 0, one.stderr);
  assert.match(one.stderr, /one\.png/);
  const [annotated, plain] = [await readImage(at("new", "one.png")), await readImage(at("street.png"))];
  assert.deepEqual([annotated.width, annotated.height], [200, 120]);
  assert.notDeepEqual(annotated.data, plain.data);

  const many = fourway(["detect", at("street.png"), at("other", "street.jpg"), "--model", at("colours.onnx"), "--out", at("many")]);
  assert.equal(many.status, 0, many.stderr);
  assert.deepEqual(readdirSync(at("many")).sort(), ["street-2.annotated.png", "street.annotated.png"]);
  const second = await readImage(at("many", "street-2.annotated.png"));
  assert.deepEqual([second.width, second.height], [90, 160]);

  const within = fourway(["detect", at("street.png"), "--model", at("colours.onnx"), "--out", at("other")]);
  assert.equal(within.status, 0, within.stderr);
  assert.ok(existsSync(at("other", "street.annotated.png")));

  const strange = fourway(["detect", at("street.png"), "--model", at("colours.onnx"), "--out", at("picture.gif")]);
  assert.equal(strange.status, 1);
  assert.match(strange.stderr, /picture\.gif: expected a name that ends in/);
});

test("--budget-ms chooses the pixels and says which", () => {
  const detect = (...more: string[]) => fourway(["detect", at("street.png"), "--model", at("colours.onnx"), ...more]);
  const { stdout, stderr, status } = detect("--budget-ms", "1000000");
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^detect: 491520 pixels and \d threads? for 1000000 ms; a frame takes about [\d.]+ ms\n$/);
  assert.equal(JSON.parse(stdout).image, at("street.png"));
  assert.match(detect("--budget-ms", "0.001").stderr, /^detect: 28672 pixels and \d threads? for 0.001 ms; .* ms, more than the budget/);
  assert.match(detect("--budget-ms", "5", "--pixels", "61440").stderr, /expected pixels or budgetMs, got both/);
});

test("--min-score, --pixels and --budget-ms are checked, and a bad model is one line without a stack", () => {
  for (const [option, value] of [
    ["--min-score", "1.5"],
    ["--min-score", ""],
    ["--pixels", "12"],
    ["--pixels", "many"],
    ["--budget-ms", "0"],
  ] as const) {
    const { status, stderr, stdout } = fourway(["detect", at("street.png"), option, value]);
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`${option}.* is invalid`));
    assert.equal(stdout, "");
  }
  for (const model of [at("missing.onnx"), at("street.png")]) {
    const { status, stderr, stdout } = fourway(["detect", at("street.png"), "--model", model]);
    assert.equal(status, 1);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    assert.match(stderr, /expected/);
    assert.doesNotMatch(stderr, / at .*\.js:/);
    assert.equal(stdout, "");
  }
});

test("the program prints its version and its commands, and refuses others", () => {
  assert.match(fourway(["--version"]).stdout, /^\d+\.\d+\.\d+\n$/);
  const help = fourway(["--help"]).stdout;
  for (const command of ["detect", "inspect", "scenes"]) assert.match(help, new RegExp(`^  ${command}\\b`, "m"));
  const other = fourway(["dettect"]);
  assert.equal(other.status, 1);
  assert.match(other.stderr, /unknown command 'dettect'/);
});

test("scenes are drawn as a labelled set", () => {
  const { status, stderr } = fourway(["scenes", "--count", "2", "--out", at("drawn"), "--width", "64", "--height", "64"]);
  assert.equal(status, 0, stderr);
  assert.ok(existsSync(at("drawn", "labels.jsonl")));
  assert.equal(readdirSync(at("drawn", "images")).length, 2);
  assert.equal(fourway(["scenes", "--out", at("drawn")]).status, 1);
});
