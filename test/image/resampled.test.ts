import assert from "node:assert/strict";
import { test } from "node:test";
import { letterboxed, resampled } from "../../src/image/letterbox.js";
import { createEngine } from "../../src/wasm/load.js";

test("resampling gives its memory back, also where the reader throws", async () => {
  const engine = await createEngine();
  const frame = { width: 8, height: 6, data: new Uint8Array(4 * 8 * 6) };
  const size = { width: 4, height: 3 };
  const { mark } = engine.memory;
  const run = (read: () => void): void => resampled(engine, frame, letterboxed(frame, size), size, read);
  run(() => {});
  assert.equal(engine.memory.mark, mark);
  assert.throws(
    () =>
      run(() => {
        throw new Error("full");
      }),
    /full/,
  );
  assert.equal(engine.memory.mark, mark);
});
