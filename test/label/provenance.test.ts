import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../src/core/random.js";
import { TASKS } from "../../src/core/task.js";
import { makeExample, type Picture } from "../../src/data/augment.js";
import { humanLabels, type Label, type Sample, TEACHER_WEIGHT } from "../../src/data/dataset.js";
import { formatNative, parseNative } from "../../src/data/formats/native.js";
import { journalKey, journalLine, parseJournal } from "../../src/label/journal.js";
import { parsePartial } from "../../src/label/partial.js";
import { createEngine } from "../../src/wasm/load.js";
import { anySamples } from "../data/support.js";

const read = (text: string) => parseNative(text, "labels.jsonl", "/out/s", "s", TASKS);
const plain = { image: "i.jpg", width: 100, height: 80, split: "train", group: "g" };

test("whose label it is survives being written and read, for pictures in the folder and elsewhere", () => {
  const from = fc.dictionary(fc.constantFrom(...TASKS), fc.constantFrom("nanodet-plus", "nanodet-plus+yolox"), { minKeys: 1 });
  fc.assert(
    fc.property(fc.constantFrom("/out/s", "/data/s"), fc.array(fc.option(from, { nil: undefined }), { maxLength: 5 }), (folder, marks) => {
      for (const samples of fc.sample(anySamples(folder, "s"), { numRuns: 1, seed: marks.length })) {
        const marked = samples.map((sample, i): Sample => (marks[i] ? { ...sample, from: { ...marks[i] } } : sample));
        const { samples: back, faults } = read(formatNative(marked, "/out/s"));
        assert.deepEqual(faults, []);
        assert.deepEqual(JSON.parse(JSON.stringify(back)), JSON.parse(JSON.stringify(marked)));
      }
    }),
  );
});

test("a mark that is none is a fault", () => {
  for (const from of ["nanodet", { car: 1 }, { car: "" }, ["car"]]) {
    const { samples, faults } = read(JSON.stringify({ ...plain, labels: { car: [] }, from }));
    assert.equal(samples.length, 0);
    assert.match(faults[0]!.message, /^expected "from" to be an object with a teacher's name per task/);
  }
  assert.match(
    read(JSON.stringify({ ...plain, labels: {}, from: { tram: "n" } })).faults[0]!.message,
    /from: expected tasks .* got "tram"/,
  );
});

test("what people said is what is left without a teacher's labels and regions", () => {
  const text = JSON.stringify({
    ...plain,
    labels: { pedestrian: [[1, 2, 3, 4]], car: [[5, 6, 7, 8]], stopSign: true },
    ignore: { pedestrian: [[9, 9, 9, 9]], car: [[9, 9, 9, 9]] },
    from: { car: "nanodet-plus" },
  });
  const sample = read(text).samples[0]!;
  const human = humanLabels(sample);
  assert.deepEqual(human.labels, { pedestrian: [{ x: 1, y: 2, width: 3, height: 4 }], car: null, stopSign: true, trafficLight: null });
  assert.deepEqual([human.ignore.pedestrian!.length, human.ignore.car], [1, []]);
  assert.equal(human.from, undefined);
  assert.equal(sample.from?.car, "nanodet-plus", "the sample itself is left as it is");
  assert.equal(humanLabels(human), human);
});

test("a teacher's label weighs less than a person's in map and presence; in a mosaic the weightier counts", async () => {
  const engine = await createEngine();
  const frame = { data: new Uint8Array(4 * 64 * 64), width: 64, height: 64 };
  const picture = (car: Label, from?: Record<string, string>): Picture => ({
    frame,
    sample: {
      image: "x",
      width: 64,
      height: 64,
      split: "train",
      group: "g",
      set: "s",
      labels: { car, bus: [] },
      ignore: {},
      ...(from && { from }),
    },
  });
  const weights = (...pictures: Picture[]): number[][] => {
    const { mapWeight, presenceWeight } = makeExample(engine, pictures, ["car", "bus"], 64, 64, new Random(1), new Int8Array(3 * 64 * 64));
    return [mapWeight, presenceWeight];
  };
  const teacher = picture([], { car: "n" });
  const human = picture([]);
  assert.deepEqual(weights(teacher), [
    [TEACHER_WEIGHT, 1],
    [TEACHER_WEIGHT, 1],
  ]);
  assert.deepEqual(weights(human), [
    [1, 1],
    [1, 1],
  ]);
  assert.deepEqual(weights(teacher, teacher, teacher, teacher)[0], [TEACHER_WEIGHT, 1]);
  assert.deepEqual(weights(teacher, human, teacher, teacher)[0], [1, 1]);
  assert.deepEqual(weights(human, teacher, teacher, teacher)[0], [1, 1]);
});

test("a journal gives back what was put in, rounded; torn lines and those of other forms are skipped", () => {
  const entry = {
    image: "/a.jpg",
    teacher: "n 1",
    objects: [{ task: "car", score: 0.91249, box: { x: 1.04, y: 2, width: 3.06, height: 4 } }],
  };
  const rounded = [{ task: "car", score: 0.912, box: { x: 1, y: 2, width: 3.1, height: 4 } }];
  const line = journalLine(entry);
  const other = journalLine({ ...entry, image: "/b.jpg", objects: [] });
  const wrong = ["null", "7", '{"image":"/c.jpg"}', '{"image":"/c.jpg","teacher":"n 1","objects":[["car",0.5,1,2,3]]}'].join("\n");
  const seen = parseJournal(`${line}${wrong}\n${other}${line.replace("/a.jpg", "/d.jpg").slice(0, 40)}`);
  assert.deepEqual(
    [...seen],
    [
      [journalKey("/a.jpg", "n 1"), rounded],
      [journalKey("/b.jpg", "n 1"), []],
    ],
  );
});

test("partial boxes are read for the pictures that are there, and faults are reported with their line", () => {
  const [sample] = read(JSON.stringify({ ...plain, labels: {} })).samples;
  const into = new Map();
  const lines = [
    '{"image":"i.jpg","trafficLight_partial":[[1,2,3,4],[1,2,0,4]],"car_partial":7}',
    '{"image":"elsewhere.jpg","car_partial":[[1,2,3,4]]}',
    "{",
    '{"car_partial":[]}',
    '{"image":"i.jpg","trafficLight_partial":[[5,6,7,8]]}',
  ];
  const faults = parsePartial(lines.join("\n"), "partial_x.jsonl", "/out/s", TASKS, new Map([[sample!.image, sample!]]), into);
  assert.deepEqual(
    faults.map(({ line }) => line),
    [1, 1, 3, 4],
  );
  assert.deepEqual(
    [...into],
    [
      [
        "/out/s/i.jpg",
        {
          trafficLight: [
            { x: 1, y: 2, width: 3, height: 4 },
            { x: 5, y: 6, width: 7, height: 8 },
          ],
        },
      ],
    ],
  );
});
