import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TASKS } from "../../../src/core/task.js";
import { formatNative, parseNative } from "../../../src/data/formats/native.js";
import { anySamples } from "../support.js";

const line = (fields: Record<string, unknown>) =>
  JSON.stringify({ image: "images/1.jpg", width: 100, height: 80, split: "train", group: "g", labels: {}, ...fields });
const parse = (...lines: string[]) => parseNative(lines.join("\n"), "set/labels.jsonl", "set", "set", TASKS);

test("the four states of a label, and the ignored regions, are read as such", () => {
  const { samples, faults } = parse(
    line({ labels: { pedestrian: [[10, 20, 30, 40]], car: [], stopSign: true, trafficLight: null }, ignore: { car: [[1, 2, 3, 4]] } }),
  );
  assert.deepEqual(faults, []);
  assert.deepEqual(samples, [
    {
      image: "set/images/1.jpg",
      width: 100,
      height: 80,
      split: "train",
      group: "g",
      set: "set",
      labels: { pedestrian: [{ x: 10, y: 20, width: 30, height: 40 }], car: [], stopSign: true, trafficLight: null },
      ignore: { pedestrian: [], car: [{ x: 1, y: 2, width: 3, height: 4 }], stopSign: [], trafficLight: [] },
    },
  ]);
});

test("a task that is left out is null, not absent", () => {
  assert.deepEqual(parse(line({ labels: { car: [] } })).samples[0]!.labels, {
    pedestrian: null,
    car: [],
    stopSign: null,
    trafficLight: null,
  });
});

test("a known task that was not requested is skipped, any other name is a fault", () => {
  const text = line({ labels: { car: [], pedestrian: true, tram: [] } });
  const { samples, faults } = parseNative(text, "f", "", "s", ["car", "bicycle"]);
  assert.deepEqual(samples[0]!.labels, { car: [], bicycle: null });
  assert.equal(faults.length, 1);
  assert.match(faults[0]!.message, /car, bicycle, got "tram"/);
});

test("each bad line is reported with its number and does not affect the others", () => {
  const lines: [string, RegExp][] = [
    ["{", /expected a JSON object/],
    ["[1]", /expected a JSON object, got \[1\]/],
    [JSON.stringify({ image: "a.jpg", width: 1 }), /"height", "split", "group", "labels"/],
    [line({ width: 0 }), /whole, positive/],
    [line({ width: 1e6, height: 1e6 }), /at most 100000000 pixels/],
    [line({ width: "100" }), /whole, positive/],
    [line({ split: "a b" }), /such as "train", "val" or "test", .* got "a b"$/],
    [line({ group: 7 }), /"group"/],
    [line({ labels: [] }), /"labels"/],
    [line({ ignore: [] }), /"ignore"/],
    [line({ image: 3 }), /"image"/],
  ];
  const { samples, faults } = parse(line({ image: "first.jpg" }), ...lines.map(([text]) => text), "", line({ image: "last.jpg" }));
  assert.deepEqual(
    samples.map((sample) => sample.image),
    ["set/first.jpg", "set/last.jpg"],
  );
  assert.deepEqual(
    faults.map((fault) => fault.line),
    lines.map((_, index) => index + 2),
  );
  for (const [index, [, message]] of lines.entries()) assert.match(faults[index]!.message, message);
});

test("a bad box is left out and reported; its part in the picture is ignored", () => {
  const { samples, faults } = parse(
    line({
      labels: {
        car: [
          [90, 10, 20, 10],
          [10, 10, 0, 5],
          [1, 2, 3],
          [1, 1, "2", 2],
          [200, 200, 5, 5],
          [20, 20, 10, 10],
        ],
      },
    }),
  );
  assert.deepEqual(samples[0]!.labels.car, [{ x: 20, y: 20, width: 10, height: 10 }]);
  assert.deepEqual(samples[0]!.ignore.car, [{ x: 90, y: 10, width: 10, height: 10 }]);
  assert.equal(faults.length, 5);
  assert.ok(faults.every((fault) => fault.line === 1 && fault.file === "set/labels.jsonl"));
  assert.match(faults[0]!.message, /car box 1: expected a box within the 100 x 80 picture/);
});

test("a list of which no box is good says nothing, rather than that nothing is there", () => {
  assert.equal(parse(line({ labels: { car: [[10, 10, 0, 5]] } })).samples[0]!.labels.car, null);
});

test("a box that is at most a pixel outside is clipped and is no fault", () => {
  const { samples, faults } = parse(line({ labels: { car: [[-0.5, 70, 20.5, 11]] } }));
  assert.deepEqual(faults, []);
  assert.deepEqual(samples[0]!.labels.car, [{ x: 0, y: 70, width: 20, height: 10 }]);
  assert.equal(parse(line({ labels: { car: [[-1.01, 70, 20, 5]] } })).faults.length, 1);
});

test("a label of a wrong kind is a fault and null", () => {
  const { samples, faults } = parse(line({ labels: { car: false, stopSign: 1 } }));
  assert.deepEqual([samples[0]!.labels.car, samples[0]!.labels.stopSign, faults.length], [null, null, 2]);
});

test("an image that comes twice is a fault on its second line", () => {
  const { samples, faults } = parse(line({}), line({}));
  assert.equal(samples.length, 1);
  assert.deepEqual([faults[0]!.line, /first on line 1/.test(faults[0]!.message)], [2, true]);
});

test("a byte order mark and Windows line ends are taken", () => {
  const { samples, faults } = parseNative(`\uFEFF${line({})}\r\n${line({ image: "b.jpg" })}\r\n`, "f", "", "s", TASKS);
  assert.deepEqual([samples.length, faults.length], [2, 0]);
});

test("what is written is read back the same", () => {
  fc.assert(
    fc.property(anySamples("data/set", "set"), (samples) => {
      const { samples: again, faults } = parseNative(formatNative(samples, "data/set"), "f", "data/set", "set", TASKS);
      assert.deepEqual(faults, []);
      assert.deepEqual(again, samples);
    }),
    { seed: 1, numRuns: 60 },
  );
});

test("no text makes the reader throw", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((json) => line({ labels: JSON.parse(json), ignore: { car: JSON.parse(json) } })),
      ),
      (text) => {
        parseNative(text, "f", "", "s", TASKS);
      },
    ),
    { seed: 2, numRuns: 300 },
  );
});

test("a line that is longer than any picture needs is a fault, before it is parsed", () => {
  const boxes = Array.from({ length: 100_000 }, () => [10, 20, 30, 40]);
  const { samples, faults } = parse(line({ labels: { car: boxes } }), line({ image: "next.jpg" }));
  assert.deepEqual([samples.length, faults.length], [1, 1]);
  assert.match(faults[0]!.message, /at most 1048576 characters, got \d+/);
});

test("boxes in fractions of the picture are faults and leave the task unknown", () => {
  const { samples, faults } = parse(line({ labels: { car: [[0.1, 0.15, 0.4, 0.5]], pedestrian: [[0.9, 0.5, 0.3, 0.4]] } }));
  assert.deepEqual([samples[0]!.labels.car, samples[0]!.labels.pedestrian], [null, null]);
  for (const { message } of faults) assert.match(message, /in pixels, at least 1 x 1/);
  assert.equal(faults.length, 2);
});

test("a split may have any name", () => {
  assert.deepEqual(
    parse(line({ split: "holdout" })).samples.map(({ split }) => split),
    ["holdout"],
  );
});
