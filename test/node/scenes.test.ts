import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runScenes } from "../../src/cli/scenes.js";
import { TASKS } from "../../src/core/task.js";
import { readDatasets } from "../../src/node/files.js";
import { readImage } from "../../src/node/image.js";
import { drawScene } from "../../src/scenes/scene.js";

let out: string;
before(async () => {
  out = await mkdtemp(join(tmpdir(), "fourway-scenes-"));
});
after(() => rm(out, { recursive: true }));

const options = () => ({ count: 8, out: join(out, "set"), seed: 4, width: 160, height: 120, valShare: 0.25 });

test("a set is written that the reader takes without a fault, with the scenes' own labels", async () => {
  const lines: string[] = [];
  await runScenes(options(), (line) => lines.push(line));
  const { samples, faults } = await readDatasets([join(out, "set")], TASKS);
  assert.deepEqual(faults, []);
  assert.equal(samples.length, 8);
  assert.equal(samples.filter((sample) => sample.split === "val").length, 2);
  assert.equal(new Set(samples.map((sample) => sample.group)).size, 8);
  for (const [index, sample] of samples.entries()) {
    const scene = drawScene(4, index, { width: 160, height: 120 });
    assert.deepEqual([sample.labels, sample.ignore], [scene.labels, scene.ignore]);
    const frame = await readImage(sample.image);
    const error =
      Uint8Array.from(frame.data).reduce((sum, value, i) => sum + Math.abs(value - scene.frame.data[i]!), 0) / frame.data.length;
    assert.ok(error < 12, `mean error ${error}`);
  }
  assert.match(lines.at(-1)!, /8 drawn now, 0 kept\), 6 train, 2 val/);
});

test("a second run keeps whole pictures, draws what is missing or half written, and writes the same labels", async () => {
  const folder = join(out, "set");
  const labels = await readFile(join(folder, "labels.jsonl"), "utf8");
  const [first, second, third] = labels.split("\n").map((line) => (line === "" ? "" : join(folder, JSON.parse(line).image as string)));
  const before = (await stat(first!)).mtimeMs;
  await rm(second!);
  await rm(third!);
  await writeFile(`${third}.part`, "half");
  await truncate(join(folder, "labels.jsonl"));
  const lines: string[] = [];
  await runScenes(options(), (line) => lines.push(line));
  assert.match(lines.at(-1)!, /2 drawn now, 6 kept/);
  assert.equal((await stat(first!)).mtimeMs, before);
  assert.equal(await readFile(join(folder, "labels.jsonl"), "utf8"), labels);
  await assert.rejects(stat(`${third}.part`));
  await readImage(second!);
});

test("bad numbers are refused before anything is written", async () => {
  const folder = join(out, "none");
  for (const wrong of [
    { count: 0 },
    { count: 1.5 },
    { count: 1e9 },
    { seed: -1 },
    { width: 10 },
    { height: 1e6 },
    { valShare: 2 },
    { valShare: Number.NaN },
    { out: "" },
  ])
    await assert.rejects(
      runScenes({ ...options(), out: folder, ...wrong }, () => {}),
      { code: "E_ARGUMENT" },
    );
  await assert.rejects(stat(folder));
});

test("labels that cannot be written are found before a scene is drawn", async () => {
  const taken = join(out, "taken");
  await mkdir(join(taken, "labels.jsonl"), { recursive: true });
  await assert.rejects(
    runScenes({ ...options(), out: taken }, () => {}),
    { code: "E_RUNTIME", message: /labels\.jsonl: expected a file that can be written, got a folder; choose/ },
  );
  assert.deepEqual(await readdir(join(taken, "images")), []);
});

test("a folder that cannot be written is an error", async () => {
  await writeFile(join(out, "file"), "");
  await assert.rejects(
    runScenes({ ...options(), out: join(out, "file") }, () => {}),
    { code: "E_DATA" },
  );
});
