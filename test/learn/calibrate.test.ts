import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../../src/data/dataset.js";
import type { Found } from "../../src/eval/averagePrecision.js";
import { chooseThresholds } from "../../src/eval/operatingPoints.js";
import { withPresence, withThresholds } from "../../src/learn/calibrate.js";
import { defaultInfo, type ModelInfo } from "../../src/model/model.js";
import { smallModel } from "./support.js";

const OLD = 0.3;

const own = smallModel().info;
/** Info with cars alone, whose thresholds are all `OLD`. */
const START: ModelInfo = {
  ...own,
  ...defaultInfo(["car"], own),
  thresholds: { precise: { car: OLD }, balanced: { car: OLD }, sensitive: { car: OLD } },
};

/** Frames with a car for each score in `right`, and a detection where none is for each in `wrong`. */
function frames(count: number, right: number[], wrong: number[]): { samples: Sample[]; found: Found[] } {
  const at = (i: number) => ({ x: 10 * i, y: 0, width: 10, height: 10 });
  const sample = {
    width: 100,
    height: 100,
    split: "train" as const,
    group: "a",
    set: "a",
    labels: { car: right.map((_, i) => at(i)) },
    ignore: {},
  };
  const objects = [
    ...right.map((score, i) => ({ task: "car", score, box: at(i) })),
    ...wrong.map((score, i) => ({ task: "car", score, box: { ...at(i), y: 50 } })),
  ];
  const all = Array.from({ length: count }, (_, i) => i);
  return { samples: all.map((i) => ({ ...sample, image: `${i}` })), found: all.map(() => ({ objects, presence: { car: 0.5 } })) };
}

const balanced = (count: number, right: number[], wrong: number[]): number => {
  const { samples, found } = frames(count, right, wrong);
  return withThresholds(START, "car", samples, found).thresholds.balanced.car!;
};

test("thresholds go between what is right and what is wrong, the further the more boxes were labelled", () => {
  const [right, wrong] = [
    [0.9, 0.92, 0.95],
    [0.5, 0.45, 0.4],
  ];
  const moved = [1, 4, 16, 64].map((count) => balanced(count, right, wrong));
  for (const [i, threshold] of moved.entries()) assert.ok(threshold > (moved[i - 1] ?? OLD), moved.join());
  assert.ok(moved[0]! < 0.5 && moved[3]! > 0.5 && moved[3]! < 0.9, moved.join());
});

test("one lucky gap between scores does not decide", () => {
  // the best F1 is that at .74, 4 of 4 and half of the cars, by a hair: three alarms happen to score just less
  const right = [0.9, 0.85, 0.8, 0.74, 0.5, 0.4, 0.35, 0.3];
  const wrong = [0.73, 0.72, 0.71, 0.6, 0.5, 0.45, 0.4, 0.35, 0.32];
  const { samples, found } = frames(40, right, wrong);
  assert.equal(chooseThresholds("car", samples, found)!.balanced, 0.74);
  const threshold = balanced(40, right, wrong);
  assert.ok(threshold < 0.5, `${threshold}`);
});

test("points stay in order, and other tasks and frames without a box change nothing", () => {
  const { samples, found } = frames(8, [0.9, 0.6, 0.3], [0.7, 0.5, 0.2, 0.1]);
  const { thresholds } = withThresholds(START, "car", samples, found);
  assert.ok(thresholds.precise.car! >= thresholds.balanced.car! && thresholds.balanced.car! >= thresholds.sensitive.car!);
  const none = frames(8, [], [0.9]);
  assert.deepEqual(withThresholds(START, "car", none.samples, none.found).thresholds, START.thresholds);
});

test("presence is calibrated in part on few frames, and stays where none is known", () => {
  const offset = (count: number): number => {
    const { samples, found } = frames(count, [0.9], []);
    return withPresence(START, "car", samples, found).presence.car!.offsets[0]!;
  };
  assert.ok(offset(1) > START.presence.car!.offsets[0]! && offset(4) > offset(1) && offset(8) > offset(4));
  const { samples, found } = frames(1, [0.9], []);
  const unknown = samples.map((sample) => ({ ...sample, labels: {} }));
  assert.deepEqual(withPresence(START, "car", unknown, found), START);
});

test("presence fitted to frames goes on from the bent calibration that a model has", () => {
  const bent = { sizes: [100, 200], scales: [1, 2], bends: [-0.5, 3], offsets: [0, 1] };
  const { samples, found } = frames(8, [0.9], []);
  const sure = found.map((each) => ({ ...each, presence: { car: 0.8 } }));
  const { scales, bends, offsets } = withPresence({ ...START, presence: { car: bent } }, "car", samples, sure).presence.car!;
  const scale = scales[0]!;
  assert.ok(Math.abs(scale - 1) > 0.01);
  const near = (values: number[] | undefined, wanted: number[]): void =>
    assert.ok(
      wanted.every((value, k) => Math.abs(values![k]! - value) < 1e-5),
      `${values} for ${wanted}`,
    );
  near(scales, [scale, 2 * scale]);
  near(bends, [-0.5 * scale, 3 * scale]);
  near(offsets, [offsets[0]!, offsets[0]! + scale]);
});
