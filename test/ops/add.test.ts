import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { add, addI8 } from "../oracle/add.js";
import { Arena } from "../support/arena.js";
import { close, dot, F32_FEW, same, slopesAgree } from "../support/compare.js";
import { integers, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;
const LENGTHS = [8, 3 * 17 * 24, 5 * 40];

for (const n of LENGTHS) {
  test(`forward agrees with the oracle, also in place of either: ${n} values`, () => {
    arena.reset();
    const random = new Random(1);
    const [a, b] = [normals(random, n), normals(random, n)];
    const y = arena.output("f32", n);
    const [aAt, bAt] = [arena.input("f32", a).at, arena.input("f32", b).at];
    const inA = arena.state("f32", a);
    const inB = arena.state("f32", b);
    kernels.add(y.at, aAt, bAt, n);
    kernels.add(inA.at, inA.at, bAt, n);
    kernels.add(inB.at, aAt, inB.at, n);
    arena.check();
    for (const block of [y, inA, inB]) close(arena.read(block), add(a, b), F32_FEW);
  });

  test(`the gradient of both inputs is a copy of that of the output, as the slopes say: ${n} values`, () => {
    arena.reset();
    const random = new Random(2);
    const [a, b, dy] = [normals(random, n), normals(random, n), normals(random, n)];
    const da = arena.output("f32", n);
    kernels.copy(da.at, arena.input("f32", dy).at, 4 * n);
    arena.check();
    same(arena.read(da), dy);
    for (const x of [a, b]) slopesAgree(() => dot(add(a, b), dy), x, { oracle: dy, kernel: arena.read(da) });
  });

  for (const [aScale, bScale] of [
    [0.5, 0.25],
    [0.731, 1.37],
    [1, 1],
    [0.013, 0.9],
  ] as const)
    test(`int8 agrees bit for bit, also in place: ${n} values, scales ${aScale} and ${bScale}`, () => {
      arena.reset();
      const random = new Random(3);
      const [a, b] = [integers(random, n, -128, 127), integers(random, n, -128, 127)];
      const y = arena.output("i8", n);
      const [aAt, bAt] = [arena.input("i8", a).at, arena.input("i8", b).at];
      const inA = arena.state("i8", a);
      const inB = arena.state("i8", b);
      kernels.addI8(y.at, aAt, bAt, n, aScale, bScale);
      kernels.addI8(inA.at, inA.at, bAt, n, aScale, bScale);
      kernels.addI8(inB.at, aAt, inB.at, n, aScale, bScale);
      arena.check();
      for (const block of [y, inA, inB]) same(arena.read(block), addI8(a, b, aScale, bScale));
    });
}

test("int8 rounds ties to even and holds to -128..127, for every pair of bytes", () => {
  arena.reset();
  const a = Float64Array.from({ length: 65536 }, (_, i) => (i >> 8) - 128);
  const b = Float64Array.from({ length: 65536 }, (_, i) => (i & 255) - 128);
  const y = arena.output("i8", 65536);
  kernels.addI8(y.at, arena.input("i8", a).at, arena.input("i8", b).at, 65536, 0.5, 0.75);
  arena.check();
  const found = arena.read(y);
  same(found, addI8(a, b, 0.5, 0.75));
  const at = (p: number, q: number): number => found[((p + 128) << 8) + q + 128]!;
  assert.deepEqual([at(1, 0), at(3, 0), at(-1, 0), at(-3, 0), at(127, 127), at(-128, -128)], [0, 2, 0, -2, 127, -128]);
});

test("copy takes any number of bytes and may overlap itself", () => {
  for (const bytes of [1, 5, 17, 64]) {
    arena.reset();
    const values = integers(new Random(4), 80, -128, 127);
    const block = arena.state("i8", values);
    kernels.copy(block.at + 3, block.at, bytes);
    arena.check();
    const expected = Array.from(values);
    expected.splice(3, bytes, ...Array.from(values.subarray(0, bytes)));
    same(arena.read(block), expected);
  }
});
