import assert from "node:assert/strict";
import { test } from "node:test";
import type { Box } from "../../src/core/box.js";
import type { DetectedObject } from "../../src/core/detection.js";
import { agreed, isSuspicious, type Marks, marksOf, Places, type Sighting, settled } from "../../src/learn/agreement.js";
import { smallModel } from "./support.js";

const MARKS = new Map<string, Marks>([
  ["pedestrian", { sure: 0.6, likely: 0.3, least: 0.1 }],
  ["car", { sure: 0.6, likely: 0.3, least: 0.1 }],
  ["trafficLight", { sure: 0.6, likely: 0.3, least: 0.1 }],
]);
const at = (x: number, y = 0, width = 20, height = 40): Box => ({ x, y, width, height });
const found = (score: number, box: Box, task = "pedestrian"): DetectedObject => ({ task, score, box });
const sighting = (sure: boolean, box: Box, score = sure ? 0.5 : 0.2, task = "pedestrian"): Sighting => ({ task, box, score, sure });
const verdicts = (sightings: readonly Sighting[]): (number | boolean)[][] => sightings.map(({ box, sure }) => [box.x, sure]);

test("what both looks see is sure from the likely score of one on; what one sees alone only where the fine look is sure of it", () => {
  const coarse = [found(0.31, at(1)), found(0.2, at(101)), found(0.95, at(300)), found(0.95, at(400), "car")];
  const fine = [found(0.15, at(0)), found(0.25, at(100)), found(0.65, at(200)), found(0.59, at(250)), found(0.5, at(400))];
  assert.deepEqual(verdicts(agreed(coarse, fine, MARKS)), [
    [0, true], // likely in one, seen in both
    [100, false], // seen in both, likely in none
    [200, true], // the fine look alone, sure
    [250, false], // the fine look alone, not sure
    [400, false], // a car to one look and a pedestrian to the other
    [300, false], // the coarse look alone, whatever its score
    [400, false],
  ]);
  assert.equal(agreed(coarse, fine, MARKS)[0]!.score, 0.31, "the higher score of both");
});

test("tasks without marks and scores below the least are no sightings, and an object agrees with one other at most", () => {
  assert.deepEqual(agreed([found(0.9, at(0), "tram")], [found(0.9, at(0), "tram"), found(0.09, at(50))], MARKS), []);
  const twice = agreed([found(0.5, at(0))], [found(0.2, at(0)), found(0.2, at(1))], MARKS);
  assert.deepEqual(verdicts(twice), [
    [0, true],
    [1, false],
  ]);
});

test("marks are a model's thresholds", () => {
  const { info } = smallModel();
  assert.deepEqual(marksOf(info).get("car"), {
    sure: info.thresholds.precise.car,
    likely: info.thresholds.balanced.car,
    least: info.thresholds.sensitive.car,
  });
});

test("a doubtful one between two sure ones is sure, at a clip's beginning it stays doubtful", () => {
  const now = [sighting(false, at(5))];
  const [before, after] = [[sighting(true, at(0))], [sighting(true, at(10))]];
  assert.deepEqual(verdicts(settled(before, now, after, MARKS)), [[5, true]]);
  assert.deepEqual(verdicts(settled(undefined, now, after, MARKS)), [[5, false]]);
  assert.deepEqual(verdicts(settled(before, now, [sighting(false, at(10))], MARKS)), [[5, false]]);
});

test("a lone one among things that can be followed is doubtful, unless its score is sure; among things that jump it says nothing", () => {
  const followed = sighting(true, at(100));
  const lone = sighting(true, at(200));
  assert.deepEqual(verdicts(settled([followed], [followed, lone], [followed], MARKS)), [
    [100, true],
    [200, false],
  ]);
  assert.deepEqual(verdicts(settled([followed], [followed, sighting(true, at(200), 0.7)], [followed], MARKS))[1], [200, true]);
  assert.deepEqual(verdicts(settled([sighting(true, at(0))], [followed, lone], [], MARKS))[1], [200, true], "frames are far apart");
  assert.deepEqual(verdicts(settled([], [lone], [], MARKS)), [[200, true]], "nothing else to tell by");
});

test("what is missing between two sure ones is left open where it must have been", () => {
  const missed = settled([sighting(true, at(0))], [], [sighting(true, at(8))], MARKS);
  assert.deepEqual(missed, [{ task: "pedestrian", box: at(4), score: 0, sure: false }]);
  assert.deepEqual(settled([sighting(true, at(0))], [], [sighting(true, at(50))], MARKS), []);
});

test("a so-so thing that never moves is suspicious after a dozen frames; what walks, what is certain and what stands by nature is not", () => {
  const places = new Places();
  for (let i = 0; i < 11; i++)
    places.add(i, [
      sighting(true, at(0), 0.7),
      sighting(true, at(100 + 15 * i), 0.7),
      sighting(true, at(400), 0.95, "car"),
      sighting(true, at(500), 0.5, "trafficLight"),
    ]);
  assert.equal(places.of(sighting(true, at(0)), 11), undefined, "too early to say");
  places.add(11, [
    sighting(true, at(1), 0.7),
    sighting(true, at(265), 0.7),
    sighting(true, at(400), 0.95, "car"),
    sighting(true, at(500), 0.5, "trafficLight"),
  ]);
  const still = (x: number, task = "pedestrian") => places.of(sighting(true, at(x), 0.7, task), 12);
  assert.ok(isSuspicious(still(0)!, MARKS));
  assert.equal(still(265), undefined, "a walker has no place");
  assert.ok(!isSuspicious(still(400, "car")!, MARKS), "a parked car is certain");
  assert.ok(!isSuspicious(still(500, "trafficLight")!, MARKS), "lights stand where they stand");
});

test("a place is forgotten where little was seen of it lately", () => {
  const places = new Places();
  for (let i = 0; i < 4; i++) places.add(i, [sighting(true, at(0))]);
  for (let i = 4; i < 20; i++) places.add(i, []);
  assert.deepEqual(places.list, []);
});
