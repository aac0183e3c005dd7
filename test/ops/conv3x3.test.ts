import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { PAIR_PANELS3X3, PANELS3X3, QUAD_PANELS3X3 } from "../../src/ops/layout.js";
import { conv3x3, conv3x3Backward, conv3x3I8, type Sizes3x3 } from "../oracle/conv3x3.js";
import { Arena, padded, storedChannels, unpadded } from "../support/arena.js";
import { close, dot, F32_SUM, same, slopesAgree } from "../support/compare.js";
import { integers, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

/** [co, c, 3, 3] as the kernels want it, padding zero. */
function panels(w: Float64Array, { co, c }: Sizes3x3, layout = PANELS3X3): Float64Array {
  const dims = [co, c, 3, 3];
  const out = new Float64Array(layout.length(dims));
  w.forEach((value, i) => {
    out[layout.at(dims, i)] = value;
  });
  return out;
}

const SHAPES: Sizes3x3[] = [1, 2].flatMap((stride) => [
  { n: 1, height: 1, width: 1, c: 3, co: 8, stride },
  { n: 1, height: 1, width: 1, c: 8, co: 8, stride },
  { n: 1, height: 1, width: 5, c: 8, co: 16, stride },
  { n: 3, height: 5, width: 3, c: 3, co: 24, stride },
  { n: 1, height: 3, width: 2, c: 5, co: 11, stride },
  { n: 1, height: 17, width: 17, c: 3, co: 8, stride },
  { n: 3, height: 4, width: 5, c: 8, co: 24, stride },
  { n: 1, height: 5, width: 17, c: 24, co: 40, stride },
]);
const nameOf = ({ n, height, width, c, co, stride }: Sizes3x3): string => `${n} of ${height}x${width}x${c} to ${co}, stride ${stride}`;

function outputPixels({ n, height, width, stride }: Sizes3x3): number {
  return n * Math.ceil(height / stride) * Math.ceil(width / stride);
}

/** Values of a case, channels unpadded. */
function data(sizes: Sizes3x3, random: Random) {
  const { n, height, width, c, co } = sizes;
  return {
    x: normals(random, n * height * width * c),
    w: normals(random, co * c * 9),
    bias: normals(random, co),
    dy: normals(random, outputPixels(sizes) * co),
  };
}

for (const sizes of SHAPES)
  for (const slope of [1, 0, 0.1])
    test(`forward agrees with the oracle: ${nameOf(sizes)}, slope ${slope}`, () => {
      arena.reset();
      const { x, w, bias } = data(sizes, new Random(1));
      const { n, height, width, stride } = sizes;
      const [c, co] = [storedChannels(sizes.c), storedChannels(sizes.co)];
      const y = arena.output("f32", outputPixels(sizes) * co);
      kernels.conv3x3(
        y.at,
        arena.input("f32", padded(x, sizes.c, c)).at,
        arena.input("f32", panels(w, sizes)).at,
        arena.input("f32", padded(bias, sizes.co, co)).at,
        arena.output("f32", 3 * (width + 2) * c).at,
        0,
        n * Math.ceil(height / stride),
        height,
        width,
        c,
        co,
        stride,
        slope,
      );
      arena.check();
      close(unpadded(arena.read(y), sizes.co, co), conv3x3(x, w, bias, sizes, slope), F32_SUM);
    });

for (const sizes of SHAPES)
  test(`backward agrees with the oracle and with slopes, weights are added to: ${nameOf(sizes)}`, () => {
    arena.reset();
    const random = new Random(2);
    const { x, w, bias, dy } = data(sizes, random);
    const { n, height, width, stride } = sizes;
    const [c, co] = [storedChannels(sizes.c), storedChannels(sizes.co)];
    const k = 9 * c;
    const was = normals(random, k * co);
    const dw = arena.state("f32", was);
    const dyAt = arena.input("f32", padded(dy, sizes.co, co)).at;
    const rows = arena.output("f32", 3 * (width + 2) * c).at;
    const xAt = arena.input("f32", padded(x, sizes.c, c)).at;
    kernels.conv3x3BackwardWeight(dw.at, xAt, dyAt, rows, n, height, width, c, co, stride);
    arena.check();
    const expected = conv3x3Backward(x, w, dy, sizes);
    const dwPacked = panels(expected.dw, sizes);
    close(
      arena.read(dw),
      was.map((v, i) => v + dwPacked[i]!),
      F32_SUM,
      "dw",
    );
    const cost = () => dot(conv3x3(x, w, bias, sizes, 1), dy);
    slopesAgree(cost, w, { oracle: expected.dw }, "dw");
    slopesAgree(cost, x, { oracle: expected.dx }, "dx");

    if (c % 8 !== 0) return; // the picture itself needs no gradient
    const transposed = arena.output("f32", k * co);
    const dx = arena.output("f32", n * height * width * c);
    const patches = arena.output("f32", Math.ceil(width / stride) * k).at;
    kernels.packTransposed(transposed.at, arena.input("f32", panels(w, sizes)).at, k, co);
    kernels.conv3x3BackwardData(
      dx.at,
      dyAt,
      transposed.at,
      arena.input("f32", new Float64Array(k)).at,
      patches,
      n,
      height,
      width,
      c,
      co,
      stride,
    );
    arena.check();
    const kernel = unpadded(arena.read(dx), sizes.c, c);
    close(kernel, expected.dx, F32_SUM, "dx");
    slopesAgree(cost, x, { oracle: expected.dx, kernel }, "dx");
  });

/** Everyday scales, and scale 1/2, where half of all results are ties. */
const CASES_I8 = [
  { name: "everyday", most: 127, bias: 4000, scale: 0.0004 },
  { name: "ties", most: 1, bias: 5, scale: 0.5 },
];

for (const { flip, least } of arena.ways)
  for (const sizes of SHAPES)
    for (const { name, most, bias: mostBias, scale: everyScale } of CASES_I8)
      for (const slope of [1, 0, 0.1])
        test(`int8 agrees bit for bit: ${nameOf(sizes)}, ${name}, slope ${slope}, flip ${flip}`, () => {
          arena.reset();
          const random = new Random(3);
          const { n, height, width, stride } = sizes;
          const [c, co] = [storedChannels(sizes.c), storedChannels(sizes.co)];
          const x = integers(random, n * height * width * sizes.c, Math.max(least, most === 127 ? -128 : -most), most);
          const w = integers(random, 9 * sizes.c * sizes.co, -most, most);
          const bias = integers(random, sizes.co, -mostBias, mostBias);
          const scale = Float64Array.from({ length: sizes.co }, (_, i) =>
            Math.fround(name === "ties" ? everyScale : everyScale * (1 + i / 9)),
          );
          const y = arena.output("i8", outputPixels(sizes) * co);
          kernels.conv3x3I8(
            y.at,
            arena.input("i8", padded(x, sizes.c, c)).at,
            arena.input(flip < 0 ? "i16" : "i8", panels(w, sizes, flip < 0 ? PAIR_PANELS3X3 : QUAD_PANELS3X3)).at,
            arena.input("i32", padded(bias, sizes.co, co)).at,
            arena.input("f32", padded(scale, sizes.co, co)).at,
            arena.scratch(2 * 3 * ((width + 2) * c + 8), 0).at,
            0,
            n * Math.ceil(height / stride),
            height,
            width,
            c,
            co,
            stride,
            slope,
            flip,
          );
          arena.check();
          same(unpadded(arena.read(y), sizes.co, co), conv3x3I8(x, w, bias, scale, sizes, slope));
        });
