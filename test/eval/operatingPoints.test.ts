import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../../src/data/dataset.js";
import type { Found } from "../../src/eval/averagePrecision.js";
import { chooseThresholds, scoresAt } from "../../src/eval/operatingPoints.js";

const SIDE = 100;

/** A picture with cars in a row, `boxes` of them, of which `right` scores find one each; `wrong` scores find nothing that is there. */
function picture(set: string, boxes: number, right: number[], wrong: number[], side = 10): [Sample, Found] {
  const at = (i: number) => ({ x: side * i, y: 0, width: side, height: side });
  const sample: Sample = {
    image: set,
    width: SIDE,
    height: SIDE,
    split: "val",
    group: set,
    set,
    labels: { car: Array.from({ length: boxes }, (_, i) => at(i)) },
    ignore: {},
  };
  const objects = [
    ...right.map((score, i) => ({ task: "car", score, box: at(i) })),
    ...wrong.map((score, i) => ({ task: "car", score, box: { ...at(i), y: 50 } })),
  ];
  return [sample, { objects, presence: { car: 0.5 } }];
}

const choose = (...pictures: [Sample, Found][]) =>
  chooseThresholds(
    "car",
    pictures.map(([sample]) => sample),
    pictures.map(([, found]) => found),
  );

test("balanced has the best F1, precise keeps a precision of .9, sensitive goes down to one of .5", () => {
  // by falling score, of 10 boxes: precision 1 to .9, F1 10/20; then .8 (1 wrong: 5/6), 7 of 10 right (F1 14/20) at .5, 8 of 16 at .25, 9 of 19 at .2
  const right = [0.95, 0.94, 0.93, 0.92, 0.9, 0.6, 0.5, 0.3, 0.2];
  const wrong = [0.8, 0.7, 0.55, 0.45, 0.44, 0.43, 0.35, 0.25, 0.24, 0.23];
  assert.deepEqual(choose(picture("one", 10, right, wrong)), { precise: 0.9, balanced: 0.5, sensitive: 0.25 });
});

test("where a precision of .9 leaves less than a third of the recall, the highest precision that leaves it counts", () => {
  // 1 of 1 at .9 has a recall of .1, the best F1 (at .4: 6 of 10) one of .6; a third of that is reached with 2 of 3, at .7, then 3 of 6
  const right = [0.9, 0.7, 0.5, 0.4, 0.4, 0.4];
  const wrong = [0.8, 0.6, 0.6, 0.45, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3];
  const chosen = choose(picture("one", 10, right, wrong))!;
  assert.equal(chosen.balanced, 0.4);
  assert.equal(chosen.precise, 0.7);
});

test("points keep their order where the best F1 is as precise as can be", () => {
  assert.deepEqual(choose(picture("one", 2, [0.9, 0.8], [0.1])), { precise: 0.8, balanced: 0.8, sensitive: 0.1 });
  // never a precision of .5: sensitive is no stricter than balanced
  assert.deepEqual(choose(picture("one", 1, [0.2], [0.9, 0.8, 0.7])), { precise: 0.2, balanced: 0.2, sensitive: 0.2 });
});

test("hard negatives count with their share: alarms in every picture of a small set move the precise threshold, not the balanced one", () => {
  const plain = ["a", "b", "c"].map((set) => picture(set, 9, [0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.5, 0.5], []));
  const statues = Array.from({ length: 3 }, () => picture("statues", 0, [], [0.8, 0.7]));
  assert.deepEqual(choose(...plain), { precise: 0.5, balanced: 0.5, sensitive: 0.5 });
  // at .5 27 of 33 are right, at .9 18 of 18
  assert.deepEqual(choose(...plain, ...statues), { precise: 0.9, balanced: 0.5, sensitive: 0.5 });
});

test("nothing found, and nothing labelled, give no thresholds", () => {
  assert.equal(choose(picture("one", 2, [], [0.9])), null);
  assert.equal(choose(), null);
});

test("a threshold's figures count boxes and detections by the object's share of the picture", () => {
  // boxes of 10 x 10 are 1 % of the picture, of 40 x 40 16 %, of 2 x 2 .04 %
  const pictures = [picture("small", 3, [0.9, 0.4], [0.8]), picture("large", 2, [0.6, 0.2], [0.1], 40), picture("tiny", 1, [], [0.3], 2)];
  const [samples, found] = [pictures.map(([sample]) => sample), pictures.map(([, answer]) => answer)];
  const { all, sizes } = scoresAt("car", samples, found, 0.5);
  // 2 of 6 boxes, 3 detections
  assert.deepEqual([all!.precision, all!.recall], [2 / 3, 1 / 3]);
  assert.ok(Math.abs(all!.f1 - 4 / 9) < 1e-12);
  assert.deepEqual(
    sizes.map(({ from, boxes }) => [from, boxes]),
    [
      [0, 1],
      [0.001, 0],
      [0.01, 3],
      [0.1, 2],
    ],
  );
  const [tiny, none, small, large] = sizes;
  assert.deepEqual([tiny!.at!.f1, tiny!.bestF1, none!.at, none!.bestF1], [0, 0, null, null]);
  assert.deepEqual([small!.at!.precision, small!.at!.recall], [0.5, 1 / 3]);
  assert.ok(Math.abs(small!.bestF1! - 4 / 6) < 1e-12); // at .4: 2 of 3 boxes, 3 detections
  assert.deepEqual([large!.at!.precision, large!.at!.recall, large!.bestF1], [1, 0.5, 1]);
  // small: precision 1 at the recalls 0 to .33, 2 of 3 at .34 to .66, of 101
  assert.deepEqual([tiny!.ap50, none!.ap50, large!.ap50], [0, null, 1]);
  assert.deepEqual([tiny!.medianIou, none!.medianIou, small!.medianIou], [null, null, 1]);
  assert.ok(Math.abs(small!.ap50! - (34 + 33 * (2 / 3)) / 101) < 1e-12);
});

test("the median overlap is that of the boxes found at any score, of their own size", () => {
  const truths = [0, 20, 40, 60].map((x) => ({ x, y: 0, width: 10, height: 10 }));
  const widths = [5, 6, 8]; // IoU .5, .6, .8; the fourth is not found
  const found = widths.map((width, i) => ({ task: "car", score: 0.1, box: { ...truths[i]!, width } }));
  const [[sample]] = [picture("one", 0, [], [])];
  const { sizes } = scoresAt("car", [{ ...sample, labels: { car: truths } }], [{ objects: found, presence: { car: 1 } }], 0.5);
  assert.deepEqual(
    sizes.map(({ medianIou }) => medianIou),
    [null, null, 0.6, null],
  );
});
