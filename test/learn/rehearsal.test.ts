import assert from "node:assert/strict";
import { test } from "node:test";
import { cutBefore } from "../../src/learn/cut.js";
import { Rehearsal, scenePixels } from "../../src/learn/rehearsal.js";
import { createEngine } from "../../src/wasm/load.js";
import { smallModel } from "./support.js";

const SIZE = { width: 96, height: 64 };

test("every second scene is the mirror image of the one before", async () => {
  const engine = await createEngine();
  const model = smallModel();
  const cut = cutBefore(model, "all"); // the pictures themselves are the features
  const lessons = await new Rehearsal(model, 7).at(engine, cut, "0", SIZE, 11);
  assert.equal(lessons.length, 11);
  const rows = (pixels: Int8Array): number[][] =>
    Array.from({ length: SIZE.width * SIZE.height }, (_, i) => [...pixels.subarray(3 * i, 3 * i + 3)]);
  lessons.forEach(({ features: [pixels] }, i) => {
    const drawn = rows(scenePixels(7, Math.floor(i / 2), SIZE));
    const expected = i % 2 === 0 ? drawn : drawn.map((_, at) => drawn[at - (at % SIZE.width) + SIZE.width - 1 - (at % SIZE.width)]!);
    assert.deepEqual(rows(pixels!), expected, `scene ${i}`);
  });
});
