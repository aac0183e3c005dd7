import assert from "node:assert/strict";
import { test } from "node:test";
import { checkBox, clip, describeFaults, joinPath, withinFolder } from "../../src/data/read.js";

const fault = (line: number) => ({ file: "a.jsonl", line, message: "expected x, got y" });

test("faults are told as file:line: message, with the count, the first of many", () => {
  assert.equal(describeFaults([]), "");
  assert.equal(describeFaults([fault(3)]), "a.jsonl:3: expected x, got y\n1 fault");
  const many = describeFaults(
    Array.from({ length: 50 }, (_, index) => fault(index + 1)),
    10,
  ).split("\n");
  assert.equal(many.length, 11);
  assert.equal(many[9], "a.jsonl:10: expected x, got y");
  assert.equal(many[10], "50 faults, 40 of them not shown");
});

test("a box within the picture stays as it is, to the bit", () => {
  const box = { x: 0.1, y: 0.7, width: 99.9, height: 0.2 };
  assert.equal(clip(box, 100, 80), box);
});

test("a box that only touches the picture is wholly outside", () => {
  assert.equal(clip({ x: 100, y: 0, width: 5, height: 5 }, 100, 80), null);
  assert.ok("fault" in checkBox([100, 0, 0.5, 5], 100, 80));
});

test("numbers that are not finite make no box", () => {
  for (const value of [Number.NaN, Infinity, null, "1"]) assert.ok("fault" in checkBox([value, 0, 5, 5], 100, 80));
});

test("paths join with forward slashes, and come apart again", () => {
  assert.equal(joinPath("a/b", "c.jpg"), "a/b/c.jpg");
  assert.equal(joinPath("a/b/", "c.jpg"), "a/b/c.jpg");
  assert.equal(joinPath("", "c.jpg"), "c.jpg");
  assert.equal(joinPath("a", "/c.jpg"), "/c.jpg");
  assert.equal(withinFolder("a/b/c.jpg", "a"), "b/c.jpg");
  assert.equal(withinFolder("ab/c.jpg", "a"), "ab/c.jpg");
});
