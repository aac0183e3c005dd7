import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena, BUILD } from "../support/arena.js";

const { kernels, engine } = await Arena.open();

test("the engine flips bytes as the CPU takes those above 127, and multiplies in pairs where their products are not exact", () => {
  // 255 is 255, or -1, or 255 in sums of two that saturate in 16 bits; Node 20, which knows relaxed SIMD behind a flag only, is wrong
  const flips = new Map([
    [4 * 127 * 255, 128],
    [4 * 127 * -1, 0],
  ]);
  const sum = kernels.byteDot(127, 255);
  assert.equal(engine.byteFlip, flips.get(sum) ?? -1, `127 and 255 give ${sum}`);
  if (!BUILD.startsWith("relaxed")) assert.equal(sum, 0);
});

test("where bytes are flipped, four products are exact for every pair of them that graph/params.ts lets through, every time", (t) => {
  if (engine.byteFlip < 0) return t.skip("this build on this CPU multiplies in pairs");
  for (let round = 0; round < 5; round++)
    for (let w = engine.byteFlip === 0 ? -127 : -128; w < 128; w++)
      for (let x = 0; x < 256; x++)
        assert.equal(kernels.byteDot(w, x), Math.imul(4 * w, engine.byteFlip === 128 || x < 128 ? x : x - 256), `${w} and ${x}`);
});
