import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TASKS } from "../../../src/core/task.js";
import { taskOfCategory } from "../../../src/core/vocabulary.js";
import { type CocoOptions, formatCoco, parseCoco } from "../../../src/data/formats/coco.js";
import { anySamples } from "../support.js";

const CATEGORIES = [
  { id: 1, name: "person" },
  { id: 3, name: "car" },
  { id: 10, name: "traffic light" },
  { id: 99, name: "zebra" },
];
const image = (id: number, more: object = {}) => ({ id, file_name: `${id}.jpg`, width: 100, height: 80, ...more });
const box = (id: number, image_id: number, category_id: number, more: object = {}) => ({
  id,
  image_id,
  category_id,
  bbox: [10, 10, 20, 20],
  ...more,
});
const read = (root: object, options?: CocoOptions, file = "instances.json") =>
  parseCoco(JSON.stringify({ categories: CATEGORIES, images: [image(1)], annotations: [], ...root }), file, "pics", "set", TASKS, options);
const BOX = { x: 10, y: 10, width: 20, height: 20 };

test("a category of the file is exhaustive, a task without one is null, other categories are skipped", () => {
  const { samples, faults } = read({ annotations: [box(1, 1, 1), box(2, 1, 99)] });
  assert.deepEqual(faults, []);
  assert.deepEqual(samples[0]!.labels, { pedestrian: [BOX], car: [], stopSign: null, trafficLight: [] });
  assert.equal(samples[0]!.image, "pics/1.jpg");
});

test("names of categories find their task in every spelling", () => {
  const names = {
    person: "pedestrian",
    Pedestrian: "pedestrian",
    car: "car",
    "stop sign": "stopSign",
    stopSign: "stopSign",
    "Traffic-Light": "trafficLight",
    traffic_light: "trafficLight",
  };
  for (const [name, task] of Object.entries(names)) assert.equal(taskOfCategory(name, TASKS), task, name);
  for (const name of ["truck", "cart", "constructor", ""]) assert.equal(taskOfCategory(name, TASKS), null, name);
  assert.equal(taskOfCategory("Dog House", ["dogHouse"]), "dogHouse");
  assert.equal(taskOfCategory("person", ["car"]), null);
});

test("a crowd is an ignored region and no box", () => {
  const { samples } = read({ annotations: [box(1, 1, 1, { iscrowd: 1 }), box(2, 1, 3, { iscrowd: 0 })] });
  assert.deepEqual([samples[0]!.labels.pedestrian, samples[0]!.ignore.pedestrian], [[], [BOX]]);
  assert.deepEqual([samples[0]!.labels.car, samples[0]!.ignore.car], [[BOX], []]);
});

test("the labelled option leaves only its tasks exhaustive", () => {
  const { samples } = read({ annotations: [box(1, 1, 1), box(2, 1, 3)] }, { labelled: ["car", "stopSign"] });
  assert.deepEqual(samples[0]!.labels, { pedestrian: null, car: [BOX], stopSign: null, trafficLight: null });
  assert.throws(() => read({}, { labelled: ["tram"] }), { code: "E_ARGUMENT" });
});

test("LVIS's lists tell absent, present and unknown apart, picture by picture", () => {
  const lists = (neg: number[], not: number[]) => ({ neg_category_ids: neg, not_exhaustive_category_ids: not });
  const { samples } = read({
    images: [image(1, lists([1], [3])), image(2, lists([10], [1, 3])), image(3)],
    annotations: [box(1, 1, 3), box(2, 2, 1), box(3, 2, 99), box(4, 1, 10)],
  });
  assert.deepEqual(samples[0]!.labels, { pedestrian: [], car: true, stopSign: null, trafficLight: [BOX] });
  assert.deepEqual(samples[1]!.labels, { pedestrian: true, car: null, stopSign: null, trafficLight: [] });
  assert.deepEqual(samples[2]!.labels, { pedestrian: [], car: [], stopSign: null, trafficLight: [] });
});

test("faults carry the id of the annotation or image, and the rest is read", () => {
  const { samples, faults } = read({
    images: [image(1), image(2, { width: -1 }), image(1), { id: 5 }],
    annotations: [
      box(11, 1, 1),
      box(12, 1, 1, { bbox: [90, 10, 20, 5] }),
      box(13, 1, 1, { bbox: [5, 5, 0, 5] }),
      box(14, 1, 77),
      box(15, 8, 1),
      box(16, 1, 1, { bbox: undefined }),
      box(17, 2, 1), // of a picture that was reported already
    ],
  });
  assert.equal(samples.length, 1);
  assert.deepEqual(samples[0]!.labels.pedestrian, [BOX]);
  // of what could not be read, the part that lies in the picture teaches nothing: of annotation 14 that of any category
  assert.deepEqual(samples[0]!.ignore.pedestrian, [{ x: 90, y: 10, width: 10, height: 5 }, BOX]);
  assert.deepEqual([samples[0]!.labels.car, samples[0]!.ignore.car], [null, [BOX]]);
  assert.deepEqual(
    faults.map((fault) => fault.line),
    [2, 1, 5, 12, 13, 14, 15, 16],
  );
  assert.match(faults[3]!.message, /annotation 12: expected a box within/);
});

test("broken JSON is reported with its line, a file that is not a COCO file with what it lacks", () => {
  const { faults } = parseCoco('{\n"images": [],\n oops }', "f.json", "", "s", TASKS);
  assert.deepEqual([faults.length, faults[0]!.line], [1, 3]);
  assert.match(parseCoco('{"images":[]}', "f.json", "", "s", TASKS).faults[0]!.message, /"annotations", "categories"/);
  assert.equal(parseCoco("null", "f.json", "", "s", TASKS).faults.length, 1);
});

test("the split is the caller's, else the picture's, else that of the file's name", () => {
  const root = { images: [image(1), image(2, { split: "val" })] };
  const splits = (options: CocoOptions, file: string) => read(root, options, file).samples.map((sample) => sample.split);
  assert.deepEqual(splits({}, "coco/instances_train2017.json"), ["train", "val"]);
  assert.deepEqual(splits({}, "coco/instances_val2017.json"), ["val", "val"]);
  assert.deepEqual(splits({}, "coco/instances_test.json"), ["test", "val"]);
  assert.deepEqual(splits({}, "tester/validator/instances.json"), ["train", "val"]);
  const ofFolder = (folder: string, file: string) =>
    parseCoco(JSON.stringify({ categories: [], images: [image(1)], annotations: [] }), file, "", folder, TASKS).samples[0]!.split;
  assert.equal(ofFolder("test", "instances_train.json"), "train");
  assert.equal(ofFolder("valid", "_annotations.coco.json"), "val");
  for (const folder of ["train_val", "my-test-data", "val-2"]) assert.equal(ofFolder(folder, "instances.json"), "train", folder);
  assert.deepEqual(splits({ split: "train" }, "instances_val2017.json"), ["train", "train"]);
});

test("a split that cannot be one is a fault and its picture is left out, unless the caller names the split of all", () => {
  const root = { images: [image(1, { split: "-x" }), image(2, { split: 3 }), image(3, { split: null })], annotations: [box(7, 1, 1)] };
  const { samples, faults } = read(root);
  assert.deepEqual(
    samples.map(({ image: name, split }) => [name, split]),
    [["pics/3.jpg", "train"]],
  );
  assert.deepEqual(
    faults.map(({ line, message }) => [line, message.split(",")[0]]),
    [
      [1, 'image 1: expected "split" to be a name such as "train"'],
      [2, 'image 2: expected "split" to be a name such as "train"'],
    ],
  );
  assert.deepEqual(read(root, { split: "val" }).faults, []);
  assert.throws(() => read(root, { split: "-val" }), {
    code: "E_ARGUMENT",
    message: /^options: expected "split" to be a name .* got "-val"/,
  });
});

test("augmented copies of one picture share a group", () => {
  const names = ["street_jpg.rf.0a1b.jpg", "street_jpg.rf.2c3d.jpg", "other.jpg"];
  const groups = read({ images: names.map((file_name, id) => image(id, { file_name })) }).samples.map((sample) => sample.group);
  assert.equal(groups[0], groups[1]);
  assert.notEqual(groups[0], groups[2]);
});

test("what is written is read back the same, all four states and the ignored regions", () => {
  fc.assert(
    fc.property(anySamples("set", "set"), (samples) => {
      const { samples: again, faults } = parseCoco(formatCoco(samples, TASKS, "set"), "f.json", "set", "set", TASKS);
      assert.deepEqual(faults, []);
      assert.deepEqual(again, samples);
    }),
    { seed: 3, numRuns: 60 },
  );
});

test("no text makes the reader throw", () => {
  const part = fc.oneof(
    fc.array(
      fc.oneof(
        fc.jsonValue(),
        fc.record({ id: fc.jsonValue(), bbox: fc.jsonValue(), image_id: fc.constant(1), category_id: fc.constantFrom(1, 3, 5) }),
      ),
    ),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(fc.record({ images: part, annotations: part, categories: part }, { requiredKeys: [] }), (root) => {
      read(root);
    }),
    { seed: 4, numRuns: 200 },
  );
});

test("ids that differ in type alone are the same", () => {
  const expected = read({ annotations: [box(1, 1, 1), box(2, 1, 3)] }).samples;
  const categories = CATEGORIES.map((category) => ({ ...category, id: String(category.id) }));
  const mixed: object[] = [
    { images: [image(1, { id: "1" })], annotations: [box(1, 1, 1), box(2, 1, 3)] },
    { annotations: [box(1, 1, 1, { image_id: "1" }), box(2, 1, 3, { category_id: "3" })] },
    { categories, annotations: [box(1, 1, 1), box(2, 1, 3)] },
  ];
  for (const root of mixed) {
    const { samples, faults } = read(root);
    assert.deepEqual(faults, []);
    assert.deepEqual(samples, expected);
  }
});

test("where annotations cannot be placed, nothing is taken for absent", () => {
  const labels = (annotations: object[]) => read({ images: [image(1), image(2)], annotations }).samples.map(({ labels }) => labels);
  const { image_id: _, ...homeless } = box(1, 1, 1);
  assert.deepEqual(
    labels([homeless, box(2, 1, 1), box(3, 1, 3)]).map(({ pedestrian, car }) => [pedestrian, car]),
    [
      [true, [BOX]],
      [null, []],
    ],
  );
  assert.deepEqual(
    labels([box(1, 7, 1), box(2, 8, 3)]).map(({ pedestrian, car, trafficLight }) => [pedestrian, car, trafficLight]),
    [
      [null, null, null],
      [null, null, null],
    ],
  );
});

test("iscrowd and ignore may be booleans; another value makes its box one that teaches nothing", () => {
  const regions = (more: object) => {
    const { samples, faults } = read({ annotations: [box(1, 1, 3, more)] });
    return [samples[0]!.labels.car, samples[0]!.ignore.car, faults.length];
  };
  assert.deepEqual(regions({ iscrowd: true }), [[], [BOX], 0]);
  assert.deepEqual(regions({ ignore: true }), [[], [BOX], 0]);
  assert.deepEqual(regions({ iscrowd: false, ignore: 0 }), [[BOX], [], 0]);
  assert.deepEqual(regions({ iscrowd: "yes" }), [null, [BOX], 1]);
});

test("a category that only heads others labels nothing; skipped categories are named", () => {
  const { samples, skipped } = read({
    categories: [
      { id: 0, name: "traffic-light", supercategory: "none" },
      { id: 1, name: "red", supercategory: "traffic-light" },
      { id: 2, name: "green", supercategory: "traffic-light" },
    ],
    annotations: [box(1, 1, 1)],
  });
  assert.equal(samples[0]!.labels.trafficLight, null);
  assert.deepEqual(skipped, [{ file: "instances.json", categories: ["red", "green"] }]);
});

test("LVIS v1: pictures are named by their address, names are explained in brackets", () => {
  const { samples, faults } = read({
    images: [{ id: 1, width: 100, height: 80, coco_url: "http://images.example.org/val2017/000000397133.jpg" }],
    categories: [{ id: 1, name: "car_(automobile)" }],
    annotations: [box(1, 1, 1)],
  });
  assert.deepEqual(faults, []);
  assert.equal(samples[0]!.image, "pics/val2017/000000397133.jpg");
  assert.deepEqual(samples[0]!.labels.car, [BOX]);
});

test("a class that has the name of its heading keeps its boxes", () => {
  const { samples } = read({
    categories: [
      { id: 0, name: "car", supercategory: "none" },
      { id: 1, name: "car", supercategory: "car" },
      { id: 2, name: "truck", supercategory: "car" },
    ],
    annotations: [box(1, 1, 1)],
  });
  assert.deepEqual(samples[0]!.labels.car, [BOX]);
});
