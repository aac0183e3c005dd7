import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { tableOf } from "../../src/ops/op.js";
import { sigmoid, sigmoidBackward } from "../oracle/sigmoid.js";
import { Arena } from "../support/arena.js";
import { close, dot, F32_FEW, same, slopesAgree } from "../support/compare.js";
import { integers, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

for (const n of [4, 8, 3 * 17 * 24, 5 * 40]) {
  test(`forward agrees with the oracle, also in place: ${n} values`, () => {
    arena.reset();
    const x = normals(new Random(1), n, 4);
    const y = arena.output("f32", n);
    const inPlace = arena.state("f32", x);
    kernels.sigmoid(y.at, arena.input("f32", x).at, n);
    kernels.sigmoid(inPlace.at, inPlace.at, n);
    arena.check();
    for (const block of [y, inPlace]) close(arena.read(block), sigmoid(x), F32_FEW);
  });

  test(`backward equals the slope of the oracle, also in place: ${n} values`, () => {
    arena.reset();
    const random = new Random(2);
    const [x, dy] = [normals(random, n), normals(random, n)];
    const yAt = arena.input("f32", sigmoid(x)).at;
    const dx = arena.output("f32", n);
    const inPlace = arena.state("f32", dy);
    kernels.sigmoidBackward(dx.at, arena.input("f32", dy).at, yAt, n);
    kernels.sigmoidBackward(inPlace.at, inPlace.at, yAt, n);
    arena.check();
    const oracle = sigmoidBackward(dy, x);
    for (const block of [dx, inPlace]) {
      const kernel = arena.read(block);
      close(kernel, oracle, F32_FEW);
      slopesAgree(() => dot(sigmoid(x), dy), x, { oracle, kernel, tolerance: F32_FEW });
    }
  });
}

test("far from 0 it is 0 or 1 to the last digit of float32, and never NaN", () => {
  arena.reset();
  const y = arena.output("f32", 4);
  kernels.sigmoid(y.at, arena.input("f32", [-1000, -90, 90, 1000]).at, 4);
  arena.check();
  close(arena.read(y), [0, 0, 1, 1], F32_FEW);
});

test("int8 is looked up in a table that holds the function of each value, rounded half to even, also in place", () => {
  for (const n of [1, 3, 8, 5 * 17]) {
    arena.reset();
    const x = integers(new Random(n), n, -128, 127);
    const table = tableOf((v) => 1 / (1 + Math.exp(-v)), 1 / 16, 1 / 128);
    const y = arena.output("i8", n);
    const inPlace = arena.state("i8", x);
    const at = arena.input("i8", table).at;
    kernels.lookupI8(y.at, arena.input("i8", x).at, at, n);
    kernels.lookupI8(inPlace.at, inPlace.at, at, n);
    arena.check();
    const expected = sigmoid(x.map((v) => v / 16)).map((v) => Math.min(127, Math.round(v * 128)));
    for (const block of [y, inPlace]) same(arena.read(block), [...expected]);
  }
  assert.deepEqual([...tableOf((x) => x / 2, 1, 1).slice(128, 134)], [0, 0, 1, 2, 2, 2]);
  assert.deepEqual([tableOf((x) => x, 2, 1)[0], tableOf((x) => x, 2, 1)[255]], [-128, 127]);
});
