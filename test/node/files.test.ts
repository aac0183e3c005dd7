import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { TASKS } from "../../src/core/task.js";
import { readDatasets } from "../../src/node/files.js";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "fourway-files-"));
});
after(() => rm(folder, { recursive: true }));

const line = (image: string, more: object = {}) =>
  JSON.stringify({ image, width: 10, height: 10, split: "train", group: image, labels: { car: [] }, ...more });
const coco = (...names: string[]) =>
  JSON.stringify({
    images: names.map((file_name, id) => ({ id, file_name, width: 10, height: 10 })),
    annotations: [],
    categories: [{ id: 1, name: "car" }],
  });

/** Writes files below the test's folder; pictures may be empty, since only their presence counts. */
async function lay(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}
const images = async (...paths: string[]) =>
  (
    await readDatasets(
      paths.map((path) => join(folder, path)),
      TASKS,
    )
  ).samples.map((sample) => sample.image.slice(folder.length + 1));

test("a native set, its file, and a folder of sets are read; the set is named after its folder", async () => {
  await lay({
    "n/one/labels.jsonl": line("images/a.jpg"),
    "n/one/images/a.jpg": "",
    "n/two/labels.jsonl": line("images/b.jpg"),
    "n/two/images/b.jpg": "",
    "n/notes.txt": "",
    "n/empty/x.txt": "",
  });
  assert.deepEqual(await images("n/one"), ["n/one/images/a.jpg"]);
  assert.deepEqual(await images("n/one/labels.jsonl"), ["n/one/images/a.jpg"]);
  assert.deepEqual(await images("n"), ["n/one/images/a.jpg", "n/two/images/b.jpg"]);
  assert.equal((await readDatasets([join(folder, "n/one")], TASKS)).samples[0]!.set, "one");
});

test("a set that is reached twice is read once", async () => {
  await lay({ "t/one/labels.jsonl": line("a.jpg"), "t/one/a.jpg": "" });
  await symlink(join(folder, "t/one"), join(folder, "t/again"));
  assert.equal((await images("t", "t/one", "t/one/labels.jsonl")).length, 1);
});

test("COCO sets are found by the usual names, with pictures beside the file, in images/ or in the split's folder", async () => {
  await lay({
    "c/_annotations.coco.json": coco("1.jpg"),
    "c/1.jpg": "",
    "d/instances_x.json": coco("2.jpg"),
    "d/images/2.jpg": "",
    "e/annotations/instances_val2017.json": coco("3.jpg"),
    "e/val2017/3.jpg": "",
    "f/annotations/annotations.json": coco("4.jpg"),
    "f/images/4.jpg": "",
    "g/any.json": coco("5.jpg"),
    "g/5.jpg": "",
  }); // prettier-ignore
  assert.deepEqual(await images("c"), ["c/1.jpg"]);
  assert.deepEqual(await images("d"), ["d/images/2.jpg"]);
  assert.deepEqual(await images("e"), ["e/val2017/3.jpg"]);
  assert.deepEqual(await images("f"), ["f/images/4.jpg"]);
  assert.deepEqual(await images("g/any.json"), ["g/5.jpg"]);
  assert.equal((await readDatasets([join(folder, "e")], TASKS)).samples[0]!.set, "e");
  assert.equal((await readDatasets([join(folder, "e")], TASKS)).samples[0]!.split, "val");
});

test("Roboflow's folders train, valid and test are a folder of sets", async () => {
  await lay({
    "r/train/_annotations.coco.json": coco("1.jpg"),
    "r/train/1.jpg": "",
    "r/valid/_annotations.coco.json": coco("2.jpg"),
    "r/valid/2.jpg": "",
  });
  const { samples } = await readDatasets([join(folder, "r")], TASKS);
  assert.deepEqual(samples.map((sample) => sample.split).sort(), ["train", "val"]);
});

test("the options reach COCO files", async () => {
  await lay({ "o/instances.json": coco("1.jpg"), "o/1.jpg": "" });
  const { samples } = await readDatasets([join(folder, "o")], TASKS, { labelled: ["pedestrian"], split: "val" });
  assert.deepEqual([samples[0]!.labels.car, samples[0]!.split], [null, "val"]);
});

test("a missing picture is left out and reported with file and line, in the order of the lines", async () => {
  await lay({
    "m/labels.jsonl": ["{", line("a.jpg"), line("gone.jpg"), "", line("b.jpg"), line("far/gone.jpg")].join("\n"),
    "m/a.jpg": "",
    "m/b.jpg": "",
  });
  const file = join(folder, "m/labels.jsonl");
  const { samples, faults } = await readDatasets([join(folder, "m")], TASKS);
  assert.equal(samples.length, 2);
  assert.deepEqual(
    faults.map((fault) => [fault.file, fault.line]),
    [
      [file, 1],
      [file, 3],
      [file, 6],
    ],
  );
  assert.match(faults[1]!.message, /gone\.jpg/);
});

test("a pipe in place of labels is refused before it is read", async () => {
  await lay({ "pipe/readme.txt": "" });
  const pipe = join(folder, "pipe/labels.jsonl");
  execFileSync("mkfifo", [pipe]);
  await assert.rejects(readDatasets([pipe], TASKS), { code: "E_DATA", message: /got ".*", which is a pipe, socket or device; copy/ });
  await assert.rejects(readDatasets([join(folder, "pipe")], TASKS), { code: "E_DATA", message: /expected a regular file/ });
  await assert.rejects(readDatasets(["/dev/null"], TASKS), { code: "E_DATA", message: /got "\/dev\/null", which is a pipe/ });
});

test("a link to a picture in another split is the same picture", async () => {
  const splits = ["train", "val", "test"];
  for (const split of splits) await lay({ [`links/${split}/labels.jsonl`]: line("a.jpg", { split }), "links/real/b.jpg": "" });
  await lay({ "links/train/a.jpg": "" });
  await symlink(join(folder, "links/train/a.jpg"), join(folder, "links/val/a.jpg"));
  await symlink(join(folder, "links/train/a.jpg"), join(folder, "links/test/a.jpg"));
  await lay({ "links/far/labels.jsonl": line("images/b.jpg"), "links/near/labels.jsonl": line("../real/b.jpg", { split: "holdout" }) });
  await symlink(join(folder, "links/real"), join(folder, "links/far/images"));
  const { samples, faults } = await readDatasets([join(folder, "links")], TASKS);
  assert.deepEqual(samples.map(({ split }) => split).sort(), ["holdout", "test"]);
  assert.deepEqual(faults.map(({ message }) => /in one split, got it in (\w+ and \w+) /.exec(message)?.[1]).sort(), [
    "train and holdout",
    "train and test",
    "val and test",
  ]);
});

test("a link that leads nowhere is a missing picture", async () => {
  await lay({ "dangling/labels.jsonl": line("a.jpg") });
  await symlink(join(folder, "dangling/gone.jpg"), join(folder, "dangling/a.jpg"));
  const { samples, faults } = await readDatasets([join(folder, "dangling")], TASKS);
  assert.equal(samples.length, 0);
  assert.match(faults[0]!.message, /expected the picture ".*a\.jpg", got no such file/);
});

test("where there is nothing to read, the error says what was looked for", async () => {
  await lay({ "z/readme.txt": "" });
  await assert.rejects(readDatasets([join(folder, "z")], TASKS), { code: "E_DATA", message: /labels\.jsonl, or COCO's instances\*\.json/ });
  await assert.rejects(readDatasets([join(folder, "nowhere")], TASKS), { code: "E_DATA", message: /does not exist/ });
  await assert.rejects(readDatasets([join(folder, "z/readme.txt")], TASKS), {
    code: "E_DATA",
    message: /\.jsonl \(native\) or \.json \(COCO\)/,
  });
  await assert.rejects(readDatasets([], TASKS), { code: "E_DATA" });
  await assert.rejects(readDatasets([join(folder, "z")], TASKS, { labelled: ["tram"] }), { code: "E_ARGUMENT" });
});

test("pictures of a COCO file are found where most of them lie, even if the first twenty are missing", async () => {
  const names = Array.from({ length: 22 }, (_, i) => `${i}.jpg`);
  await lay({ "late/_annotations.coco.json": coco(...names), "late/20.jpg": "", "late/21.jpg": "" });
  assert.deepEqual(await images("late"), ["late/20.jpg", "late/21.jpg"]);
});

test("a picture of two splits is left out of train and reported", async () => {
  await lay({ "both/instances_train.json": coco("a.jpg", "b.jpg"), "both/instances_val.json": coco("a.jpg") });
  await lay({ "both/images/a.jpg": "", "both/images/b.jpg": "" });
  const { samples, faults } = await readDatasets([join(folder, "both")], TASKS);
  assert.deepEqual(samples.map(({ image, split }) => [image.slice(-5), split]).sort(), [
    ["a.jpg", "val"],
    ["b.jpg", "train"],
  ]);
  assert.match(faults[0]!.message, /in one split, got it in train and val/);
  assert.equal(faults.length, 1);
});

test("pictures in folders of answers are a set, alone or below folders of splits; other folders are not", async () => {
  const png = await sharp({ create: { width: 6, height: 4, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  for (const path of ["train/car/yes/a.png", "train/car/no/b.png", "train/stopSign/yes/a.png", "val/car/yes/c.png"]) {
    await mkdir(dirname(join(folder, "answers", path)), { recursive: true });
    await writeFile(join(folder, "answers", path), png);
  }
  await lay({ "answers/train/car/yes/notes.txt": "", "answers/train/readme.md": "", "answers/other/car/maybe/d.png": "" });
  const { samples, faults } = await readDatasets([join(folder, "answers")], TASKS);
  assert.deepEqual(faults, []);
  assert.deepEqual(
    samples.map(({ image, split, set, width, height, labels }) => [image.slice(folder.length + 9), split, set, width, height, labels.car]),
    [
      ["train/car/no/b.png", "train", "train", 6, 4, []],
      ["train/car/yes/a.png", "train", "train", 6, 4, true],
      ["train/stopSign/yes/a.png", "train", "train", 6, 4, null],
      ["val/car/yes/c.png", "val", "val", 6, 4, true],
    ],
  );
  assert.deepEqual(
    (await readDatasets([join(folder, "answers/val")], TASKS)).samples.map(({ split }) => split),
    ["val"],
  );
  await lay({ "answers/val/car/no/broken.png": "not a picture" });
  const broken = await readDatasets([join(folder, "answers/val")], TASKS);
  assert.equal(broken.samples.length, 1);
  assert.match(broken.faults[0]!.message, /broken\.png/);
});
