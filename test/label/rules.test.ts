import assert from "node:assert/strict";
import { test } from "node:test";
import { TASKS } from "../../src/core/task.js";
import { type RuleTexts, readRules } from "../../src/label/rules.js";

const SETS = ["street", "park"];
const rules = (texts: RuleTexts, teachers = 1) => readRules(texts, TASKS, SETS, teachers);
const agreeing = (texts: RuleTexts, teachers: number, set = "street"): string[] =>
  TASKS.filter((task) => rules(texts, teachers)(set, task).agree);

test("one teacher's stop signs are never sure by themselves; two must agree on everything", () => {
  assert.deepEqual(agreeing({}, 1), ["stopSign"]);
  assert.deepEqual(agreeing({}, 2), [...TASKS]);
  assert.deepEqual(agreeing({ agree: ["none"] }, 2), []);
  assert.deepEqual(agreeing({ agree: ["car", "park/pedestrian"] }, 2), ["car"]);
  assert.deepEqual(agreeing({ agree: ["car", "park/pedestrian"] }, 2, "park"), ["pedestrian", "car"]);
  assert.ok(rules({}, 2)("street", "stopSign").both > rules({}, 2)("street", "stopSign").sure);
});

test("what is said of a set counts more than what is said of all", () => {
  const of = rules({ sure: ["park/car=0.8", "car=0.6"], doubt: ["car=0.3"], leave: ["park/pedestrian"] });
  assert.deepEqual([of("park", "car").sure, of("street", "car").sure, of("park", "car").doubt], [0.8, 0.6, 0.3]);
  assert.deepEqual([of("park", "pedestrian").leave, of("street", "pedestrian").leave], [true, false]);
});

test("a score for sure below the default of doubt takes doubt with it", () => {
  assert.deepEqual([rules({ sure: ["car=0.1"] })("park", "car").sure, rules({ sure: ["car=0.1"] })("park", "car").doubt], [0.1, 0.1]);
});

test("what cannot be meant is refused", () => {
  for (const texts of [
    { sure: ["car"] },
    { sure: ["car=2"] },
    { sure: ["car=x"] },
    { sure: ["tram=0.5"] },
    { doubt: ["alley/car=0.1"] },
    { agree: ["car=0.5"] },
    { leave: ["park"] },
    { sure: ["car=0.3"], doubt: ["car=0.4"] },
  ])
    assert.throws(() => rules(texts), { code: "E_ARGUMENT" }, JSON.stringify(texts));
});
