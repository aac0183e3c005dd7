import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { bilinear2, bilinear2Backward } from "../oracle/bilinear2.js";
import { toInt8 } from "../oracle/requantize.js";
import { Arena } from "../support/arena.js";
import { close, dot, F32_FEW, same, slopesAgree } from "../support/compare.js";
import { MAPS } from "../support/maps.js";
import { integers, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

for (const sizes of MAPS) {
  const { n, height, width, c } = sizes;
  const name = `${n} of ${height}x${width}x${c}`;
  const length = n * height * width * c;
  const rows = 2 * n * height;

  test(`forward agrees with the oracle, whole or in parts: ${name}`, () => {
    arena.reset();
    const x = normals(new Random(1), length);
    const [y, parts] = [arena.output("f32", 4 * length), arena.output("f32", 4 * length)];
    const at = arena.input("f32", x).at;
    kernels.bilinear2(y.at, at, 0, rows, height, width, c);
    kernels.bilinear2(parts.at, at, 0, 1, height, width, c);
    kernels.bilinear2(parts.at, at, 1, rows, height, width, c);
    arena.check();
    close(arena.read(y), bilinear2(x, sizes), F32_FEW);
    same(arena.read(parts), arena.read(y));
  });

  test(`int8 is the oracle's sum rounded half to even, to the bit, whole or in parts: ${name}`, () => {
    for (const ratio of [1, 2, 0.5]) {
      arena.reset();
      const x = integers(new Random(3), length, -128, 127);
      const [y, parts] = [arena.output("i8", 4 * length), arena.output("i8", 4 * length)];
      const at = arena.input("i8", x).at;
      kernels.bilinear2I8(y.at, at, 0, rows, height, width, c, ratio / 16);
      kernels.bilinear2I8(parts.at, at, 0, 1, height, width, c, ratio / 16);
      kernels.bilinear2I8(parts.at, at, 1, rows, height, width, c, ratio / 16);
      arena.check();
      const expected = Array.from(bilinear2(x, sizes), (v) => toInt8(v * ratio) + 0);
      same(arena.read(y), expected);
      same(arena.read(parts), expected);
    }
  });

  test(`backward agrees with the oracle and with slopes: ${name}`, () => {
    arena.reset();
    const random = new Random(2);
    const [x, dy] = [normals(random, length), normals(random, 4 * length)];
    const dx = arena.output("f32", length);
    kernels.bilinear2Backward(dx.at, arena.input("f32", dy).at, n, height, width, c);
    arena.check();
    const oracle = bilinear2Backward(dy, sizes);
    const kernel = arena.read(dx);
    close(kernel, oracle, F32_FEW);
    slopesAgree(() => dot(bilinear2(x, sizes), dy), x, { oracle, kernel, tolerance: F32_FEW });
  });
}
