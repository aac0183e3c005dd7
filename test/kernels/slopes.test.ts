import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { Arena, unpadded } from "../support/arena.js";
import { close, dot, same, slopesAgree } from "../support/compare.js";
import { normals } from "../support/random.js";

// The checks that all other tests of kernels lean on must themselves be able to fail.

const SQUARES = (x: Float64Array, dy: Float64Array): number =>
  dot(
    x.map((v) => v * v * v),
    dy,
  );

test("the slope check takes the right gradient and refuses one that is 1 in 10 000 off, the wrong sign, zeros and NaN", () => {
  const [x, dy] = [normals(new Random(1), 20), normals(new Random(2), 20)];
  const right = x.map((v, i) => 3 * v * v * dy[i]!);
  const cost = () => SQUARES(x, dy);
  slopesAgree(cost, x, { oracle: right, kernel: right });
  const largest = right.reduce((best, v, i) => (Math.abs(v) > Math.abs(right[best]!) ? i : best), 0);
  const wrong = (change: (v: number) => number): Float64Array => right.map((v, i) => (i === largest ? change(v) : v));
  for (const change of [(v: number) => v * 1.0001, (v: number) => -v, () => Number.NaN, () => 0]) {
    assert.throws(() => slopesAgree(cost, x, { oracle: wrong(change) }));
    assert.throws(() => slopesAgree(cost, x, { oracle: right, kernel: wrong(change) }));
  }
  assert.throws(() => slopesAgree(() => 0, x, { oracle: new Float64Array(20) }), /proves nothing/);
  assert.throws(() => slopesAgree(cost, x, { oracle: right.subarray(1) }), /length/);
});

test("comparison refuses NaN, another length and what is out of tolerance; bit for bit tells 0 from -0", () => {
  close([1, 2.00001], [1, 2], 1e-5);
  for (const bad of [[1, Number.NaN], [1], [1, 2.0001], [Number.POSITIVE_INFINITY, 2]]) assert.throws(() => close(bad, [1, 2], 1e-5));
  same([0, 1], [0, 1]);
  for (const bad of [
    [-0, 1],
    [0, 1, 2],
    [0, 2],
  ])
    assert.throws(() => same(bad, [0, 1]));
});

test("the arena notices writes one byte before, one byte past, and over an input, and padding that is not 0", async () => {
  const arena = await Arena.open();
  const { u8 } = arena.engine.memory;
  const block = arena.output("i8", 5, 3);
  const input = arena.input("f32", [1, 2]);
  for (let i = 0; i < 8; i++) u8[block.at + i] = 1; // allowed: five bytes and three to spare
  arena.check();
  for (const at of [block.at - 1, block.at + 8, input.at, input.at + 7, input.at + 8]) {
    const kept = u8[at]!;
    u8[at] = kept ^ 1;
    assert.throws(() => arena.check());
    u8[at] = kept;
  }
  arena.check();
  assert.deepEqual(unpadded([1, 2, 0, 3, 4, 0], 2, 3), [1, 2, 3, 4]);
  assert.throws(() => unpadded([1, 2, 0, 3, 4, 1e-9], 2, 3), /padding of pixel 1/);
});
