import assert from "node:assert/strict";
import { test } from "node:test";
import { letterboxed } from "../../src/image/letterbox.js";
import {
  decodeSample,
  encodeSample,
  type FrameLabels,
  type FramePoints,
  type LearnSample,
  labelsInInput,
  truthOf,
  without,
} from "../../src/learn/sample.js";
import { boxHead } from "../../src/model/head.js";

const FRAME = { width: 400, height: 200 };
const PLACED = letterboxed(FRAME, { width: 200, height: 160 }); // half the size, 30 rows of bar above
const TASKS = ["car", "pedestrian", "stopSign"];
const place = (labels: FrameLabels, ignore = {}) => labelsInInput(FRAME, PLACED, { labels, ignore }, { tasks: TASKS, layout: boxHead(0) });
const sample = (labels: FrameLabels): LearnSample => ({
  id: "1",
  width: 200,
  height: 160,
  ...place(labels),
  held: [],
  asked: [],
});

test("the four states of a label reach the loss: boxes, absent, present, unknown", () => {
  const truth = truthOf(sample({ car: [{ x: 100, y: 20, width: 40, height: 60 }], pedestrian: [], stopSign: true }), [...TASKS, "other"]);
  assert.deepEqual(truth.boxes, [0, 50, 40, 70, 70]);
  assert.deepEqual(truth.mapWeight, [1, 1, 0, 0]);
  assert.deepEqual(truth.presence, [1, 0, 1, 0]);
  assert.deepEqual(truth.presenceWeight, [1, 1, 1, 0]);
});

test("of a tap only the tapped box is learned, and of a wrong box only that nothing is there", () => {
  const yes = sample({ car: { yes: [{ x: 100, y: 20, width: 40, height: 60 }] } });
  assert.deepEqual(yes.labels.car, [{ x: 50, y: 40, width: 20, height: 30 }]);
  assert.deepEqual(yes.ignore.car, [{ x: 0, y: 30, width: 200, height: 100 }]);
  const no = truthOf(sample({ car: { no: [{ x: 100, y: 20, width: 40, height: 60 }] } }), ["car"]);
  assert.deepEqual(no.boxes, []);
  assert.equal(no.mapWeight[0], 1);
  assert.equal(no.presenceWeight[0], 0, "a car may be elsewhere");
  const inside = (x: number, y: number): boolean => {
    for (let i = 0; i < no.ignored.length; i += 5) {
      const [, x0, y0, x1, y1] = no.ignored.slice(i, i + 5) as [number, number, number, number, number];
      if (x > x0 && x < x1 && y > y0 && y < y1) return true;
    }
    return false;
  };
  assert.equal(inside(60, 55), false);
  for (const [x, y] of [
    [20, 55],
    [60, 35],
    [60, 75],
    [120, 55],
  ])
    assert.ok(inside(x!, y!), `${x}, ${y}`);
});

test("a rectangle without others is what is left of its area", () => {
  const whole = { x: 0, y: 0, width: 10, height: 8 };
  const holes = [
    { x: 2, y: 2, width: 4, height: 4 },
    { x: 4, y: 4, width: 10, height: 2 },
  ];
  const area = without(whole, holes).reduce((sum, { width, height }) => sum + width * height, 0);
  assert.equal(area, 80 - 16 - 12 + 4);
  assert.deepEqual(without(whole, []), [whole]);
  assert.deepEqual(without(whole, [whole]), []);
});

test("what is too small for the input is ignored, not learned as absent", () => {
  const { labels, ignore } = place({ car: [{ x: 10, y: 10, width: 3, height: 40 }] });
  assert.deepEqual(labels.car, []);
  assert.equal(ignore.car!.length, 1);
  assert.equal(truthOf(sample({ car: [{ x: 10, y: 10, width: 3, height: 40 }] }), ["car"]).presenceWeight[0], 0);
});

test("labels that cannot be used are told", () => {
  assert.throws(() => place({ tram: [] }), {
    code: "E_ARGUMENT",
    message: /expected labels of car, pedestrian, stopSign, got one of "tram"/,
  });
  assert.throws(() => place({ car: [{ x: 500, y: 0, width: 5, height: 5 }] }), { code: "E_ARGUMENT", message: /within 400 x 200 for car/ });
  assert.throws(() => place({ car: [{ x: 5, y: 0, width: Number.NaN, height: 5 }] }), { code: "E_ARGUMENT" });
  assert.throws(() => place({ car: {} }), { code: "E_ARGUMENT", message: /expected a box in yes or no for car/ });
  assert.throws(() => place({ car: "yes" as never }), { code: "E_ARGUMENT", message: /expected a list of boxes/ });
  assert.throws(() => place({}, { tram: [] }), { code: "E_ARGUMENT" });
});

test("points reach the loss in the input's pixels, of a box, or of something without a box; what does not fit is told", () => {
  const layout = boxHead(0, [1, 0]);
  const mark = (labels: FrameLabels, points: FramePoints, head = layout) =>
    labelsInInput(FRAME, PLACED, { labels, ignore: {}, points }, { tasks: TASKS, layout: head });
  const boxes = [
    { x: 100, y: 20, width: 40, height: 60 },
    { x: 0, y: 0, width: 3, height: 3 },
    { x: 200, y: 20, width: 40, height: 60 },
  ];
  const placed = mark({ car: boxes, stopSign: true }, { car: [[110, 20, 130, 20], [1, 1, 2, 2], null], stopSign: [[200, 100, 240, 100]] });
  assert.deepEqual(placed.points, { car: [[55, 40, 65, 40], null], stopSign: [[100, 80, 120, 80]] }, "the second box is too small");
  const truth = truthOf({ ...sample({}), ...placed }, TASKS);
  assert.deepEqual(
    truth.boxes,
    [
      [0, 50, 40, 70, 70],
      [0, 100, 40, 120, 70],
      [2, 90, 60, 130, 100],
    ].flat(),
  );
  assert.deepEqual(truth.points, [[55, 40, 65, 40], null, [100, 80, 120, 80]]);
  assert.deepEqual(truth.mapWeight, [1, 0, 0]);
  const [box] = boxes;
  for (const [labels, points, message] of [
    [{ car: [box!] }, { car: [] }, /expected points for car as 1 lists of 2 times x and y/],
    [{ car: [box!] }, { car: [[1, 2, 3]] }, /expected points for car/],
    [{ car: [box!] }, { car: [[1, 2, 3, Number.NaN]] }, /expected points for car/],
    [{}, { car: [[1, 2, 3, 4]] }, /expected a label of car beside its points/],
    [{}, { tram: [] }, /got one of "tram"/],
  ] as [FrameLabels, FramePoints, RegExp][])
    assert.throws(() => mark(labels, points), { code: "E_ARGUMENT", message });
  assert.throws(() => mark({ car: [box!] }, { car: [[1, 2, 3, 4]] }, boxHead(0)), { code: "E_ARGUMENT", message: /heads give none/ });
});

test("a frame held back of a task measures that task and teaches the others; labels in question do neither", () => {
  const held = { ...sample({ car: [], pedestrian: [], stopSign: [] }), held: ["car"], asked: ["stopSign"] };
  assert.deepEqual(truthOf(held, TASKS).mapWeight, [0, 1, 0]);
  assert.deepEqual(truthOf(held, TASKS, true).mapWeight, [1, 0, 0]);
});

test("a sample goes into a store and comes out again; other bytes are refused", () => {
  const head = { ...sample({ car: true }), width: 4, height: 2 };
  const pixels = Int8Array.from({ length: 24 }, (_, i) => i - 12);
  assert.deepEqual(decodeSample(encodeSample(head, pixels), "x"), { head, pixels });
  assert.throws(() => decodeSample(encodeSample(head, pixels).subarray(0, 60), "frames/1"), { code: "E_DATA", message: /frames\/1/ });
  assert.throws(() => decodeSample(new Uint8Array(3), "frames/1"), { code: "E_DATA" });
});
