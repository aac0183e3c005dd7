import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { upsample2, upsample2Backward } from "../oracle/upsample2.js";
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

  test(`forward copies each pixel four times, f32 and int8: ${name}`, () => {
    arena.reset();
    const random = new Random(1);
    const [x, q] = [normals(random, length), integers(random, length, -128, 127)];
    const y = arena.output("f32", 4 * length);
    const yI8 = arena.output("i8", 4 * length);
    kernels.upsample2(y.at, arena.input("f32", x).at, n, height, width, 4 * c);
    kernels.upsample2(yI8.at, arena.input("i8", q).at, n, height, width, c);
    arena.check();
    same(arena.read(y), upsample2(x, sizes));
    same(arena.read(yI8), upsample2(q, sizes));
  });

  test(`backward agrees with the oracle and with slopes: ${name}`, () => {
    arena.reset();
    const random = new Random(2);
    const [x, dy] = [normals(random, length), normals(random, 4 * length)];
    const dx = arena.output("f32", length);
    kernels.upsample2Backward(dx.at, arena.input("f32", dy).at, n, height, width, c);
    arena.check();
    const oracle = upsample2Backward(dy, sizes);
    const kernel = arena.read(dx);
    close(kernel, oracle, F32_FEW);
    slopesAgree(() => dot(upsample2(x, sizes), dy), x, { oracle, kernel, tolerance: F32_FEW });
  });
}
