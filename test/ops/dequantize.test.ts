import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { dequantize } from "../oracle/dequantize.js";
import { Arena } from "../support/arena.js";
import { same } from "../support/compare.js";
import { integers } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

for (const n of [1, 5, 8, 3 * 17 * 5])
  test(`bytes become floats exactly: ${n} values`, () => {
    arena.reset();
    const x = integers(new Random(1), n, -128, 127);
    const y = arena.output("f32", n, 4 * 7);
    kernels.dequantize(y.at, arena.input("i8", x).at, n, 1 / 58);
    arena.check();
    same(arena.read(y), dequantize(x, 1 / 58));
  });
