import assert from "node:assert/strict";
import { test } from "node:test";
import { aspectFault, checkBox, clip, describeFaults, joinPath, withinFolder } from "../../src/data/read.js";

const fault = (line: number) => ({ file: "a.jsonl", line, message: "expected x, got y" });

test("faults read file:line: message, with the count, the first of many", () => {
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

test("a box in fractions is a fault wherever it lies; a box of one pixel is none, nor is a thin one", () => {
  const fractions = [
    [0.1, 0.15, 0.4, 0.5],
    [0.9, 0.5, 0.3, 0.4],
    [0, 0, 1, 0.5],
    [0, 0.2, 0.5, 1],
  ];
  for (const box of fractions)
    assert.match((checkBox(box, 100, 80) as { fault: string }).fault, /in pixels, at least 1 x 1 or with a longer side, got/);
  const pixels = [
    [0, 0, 1, 1],
    [99, 79, 1, 1],
    [5, 5, 0.5, 3],
    [5, 5, 3, 0.5],
  ];
  for (const box of pixels) assert.ok("box" in checkBox(box, 100, 80), `${box}`);
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

test("control characters of labels do not reach the terminal", () => {
  const text = describeFaults([{ file: "a.json", line: 1, message: "got \u001b[31m\r\u0007" }]);
  assert.match(text, /got \\x1b\[31m\\x0d\\x07/);
});

test("a picture shaped otherwise than its label is a fault that names EXIF where the sides are swapped", () => {
  assert.equal(aspectFault({ width: 448, height: 299 }, { width: 1024, height: 683 }), null);
  assert.equal(aspectFault({ width: 96, height: 64 }, { width: 97, height: 64 }), null);
  assert.match(aspectFault({ width: 480, height: 320 }, { width: 320, height: 480 })!, /EXIF orientation: swap/);
  assert.match(aspectFault({ width: 1000, height: 1000 }, { width: 480, height: 320 })!, /the picture that was labelled/);
});
