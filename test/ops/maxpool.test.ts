import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { maxpool, maxpoolBackward } from "../oracle/maxpool.js";
import { Arena } from "../support/arena.js";
import { close, dot, F32_FEW, same, slopesAgree } from "../support/compare.js";
import { distinct, integers, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

const SHAPES = [1, 3].flatMap((n) => [
  { n, height: 1, width: 1, c: 8 },
  { n, height: 2, width: 2, c: 8 },
  { n, height: 3, width: 5, c: 24 },
  { n, height: 1, width: 17, c: 8 },
  { n, height: 6, width: 17, c: 40 },
]);
const outputs = ({ n, height, width, c }: (typeof SHAPES)[number]): number => n * Math.ceil(height / 2) * Math.ceil(width / 2) * c;

function backward(x: Float64Array, dy: Float64Array, sizes: (typeof SHAPES)[number]) {
  arena.reset();
  const { n, height, width, c } = sizes;
  const xAt = arena.input("f32", x).at;
  const yAt = arena.input("f32", maxpool(x, sizes)).at;
  const dx = arena.output("f32", x.length);
  kernels.maxpoolBackward(dx.at, arena.input("f32", dy).at, xAt, yAt, n, height, width, c);
  arena.check();
  return arena.read(dx);
}

for (const sizes of SHAPES) {
  const { n, height, width, c } = sizes;
  const name = `${n} of ${height}x${width}x${c}`;
  const length = n * height * width * c;

  test(`forward is the largest of each window, also where all are negative: ${name}`, () => {
    for (const shift of [0, -1000]) {
      arena.reset();
      const x = normals(new Random(1), length).map((v) => Math.fround(v + shift));
      const y = arena.output("f32", outputs(sizes));
      kernels.maxpool(y.at, arena.input("f32", x).at, 0, n * Math.ceil(height / 2), height, width, c);
      arena.check();
      same(arena.read(y), maxpool(x, sizes));
    }
  });

  test(`backward agrees with the oracle and with slopes where no two are equal: ${name}`, () => {
    const random = new Random(2);
    const [x, dy] = [distinct(random, length), normals(random, outputs(sizes))];
    const kernel = backward(x, dy, sizes);
    const oracle = maxpoolBackward(dy, x, sizes);
    close(kernel, oracle, F32_FEW);
    slopesAgree(() => dot(maxpool(x, sizes), dy), x, { oracle, kernel, tolerance: F32_FEW });
  });

  test(`backward gives ties to the first of them, rows first: ${name}`, () => {
    const random = new Random(3);
    const x = integers(random, length, 0, 2);
    const dy = integers(random, outputs(sizes), 1, 9);
    same(backward(x, dy, sizes), maxpoolBackward(dy, x, sizes));
  });

  test(`int8 agrees bit for bit: ${name}`, () => {
    arena.reset();
    const x = integers(new Random(4), length, -128, 127);
    const y = arena.output("i8", outputs(sizes), 8);
    kernels.maxpoolI8(y.at, arena.input("i8", x).at, 0, n * Math.ceil(height / 2), height, width, c);
    arena.check();
    same(arena.read(y), maxpool(x, sizes));
  });
}

test("where a whole picture is equal, each window's gradient goes to its top left corner, once", () => {
  const sizes = { n: 1, height: 5, width: 5, c: 8 };
  const dx = backward(new Float64Array(200).fill(1), new Float64Array(72).fill(1), sizes);
  const ones = Array.from({ length: 25 }, (_, pixel) => (dx[pixel * 8] ? pixel : -1)).filter((pixel) => pixel >= 0);
  assert.deepEqual(ones, [0, 1, 3, 5, 6, 8, 15, 16, 18]);
  assert.equal(
    dx.reduce((total, v) => total + v, 0),
    72,
  );
});
