import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { runYuv } from "../../src/image/yuv.js";
import { yuv } from "../oracle/yuv.js";
import { Arena } from "../support/arena.js";
import { integers } from "../support/random.js";

/** Half a level of rounding, and what fixed point of 13 bits is off by at most. */
const LEVELS = 0.5 + 0.05;

const arena = await Arena.open();
const { kernels, engine } = arena;

for (const [width, height] of [
  [1, 1],
  [2, 2],
  [3, 5],
  [8, 4],
  [17, 3],
  [40, 6],
] as const)
  for (const format of ["I420", "NV12"] as const)
    test(`${format} of ${width} x ${height} becomes the RGBA that the standards' formulas give`, () => {
      for (const matrix of ["bt601", "bt709"] as const)
        for (const fullRange of [false, true]) {
          arena.reset();
          const random = new Random(width, height);
          const samples = Math.ceil(width / 2) * Math.ceil(height / 2);
          const luma = integers(random, width * height, 0, 255);
          const [u, v] = [integers(random, samples, 0, 255), integers(random, samples, 0, 255)];
          const chroma = format === "I420" ? [...u, ...v] : Array.from({ length: 2 * samples }, (_, i) => (i % 2 ? v : u)[i >> 1]!);
          const planes = arena.input("u8", [...luma, ...chroma]);
          const rgba = arena.output("u8", 4 * width * height);
          runYuv(engine, rgba.at, planes.at, { format, data: Uint8Array.from([...luma, ...chroma]), width, height, matrix, fullRange });
          arena.check();
          const wanted = yuv({ luma, u, v, width, height, matrix, fullRange });
          arena.read(rgba).forEach((byte, i) => {
            assert.ok(Math.abs(byte - wanted[i]!) <= LEVELS, `${matrix}, byte ${i}: ${byte}, not ${wanted[i]}`);
          });
        }
    });

test("black, white and what lies beyond them are held to 0 and 255, in vectors and behind them", () => {
  arena.reset();
  const width = 11;
  const luma = Array.from({ length: width }, (_, i) => (i % 2 ? 255 : 0));
  const planes = arena.input("u8", [...luma, ...Array.from({ length: 12 }, () => 128)]);
  const rgba = arena.output("u8", 4 * width);
  const u = planes.at + width;
  kernels.yuv(rgba.at, planes.at, u, u + 6, 1, width, 1, 16, 9539, 13075, -3209, -6660, 16525);
  arena.check();
  assert.deepEqual(
    [...arena.read(rgba)],
    luma.flatMap((y) => [y, y, y, 255]),
  );
});
