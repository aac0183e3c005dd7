import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { Arena, BUILD } from "../support/arena.js";

const arena = await Arena.open();
const { kernels, engine } = arena;
const relaxed = BUILD.startsWith("relaxed");

/** What CPUs make of four products of 127 and the byte 255: it is 255, or 255 in sums of two that saturate in 16 bits, or -1. */
const KINDS = new Map([
  [4 * 127 * 255, 128],
  [2 * 32767, -1],
  [4 * 127 * -1, 0],
]);

test("four products of a byte and one of 7 bits are exact where the build has relaxed SIMD; elsewhere there are none", () => {
  const random = new Random(1);
  for (let round = 0; round < 500; round++) {
    const [w, x] = [random.below(256) - 128, random.below(128)];
    assert.equal(kernels.byteDot(w, x), relaxed ? Math.imul(4 * w, x) : 0, `${w} * ${x}`);
  }
});

test("the engine flips bytes as the CPU takes those above 127, and multiplies in pairs where sums of two saturate", () => {
  const sum = kernels.byteDot(127, 255);
  assert.equal(engine.flip, relaxed ? KINDS.get(sum) : -1, `127 and 255 give ${sum}`);
});

test("bytes above 127 are taken the same way for any weight and every time", () => {
  if (engine.flip < 0) return assert.deepEqual(arena.flips, [-1]);
  for (let round = 0; round < 20; round++)
    for (let w = -128; w < 128; w++)
      for (const x of [128, 129, 200, 254, 255])
        assert.equal(kernels.byteDot(w, x), Math.imul(4 * w, engine.flip === 128 ? x : x - 256), `${w} * ${x}`);
});
