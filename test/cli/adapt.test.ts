import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runScenes } from "../../src/cli/scenes.js";
import { smallFile } from "../learn/support.js";
import { fourway } from "./run.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-adapt-"));
after(() => rmSync(folder, { recursive: true }));
const scenes = join(folder, "scenes");
const model = join(folder, "model.onnx");
const teacher = fileURLToPath(new URL("../../../models/fourway-m.onnx", import.meta.url));
const adapt = (source: string, store: string, ...more: string[]) =>
  fourway(["learn", "--adapt", source, "--store", join(folder, store), "--model", model, "--teacher", teacher, ...more]);

before(async () => {
  await runScenes({ count: 14, out: scenes, seed: 3, width: 320, height: 192, valShare: 0.3 }, () => {});
  writeFileSync(model, smallFile());
});

test("a folder of frames without labels teaches; frames are counted, a broken one is skipped, the report shows what the network saw; again they are known", () => {
  const images = join(scenes, "images");
  const names = readdirSync(images);
  writeFileSync(join(images, "broken.png"), "none");
  const report = join(folder, "report.html");
  const json = join(folder, "figures.json");
  const first = adapt(images, "store", "--what", "thresholds", "--report", report, "--json", json);
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stderr, /^skipped: .*broken\.png/m);
  const [, added] =
    new RegExp(`^the teacher has looked at ${names.length} frames; (\\d+) of them are learned from$`, "m").exec(first.stderr) ?? [];
  assert.ok(Number(added) >= 4, first.stderr);
  assert.match(first.stderr, /^car: \d+ sure boxes, \d+ regions left open, \d+ of them because they never move$/m);
  assert.match(first.stdout, /^version 1 is in use$/m);
  const figures = JSON.parse(readFileSync(json, "utf8"));
  assert.deepEqual([figures.version, figures.looked, figures.added], [1, names.length, Number(added)]);
  const html = readFileSync(report, "utf8");
  assert.match(html, /labelled by a teacher/);
  assert.match(html, /<b>frame [0-9a-f]{8}, before<\/b>/);

  const second = fourway(["learn", "--adapt", images, "--store", join(folder, "store"), "--teacher", teacher, "--what", "thresholds"]);
  assert.equal(second.status, 0, second.stderr);
  assert.match(second.stderr, new RegExp(`looked at ${names.length} frames, ${names.length} more were known; 0 of them are learned from`));
});

test("a Y4M video is looked at; one without things to learn, a video that needs a decoder and labels beside it are told", () => {
  const video = join(folder, "grey.y4m");
  const picture = Buffer.concat([Buffer.from("FRAME\n"), Buffer.alloc(64 * 64, 90), Buffer.alloc(2 * 32 * 32, 128)]);
  writeFileSync(video, Buffer.concat([Buffer.from("YUV4MPEG2 W64 H64 F25:1\n"), picture, picture]));
  const grey = adapt(video, "grey");
  assert.equal(grey.status, 1);
  assert.match(grey.stderr, /expected something that the teacher is sure of in 4 frames or more, got too little in 1;/);

  const film = join(folder, "film.mp4");
  writeFileSync(film, "none");
  assert.match(
    adapt(film, "film").stderr,
    /expected a folder of pictures, a \.y4m file or - for stdin, got .*film\.mp4; .*ffmpeg -i VIDEO/,
  );
  const empty = join(folder, "empty");
  mkdirSync(empty);
  assert.match(adapt(empty, "film").stderr, /expected JPEG, PNG or WebP pictures in .*empty, got none/);
  assert.match(adapt(scenes, "film", "--data", scenes).stderr, /'--adapt <frames>' cannot be used with option '--data/);
  assert.match(fourway(["learn", "--store", join(folder, "film"), "--model", model]).stderr, /expected --data or --adapt, got neither/);
});
