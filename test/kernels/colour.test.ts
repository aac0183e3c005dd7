import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { colour } from "../oracle/colour.js";
import { dequantize } from "../oracle/dequantize.js";
import { Arena } from "../support/arena.js";
import { close, F32_FEW, same } from "../support/compare.js";
import { integers, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

for (const pixels of [1, 3, 17 * 5])
  test(`colours go through the matrix, held to -128..127, and are scaled: ${pixels} pixels`, () => {
    for (const strength of [0, 0.3, 3]) {
      arena.reset();
      const random = new Random(2);
      const x = integers(random, 3 * pixels, -128, 127);
      // the identity disturbed: strength 3 is held at both bounds
      const matrix = normals(random, 16, strength).map((v, i) => Math.fround(v + (i < 12 && i % 5 === 0 ? 1 : 0)));
      for (let i = 12; i < 16; i++) matrix[i]! *= 20;
      const y = arena.output("f32", 3 * pixels, 4);
      kernels.colour(y.at, arena.input("i8", x).at, arena.input("f32", matrix).at, pixels, 1 / 58);
      arena.check();
      const expected = colour(x, matrix.map(Math.fround), Math.fround(1 / 58));
      if (strength === 0) same(arena.read(y), dequantize(x, 1 / 58));
      else close(arena.read(y), expected, F32_FEW);
    }
  });
