import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { readOnnx } from "../../src/onnx/read.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { type OracleValue, runGraph } from "../oracle/graph.js";
import { type Picture, runOnnx } from "../support/ort.js";
import { everyOp, mixed, quantized, randomInput } from "./graphs.js";

/** float32 sums in another order: relative to the largest value of the output. */
const RELATIVE = 1e-4;
/** Where a product lies on a half, float32 in another order may round to the other side, and that moves what is behind it. */
const SHARE_WITHIN_ONE_STEP = 0.999;

function largestDifference(got: Picture | undefined, expected: OracleValue | undefined): { difference: number; largest: number } {
  assert.ok(got && expected);
  assert.deepEqual([got.height, got.width, got.channels], [expected.height, expected.width, expected.channels]);
  let [difference, largest] = [0, 0];
  for (const [i, value] of expected.data.entries()) {
    difference = Math.max(difference, Math.abs(value - (got.data[i] as number)));
    largest = Math.max(largest, Math.abs(value));
  }
  assert.ok(largest > 0);
  return { difference, largest };
}

for (const [height, width] of [
  [32, 48],
  [72, 40],
] as const)
  test(`onnxruntime-web runs float files at ${width} x ${height} and agrees with the oracle`, async () => {
    for (const norms of [true, false]) {
      const graph = everyOp(11, norms);
      const input = randomInput(new Random(12), height, width);
      const expected = runGraph(graph, input, height, width);
      const got = await runOnnx(writeOnnx(graph, {}), input, height, width);
      assert.deepEqual([...got.keys()], graph.outputs);
      for (const name of graph.outputs) {
        const { difference, largest } = largestDifference(got.get(name), expected.get(name));
        assert.ok(difference <= RELATIVE * largest, `${name}: ${difference} of ${largest}`);
      }
    }
  });

test("onnxruntime-web runs a file of int8 and f32 nodes and agrees with the oracle", async () => {
  const { whole } = mixed(13);
  const input = randomInput(new Random(14), 64, 96);
  const expected = runGraph(whole, input, 64, 96);
  const got = await runOnnx(writeOnnx(whole, {}), input, 64, 96);
  for (const name of whole.outputs) {
    const { difference, largest } = largestDifference(got.get(name), expected.get(name));
    assert.ok(difference <= RELATIVE * largest, `${name}: ${difference} of ${largest}`);
  }
});

for (const literally of [true, false])
  test(`onnxruntime-web runs int8 files ${literally ? "as written" : "optimized"} and agrees with the oracle but for rare steps`, async (context) => {
    const [height, width] = [96, 128];
    let [values, same, near] = [0, 0, 0];
    for (const seed of [21, 22, 23]) {
      const input = randomInput(new Random(seed), height, width);
      const graph = quantized(everyOp(seed, false), input, height, width);
      const expected = runGraph(graph, input, height, width);
      const got = await runOnnx(writeOnnx(graph, {}), input, height, width, { literally });
      for (const name of graph.outputs) {
        const { largest } = largestDifference(got.get(name), expected.get(name));
        const step = largest / 127;
        for (const [i, value] of (expected.get(name) as OracleValue).data.entries()) {
          const difference = Math.abs(value - (got.get(name)?.data[i] as number));
          values++;
          if (difference <= RELATIVE * largest) same++;
          if (difference <= step) near++;
        }
      }
    }
    context.diagnostic(
      `${values} values: equal ${((100 * same) / values).toFixed(3)} %, within one step ${((100 * near) / values).toFixed(4)} %`,
    );
    assert.ok(near / values >= SHARE_WITHIN_ONE_STEP, `${near} of ${values} within one step`);
  });

test("with scales that lose nothing in float32, onnxruntime-web and the oracle agree to the last bit", async () => {
  const [height, width] = [96, 128];
  for (const seed of [24, 25, 26]) {
    const input = randomInput(new Random(seed), height, width).map((x) => (x * 255) / 256);
    const graph = quantized(everyOp(seed, false), input, height, width, true);
    const expected = runGraph(graph, input, height, width);
    test("onnxruntime-web runs a file of int8 and f32 nodes and agrees with the oracle", async () => {
      const { whole } = mixed(13);
      const input = randomInput(new Random(14), 64, 96);
      const expected = runGraph(whole, input, 64, 96);
      const got = await runOnnx(writeOnnx(whole, {}), input, 64, 96);
      for (const name of whole.outputs) {
        const { difference, largest } = largestDifference(got.get(name), expected.get(name));
        assert.ok(difference <= RELATIVE * largest, `${name}: ${difference} of ${largest}`);
      }
    });

    for (const literally of [true, false]) {
      const got = await runOnnx(writeOnnx(graph, {}), input, height, width, { literally });
      for (const name of graph.outputs) assert.equal(largestDifference(got.get(name), expected.get(name)).difference, 0);
    }
  }
});

test("the oracle of an int8 graph stays near its float twin", () => {
  const input = randomInput(new Random(31), 32, 48);
  const float = everyOp(31, false);
  const [exact, rounded] = [runGraph(float, input, 32, 48), runGraph(quantized(float, input, 32, 48), input, 32, 48)];
  for (const name of float.outputs) {
    const { difference, largest } = largestDifference(
      { ...rounded.get(name), data: Float32Array.from(rounded.get(name)?.data ?? []) } as Picture,
      exact.get(name),
    );
    assert.ok(difference < 0.1 * largest, `${name}: ${difference} of ${largest}`);
  }
});

test("what was read runs as what was written", () => {
  const input = randomInput(new Random(41), 32, 48);
  const graph = quantized(everyOp(41, false), input, 32, 48);
  const back = readOnnx(writeOnnx(graph, {})).graph;
  assert.deepEqual(runGraph(back, input, 32, 48), runGraph(graph, input, 32, 48));
});
