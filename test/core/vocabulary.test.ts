import assert from "node:assert/strict";
import { test } from "node:test";
import { TASKS } from "../../src/core/task.js";
import { entryOfTask, taskOfCategory, VOCABULARY } from "../../src/core/vocabulary.js";

/** Published ids that COCO's 80 classes leave out. */
const GAPS = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];

test("the shipped models' tasks are the first four, in the order of their heads", () => {
  assert.deepEqual(TASKS, ["pedestrian", "car", "stopSign", "trafficLight"]);
  assert.deepEqual(
    TASKS,
    VOCABULARY.slice(0, 4).map(({ task }) => task),
  );
});

test("a class number is the published id less one and less the gaps before it", () => {
  for (const { task, cocoId, cocoClass } of VOCABULARY)
    assert.equal(cocoClass, cocoId - 1 - GAPS.filter((gap) => gap < cocoId).length, task);
});

test("no two tasks share a name, an id or a colour", () => {
  for (const values of [
    VOCABULARY.flatMap(({ task, aliases }) => [task, ...aliases]),
    VOCABULARY.map(({ cocoId }) => cocoId),
    VOCABULARY.map(({ colour }) => colour.join()),
  ])
    assert.equal(new Set<string | number>(values).size, values.length);
});

test("foreign names mean a task only where that task is asked for", () => {
  const all = VOCABULARY.map(({ task }) => task);
  assert.equal(taskOfCategory("car_(automobile)", TASKS), "car");
  assert.equal(taskOfCategory("Bike", all), "bicycle");
  assert.equal(taskOfCategory("bike", TASKS), null);
  assert.equal(taskOfCategory("tram", [...all, "tram"]), "tram");
  assert.equal(entryOfTask("tram"), undefined);
});
