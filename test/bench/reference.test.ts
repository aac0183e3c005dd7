import assert from "node:assert/strict";
import { test } from "node:test";
import { fourwayPeer } from "../../bench/fourway.js";
import { distance } from "../../bench/peer.js";
import { REFERENCE_SIZE, randomBytes, referenceNet } from "../../bench/reference.js";
import { INPUT_SCALE } from "../../src/graph/graph.js";
import { macsOf, shapesOf } from "../../src/program/plan.js";
import { foldNorms } from "../../src/quant/fold.js";
import { quantize } from "../../src/quant/quantize.js";
import { createEngine } from "../../src/wasm/load.js";

const SMALL = { height: 64, width: 96 };
const scaled = (bytes: Int8Array): Float32Array => Float32Array.from(bytes, (v) => v * Math.fround(INPUT_SCALE));

test("the reference net has 63.5 MMAC at 320x192, 233 k folded parameters and four maps at stride 8", () => {
  const graph = foldNorms(referenceNet());
  const { height, width } = REFERENCE_SIZE;
  const shapes = shapesOf(graph, height, width);
  // by hand: stem 6.635, stages 7.557 + 6.728 + 18.939 + 6.106, laterals 6.881, heads 10.691
  assert.equal(
    macsOf(graph, shapes).reduce((a, b) => a + b, 0),
    63_536_640,
  );
  assert.equal(
    [...graph.params.values()].reduce((sum, { data }) => sum + data.length, 0),
    232_948,
  );
  assert.deepEqual(
    graph.outputs.map((name) => shapes.get(name)),
    Array(4).fill({ height: 24, width: 40, channels: 5 }),
  );
});

test("its signal neither dies nor explodes, and its int8 twin computes nearly the same", async () => {
  const f32 = foldNorms(referenceNet());
  const bytes = randomBytes(5, SMALL);
  const int8 = quantize(await createEngine(), f32, [{ pixels: scaled(bytes), ...SMALL }]);
  const float = fourwayPeer("f32", await createEngine(), f32, scaled(bytes), SMALL);
  const quantized = fourwayPeer("int8", await createEngine(), int8, bytes, SMALL);
  float.run();
  quantized.run();
  for (const values of float.outputs().values()) {
    const peak = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    assert.ok(peak > 0.05 && peak < 20, `largest value ${peak}`);
  }
  const largest = distance(float.outputs(), quantized.outputs());
  assert.ok(largest > 0 && largest < 0.25, `largest difference ${largest} of the largest value`);
});

test("runs repeat themselves: the input is put back before each", async () => {
  const f32 = foldNorms(referenceNet());
  const peer = fourwayPeer("f32", await createEngine(), f32, scaled(randomBytes(6, SMALL)), SMALL);
  peer.run();
  const first = peer.outputs();
  peer.run();
  assert.deepEqual(peer.outputs(), first);
});
