import assert from "node:assert/strict";
import { test } from "node:test";
import { FourwayError } from "../../src/core/errors.js";
import type { Frame } from "../../src/core/frame.js";
import type { Sample } from "../../src/data/dataset.js";
import { answersTo } from "../../src/eval/answers.js";

const sample = (image: string, width = 8, height = 4): Sample => ({
  image,
  source: `labels.jsonl:${image}`,
  width,
  height,
  split: "val",
  group: image,
  set: "s",
  labels: {},
  ignore: {},
});
/** Pictures of 8 x 4; "bad" cannot be decoded. */
const read = (image: string): Frame => {
  if (image === "bad") throw new FourwayError("E_IMAGE", "bad: expected a picture, got none; fix it");
  return { width: 8, height: 4, data: new Uint8Array(4 * 8 * 4) };
};
const nothing = () => ({ presence: {}, objects: [] });

test("a picture that is shaped otherwise than its label is E_DATA with the label's place", async () => {
  await assert.rejects(answersTo(read, [sample("1", 4, 8)], nothing), {
    code: "E_DATA",
    message: /^labels\.jsonl:1: expected a picture shaped like its label's 4 x 8, got 8 x 4; .*EXIF orientation/,
  });
});

test("a picture that cannot be decoded is E_IMAGE with the label's place", async () => {
  await assert.rejects(answersTo(read, [sample("bad")], nothing), {
    code: "E_IMAGE",
    message: "labels.jsonl:bad: bad: expected a picture, got none; fix it",
  });
});

test("both are reported and left out where the caller takes faults", async () => {
  const faults: string[] = [];
  const { samples, found, ms } = await answersTo(read, [sample("bad"), sample("1"), sample("2", 4, 8)], nothing, {
    onFault: (fault) => faults.push(fault),
  });
  assert.deepEqual([samples.map(({ image }) => image), found.length, ms.length], [["1"], 1, 1]);
  assert.deepEqual(
    faults.map((fault) => fault.split(": ")[0]),
    ["labels.jsonl:bad", "labels.jsonl:2"],
  );
});

test("where none of the pictures can be used there is no answer but E_DATA", async () => {
  await assert.rejects(answersTo(read, [sample("bad"), sample("2", 4, 8)], nothing, { onFault: () => {} }), {
    code: "E_DATA",
    message: "pictures: expected some that can be used, got none of 2; fix the faults that were reported",
  });
  assert.deepEqual(await answersTo(read, [], nothing), { samples: [], found: [], ms: [] });
});
