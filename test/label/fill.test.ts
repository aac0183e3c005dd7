import assert from "node:assert/strict";
import { test } from "node:test";
import type { Box } from "../../src/core/box.js";
import type { DetectedObject } from "../../src/core/detection.js";
import type { Label, Sample } from "../../src/data/dataset.js";
import { fillSample, openTasks, type Seen } from "../../src/label/fill.js";
import type { TaskRule } from "../../src/label/rules.js";

const RULE: TaskRule = { sure: 0.5, doubt: 0.2, agree: false, both: 0.2, leave: false };
const AGREE: TaskRule = { ...RULE, agree: true };
/** Boxes that do not touch; A and `A2` overlap by 0.82. */
const A: Box = { x: 10, y: 10, width: 20, height: 40 };
const A2: Box = { x: 11, y: 11, width: 20, height: 40 };
const B: Box = { x: 60, y: 10, width: 20, height: 20 };
const C: Box = { x: 60, y: 60, width: 20, height: 20 };

const sampleOf = (car: Label, more: Partial<Sample> = {}): Sample => ({
  image: "x.jpg",
  width: 100,
  height: 100,
  split: "train",
  group: "g",
  set: "s",
  labels: { car },
  ignore: { car: [] },
  ...more,
});
const seen = (teacher: string, ...boxes: [Box, number][]): Seen => ({
  teacher,
  objects: boxes.map(([box, score]): DetectedObject => ({ task: "car", score, box })),
});

interface Case {
  name: string;
  label: Label;
  rule?: TaskRule;
  seen: Seen[];
  drawn?: Box[];
  ignored?: Box[];
  split?: "val";
  gives: Label;
  ignore?: Box[];
  from?: string;
}

const CASES: Case[] = [
  { name: "a sure box becomes a label", label: null, seen: [seen("n", [A, 0.5])], gives: [A], from: "n" },
  { name: "a doubtful box is ignored", label: null, seen: [seen("n", [A, 0.49])], gives: [], ignore: [A], from: "n" },
  { name: "what is below doubt is absent", label: null, seen: [seen("n", [A, 0.19])], gives: [], from: "n" },
  { name: "nothing seen is absent", label: null, seen: [seen("n")], gives: [], from: "n" },
  { name: "sure and doubtful side by side", label: null, seen: [seen("n", [A, 0.9], [B, 0.2])], gives: [A], ignore: [B], from: "n" },
  {
    name: "a doubtful box on a sure one is the same thing",
    label: null,
    seen: [seen("n", [A, 0.9], [A2, 0.3])],
    gives: [A],
    from: "n",
  },
  { name: "a person's list stays, whatever a teacher sees", label: [C], seen: [seen("n", [A, 0.9])], gives: [C] },
  { name: "a person's absence stays", label: [], seen: [seen("n", [A, 0.9])], gives: [] },
  { name: "the val split stays", label: null, split: "val", seen: [seen("n", [A, 0.9])], gives: null },
  { name: "true in the val split stays", label: true, split: "val", seen: [seen("n", [A, 0.9])], gives: true },
  { name: "a task that is to be left stays", label: null, rule: { ...RULE, leave: true }, seen: [seen("n", [A, 0.9])], gives: null },
  { name: "true takes the sure boxes", label: true, seen: [seen("n", [A, 0.9], [B, 0.3])], gives: [A], ignore: [B], from: "n" },
  {
    name: "true without a sure box takes the best doubtful one",
    label: true,
    seen: [seen("n", [A, 0.3], [B, 0.4])],
    gives: [B],
    ignore: [A],
    from: "n",
  },
  { name: "true of which nothing is seen stays true", label: true, seen: [seen("n", [A, 0.1])], gives: true },
  { name: "two teachers agree", label: null, rule: AGREE, seen: [seen("n", [A, 0.5]), seen("y", [A2, 0.3])], gives: [A], from: "n+y" },
  {
    name: "of two that agree the surer one draws the box",
    label: null,
    rule: AGREE,
    seen: [seen("n", [A, 0.3]), seen("y", [A2, 0.5])],
    gives: [A2],
    from: "n+y",
  },
  {
    name: "what one alone sees is doubtful, however sure",
    label: null,
    rule: AGREE,
    seen: [seen("n", [A, 0.9]), seen("y", [B, 0.9])],
    gives: [],
    ignore: [A, B],
    from: "n+y",
  },
  {
    name: "what both see and neither is sure of is doubtful",
    label: null,
    rule: AGREE,
    seen: [seen("n", [A, 0.4]), seen("y", [A2, 0.3])],
    gives: [],
    ignore: [A],
    from: "n+y",
  },
  {
    name: "the less sure of both must reach its score",
    label: null,
    rule: { ...AGREE, both: 0.7 },
    seen: [seen("n", [A, 0.9], [B, 0.75]), seen("y", [A2, 0.69], [B, 0.7])],
    gives: [B],
    ignore: [A],
    from: "n+y",
  },
  {
    name: "each box of the other teacher counts once",
    label: null,
    rule: AGREE,
    seen: [seen("n", [A, 0.9], [A2, 0.8]), seen("y", [A2, 0.9])],
    gives: [A],
    from: "n+y",
  },
  {
    name: "without the need to agree, one of two is enough",
    label: null,
    seen: [seen("n", [A, 0.9]), seen("y", [B, 0.9])],
    gives: [A, B],
    from: "n+y",
  },
  {
    name: "one teacher cannot agree with itself",
    label: null,
    rule: AGREE,
    seen: [seen("n", [A, 0.99])],
    gives: [],
    ignore: [A],
    from: "n",
  },
  {
    name: "nor where the other's score may be nothing",
    label: null,
    rule: { ...AGREE, both: 0 },
    seen: [seen("n", [A, 0.99])],
    gives: [],
    ignore: [A],
    from: "n",
  },
  {
    name: "true takes what both see before what one sees more surely",
    label: true,
    rule: AGREE,
    seen: [seen("n", [A, 0.4], [B, 0.9]), seen("y", [A2, 0.3])],
    gives: [A],
    ignore: [B],
    from: "n+y",
  },
  {
    name: "partial boxes are labels, a teacher's box of the same thing is left out",
    label: null,
    drawn: [A],
    seen: [seen("n", [A2, 0.9], [B, 0.9], [C, 0.3])],
    gives: [A, B],
    ignore: [C],
    from: "n",
  },
  {
    name: "a box within a partial box is part of the same thing",
    label: true,
    drawn: [A],
    seen: [seen("n", [{ x: 12, y: 12, width: 10, height: 10 }, 0.3])],
    gives: [A],
    from: "n",
  },
  { name: "partial boxes do not touch a person's list", label: [C], drawn: [A], seen: [seen("n")], gives: [C] },
  {
    name: "what lies in a person's ignored region stays ignored",
    label: null,
    ignored: [A],
    seen: [seen("n", [{ x: 12, y: 12, width: 10, height: 10 }, 0.9])],
    gives: [],
    ignore: [A],
    from: "n",
  },
];

for (const { name, label, rule = RULE, seen: views, drawn = [], ignored = [], split, gives, ignore = ignored, from } of CASES)
  test(name, () => {
    const sample = sampleOf(label, { ignore: { car: ignored }, ...(split && { split }) });
    const before = structuredClone(sample);
    const filled = fillSample(sample, ["car"], views, { car: drawn }, { rules: () => rule, split: "train", overlap: 0.5 });
    assert.deepEqual(filled.labels.car, gives);
    assert.deepEqual(filled.ignore.car, ignore);
    assert.deepEqual(filled.from, from === undefined ? undefined : { car: from });
    assert.deepEqual(sample, before, "the sample itself is left as it is");
  });

test("only tasks with a ? or true, of the train split, that are not left alone, are open", () => {
  const sample = { ...sampleOf(null), labels: { a: null, b: true, c: [], d: [A], e: null } as Record<string, Label> };
  const rules = (_: string, task: string): TaskRule => ({ ...RULE, leave: task === "e" });
  assert.deepEqual(openTasks(sample, ["a", "b", "c", "d", "e", "f"], { rules, split: "train" }), ["a", "b", "f"]);
  assert.deepEqual(openTasks({ ...sample, split: "val" }, ["a", "b", "c", "d", "e"], { rules, split: "train" }), []);
  assert.deepEqual(openTasks({ ...sample, split: "val" }, ["a", "b", "c", "d", "e", "f"], { rules, split: "val" }), ["a", "b", "f"]);
});

test("each task is filled by its own boxes and its own rule", () => {
  const sample = { ...sampleOf(null), labels: { car: null, stopSign: null } as Record<string, Label>, ignore: {} };
  const objects: DetectedObject[] = [
    { task: "car", score: 0.6, box: A },
    { task: "stopSign", score: 0.6, box: A },
  ];
  const rules = (_: string, task: string): TaskRule => (task === "car" ? RULE : { ...RULE, sure: 0.7 });
  const { labels, ignore, from } = fillSample(
    sample,
    ["car", "stopSign"],
    [{ teacher: "n", objects }],
    {},
    { rules, split: "train", overlap: 0.5 },
  );
  assert.deepEqual(
    [labels, ignore, from],
    [
      { car: [A], stopSign: [] },
      { car: [], stopSign: [A] },
      { car: "n", stopSign: "n" },
    ],
  );
});
