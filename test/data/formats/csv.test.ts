import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCsv } from "../../../src/data/formats/csv.js";

const TASKS = ["pedestrian", "car", "stopSign"];
const parse = (text: string, file = "labels.csv") => parseCsv(text, file, "s", TASKS);

test("yes is present, no is absent, ? and nothing are unknown, whatever the case; a missing column is unknown", () => {
  const { samples, faults, lines } = parse("image,split,person,car\na.jpg,val,YES,no\nb.jpg,,?,\nc.jpg,train,0,1\n");
  assert.deepEqual(faults, []);
  assert.deepEqual(
    samples.map(({ image, split, group, labels }) => [image, split, group, labels]),
    [
      ["a.jpg", "val", "a.jpg", { pedestrian: true, car: [], stopSign: null }],
      ["b.jpg", "train", "b.jpg", { pedestrian: null, car: null, stopSign: null }],
      ["c.jpg", "train", "c.jpg", { pedestrian: [], car: true, stopSign: null }],
    ],
  );
  assert.deepEqual(lines, [2, 3, 4]);
});

test("cells may be quoted, with commas, quotes and line ends in them; empty lines are skipped", () => {
  const { samples, faults, lines } = parse('\uFEFFimage,"car"\r\n"a, ""b""\n.jpg",yes\r\n\r\nc.jpg,no');
  assert.deepEqual(faults, []);
  assert.deepEqual(
    samples.map(({ image, labels }) => [image, labels.car]),
    [
      ['a, "b"\n.jpg', true],
      ["c.jpg", []],
    ],
  );
  assert.deepEqual(lines, [2, 5]);
});

test("the file's name gives the split of lines that name none; sizes are taken where they are given", () => {
  const { samples } = parse("image,width,height,car,dog\na.jpg,40,30,yes,no\nb.jpg,,,no,no\n", "set/val.csv");
  assert.deepEqual(
    samples.map(({ split, width, height }) => [split, width, height]),
    [
      ["val", 40, 30],
      ["val", 0, 0],
    ],
  );
});

test("what cannot be read is told with its line, and the rest is kept", () => {
  const { samples, faults, skipped } = parse(
    "image,split,width,height,car,dog\na.jpg,train,,,maybe,no\nb.jpg,train,,\nb.jpg,-x,,,yes,no\nc.jpg,val,3,,yes,no\nd.jpg,val,,,yes,no\nd.jpg,val,,,no,no\n,val,,,no,no\n",
  );
  assert.deepEqual(
    faults.map(({ line, message }) => `${line}: ${message.slice(0, 60)}`),
    [
      '2: car: expected yes, no or ?, got "maybe"',
      "3: expected 6 values, got 4",
      '4: expected "split" to be a name such as "train", "val" or "tes',
      '5: expected "width" and "height" to be whole, positive numbers,',
      '7: expected each image once, got "d.jpg" again (first on line 6',
      "8: expected the name of a picture, got none",
    ],
  );
  assert.deepEqual(
    samples.map(({ image, labels }) => [image, labels.car]),
    [
      ["a.jpg", null],
      ["d.jpg", true],
    ],
  );
  assert.deepEqual(skipped, [{ file: "labels.csv", categories: ["dog"] }]);
});

test("a file without its first line is told, not read as labels", () => {
  for (const text of ["", "a.jpg,yes\n"]) {
    const { samples, faults } = parse(text);
    assert.equal(samples.length, 0);
    assert.match(faults[0]!.message, /^expected a first line with the column "image", got /);
  }
});
