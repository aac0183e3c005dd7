import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFolders } from "../../../src/data/formats/folders.js";

const TASKS = ["pedestrian", "car"];

test("the folder that a picture lies in answers for its task; the others are unknown, and so is a folder of another name", () => {
  const list = "car/yes/1.jpg\ncar/No/2.png\npeople/no/1.jpg\ncar/maybe/3.jpg\ndog/yes/4.jpg\n";
  const { samples, faults, skipped, lines } = parseFolders(list, "street", "street", TASKS);
  assert.deepEqual(faults, []);
  assert.deepEqual(
    samples.map(({ image, split, group, labels }) => [image, split, group, labels]),
    [
      ["car/yes/1.jpg", "train", "car/yes/1.jpg", { pedestrian: null, car: true }],
      ["car/No/2.png", "train", "car/No/2.png", { pedestrian: null, car: [] }],
      ["people/no/1.jpg", "train", "people/no/1.jpg", { pedestrian: [], car: null }],
    ],
  );
  assert.deepEqual(lines, [1, 2, 3]);
  assert.deepEqual(skipped, [{ file: "street", categories: ["dog"] }]);
});

test("the set's folder names the split", () => {
  const splitOf = (set: string) => parseFolders("car/yes/1.jpg", set, set, TASKS).samples[0]!.split;
  assert.deepEqual(["train", "valid", "test", "street"].map(splitOf), ["train", "val", "test", "train"]);
});
