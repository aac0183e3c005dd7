import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { globalmean, globalmeanBackward } from "../oracle/globalmean.js";
import { toInt8 } from "../oracle/requantize.js";
import { Arena } from "../support/arena.js";
import { close, dot, F32_SUM, same, slopesAgree } from "../support/compare.js";
import { MAPS } from "../support/maps.js";
import { integers, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

for (const sizes of MAPS) {
  const { n, height, width, c } = sizes;
  const name = `${n} of ${height}x${width}x${c}`;
  const cells = height * width;

  test(`forward agrees with the oracle, whole or picture by picture: ${name}`, () => {
    arena.reset();
    const x = normals(new Random(1), n * cells * c);
    const [y, parts] = [arena.output("f32", n * c), arena.output("f32", n * c)];
    const at = arena.input("f32", x).at;
    kernels.globalmean(y.at, at, 0, n, cells, c);
    for (let b = 0; b < n; b++) kernels.globalmean(parts.at, at, b, b + 1, cells, c);
    arena.check();
    close(arena.read(y), globalmean(x, sizes), F32_SUM);
    same(arena.read(parts), arena.read(y));
  });

  test(`int8 is the exact sum in one multiplication, rounded half to even, to the bit: ${name}`, () => {
    for (const ratio of [1, 2, 0.5]) {
      arena.reset();
      const x = integers(new Random(3), n * cells * c, -128, 127);
      const y = arena.output("i8", n * c);
      const scale = Math.fround(ratio / cells);
      kernels.globalmeanI8(y.at, arena.input("i8", x).at, 0, n, cells, c, scale);
      arena.check();
      const sums = Array.from(globalmean(x, sizes), (v) => Math.round(v * cells));
      same(
        arena.read(y),
        sums.map((sum) => toInt8(Math.fround(sum * scale)) + 0),
      );
    }
  });

  test(`backward agrees with the oracle and with slopes: ${name}`, () => {
    arena.reset();
    const random = new Random(2);
    const [x, dy] = [normals(random, n * cells * c), normals(random, n * c)];
    const dx = arena.output("f32", n * cells * c);
    kernels.globalmeanBackward(dx.at, arena.input("f32", dy).at, n, cells, c);
    arena.check();
    const oracle = globalmeanBackward(dy, sizes);
    const kernel = arena.read(dx);
    close(kernel, oracle, F32_SUM);
    slopesAgree(() => dot(globalmean(x, sizes), dy), x, { oracle, kernel, tolerance: F32_SUM });
  });
}
