import assert from "node:assert/strict";
import { test } from "node:test";
import { TASKS } from "../../src/core/task.js";
import type { Sample } from "../../src/data/dataset.js";
import { parseResults } from "../../src/eval/results.js";

const sample = (image: string, source: string): Sample => ({
  image,
  source,
  width: 100,
  height: 80,
  split: "val",
  group: image,
  set: "set",
  labels: { car: [] },
  ignore: {},
});
const SAMPLES = [
  sample("/data/a/images/1.jpg", "/data/a/labels.jsonl:7"),
  sample("/data/b/images/1.jpg", "/data/b/instances.json:42"),
  sample("/data/b/images/2.jpg", "/data/b/instances.json:7"),
];
const detection = (image_id: unknown, category_id: unknown, more: object = {}) => ({
  image_id,
  category_id,
  bbox: [1, 2, 30, 40],
  score: 0.5,
  ...more,
});
const parse = (list: unknown) => parseResults(JSON.stringify(list), "peer.json", SAMPLES, TASKS);
const found = (task: string) => ({ task, score: 0.5, box: { x: 1, y: 2, width: 30, height: 40 } });

test("detections find their picture by the id in its COCO file or by as much of its path as is unique", () => {
  assert.deepEqual(parse([detection(42, 3), detection("2.jpg", 1), detection("a/images/1.jpg", 13), detection(7, 10)]), [
    [found("stopSign")],
    [found("car")],
    [found("pedestrian"), found("trafficLight")],
  ]);
});

test("a category may be a task's name; other categories and other pictures are skipped", () => {
  assert.deepEqual(parse([detection(42, "car"), detection(42, 2), detection(42, "bus"), detection(999, 3)]), [[], [found("car")], []]);
});

test("anything but a list of detections is an error that says which", () => {
  const refused = (list: unknown, message: RegExp) => assert.throws(() => parse(list), { name: "FourwayError", code: "E_DATA", message });
  refused({ annotations: [] }, /peer\.json: expected a list of detections, got \{"annotations":\[\]\}/);
  refused([detection(42, 3), detection(42, 3, { score: null })], /\[1\]: expected a "bbox" of four numbers and a "score"/);
  refused([detection(42, 3, { bbox: [1, 2, 3] })], /\[0\]: expected a "bbox" of four numbers/);
  refused([null], /\[0\]: expected a "bbox"/);
  refused([detection("1.jpg", 3)], /expected the name of one picture, got "1\.jpg", which 2 have; put folders before it/);
  refused([detection(999, 3)], /expected detections of the pictures in --data, got none of 1/);
  assert.throws(() => parseResults("[", "peer.json", SAMPLES, TASKS), { code: "E_DATA", message: /peer\.json: expected JSON, got/ });
});
