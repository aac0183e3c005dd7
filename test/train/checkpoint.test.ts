import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../../src/train/checkpoint.js";

const checkpoint = (): Checkpoint => ({
  options: { batch: 32, rate: 4e-3, name: "größe", pretrained: true, trunk: null },
  step: 12_345,
  losses: [0.1, 1 / 3],
  onnx: Uint8Array.from({ length: 1003 }, (_, i) => (i * 7) & 255), // no multiple of 4: the floats after it are not aligned
  state: Float32Array.from({ length: 501 }, (_, i) => Math.sin(i) * 10 ** ((i % 70) - 35)),
});

test("a checkpoint is read back as it was written, to the bit", async () => {
  const written = checkpoint();
  assert.deepEqual(await decodeCheckpoint(await encodeCheckpoint(written), "x"), written);
  assert.deepEqual(await decodeCheckpoint(Buffer.from(await encodeCheckpoint(written)), "x"), written, "as Node reads files");
  const view = { ...written, state: written.state.subarray(100, 200), onnx: written.onnx.subarray(3, 10) };
  assert.deepEqual(await decodeCheckpoint(await encodeCheckpoint(view), "x"), {
    ...view,
    state: view.state.slice(),
    onnx: view.onnx.slice(),
  });
  const special = { ...written, state: Float32Array.of(Number.NaN, -0, Number.POSITIVE_INFINITY, 1e-45), onnx: new Uint8Array() };
  assert.deepEqual(await decodeCheckpoint(await encodeCheckpoint(special), "x"), special);
});

test("a checkpoint that is cut short anywhere, longer, or damaged in any byte is refused, with its name and what to do", async () => {
  const whole = await encodeCheckpoint(checkpoint());
  const damage = fc.oneof(
    fc.nat(whole.length - 1).map((length) => whole.slice(0, length)),
    fc
      .nat(whole.length - 1)
      .chain((at) => fc.integer({ min: 1, max: 255 }).map((by) => whole.map((byte, i) => (i === at ? byte ^ by : byte)))),
    fc.uint8Array({ minLength: 1, maxLength: 40 }).map((tail) => Uint8Array.from([...whole, ...tail])),
    fc.uint8Array({ maxLength: 200 }),
  );
  await fc.assert(
    fc.asyncProperty(damage, (bytes) =>
      assert.rejects(decodeCheckpoint(bytes, "out.checkpoint"), {
        code: "E_TRAIN",
        message: /^out\.checkpoint: expected a whole checkpoint, got (another file|a damaged one); start again without resume$/,
      }),
    ),
    { seed: 1, numRuns: 300 },
  );
});
