import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../src/core/random.js";
import { PAIR_PANELS, PANELS, QUAD_PANELS } from "../../src/ops/layout.js";
import { conv1x1, conv1x1Backward, conv1x1I8, conv1x1I8F32 } from "../oracle/conv1x1.js";
import { Arena, padded, storedChannels, unpadded } from "../support/arena.js";
import { close, dot, F32_SUM, same, slopesAgree } from "../support/compare.js";
import { integers, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

/** [co, ci] as the kernels want it, padding zero. */
function panels(w: Float64Array, co: number, ci: number, layout = PANELS): Float64Array {
  const dims = [co, ci, 1, 1];
  const out = new Float64Array(layout.length(dims));
  w.forEach((value, i) => {
    out[layout.at(dims, i)] = value;
  });
  return out;
}

/** Odd channel counts are stored with padding. */
const SHAPES = [1, 2, 3, 5, 33].flatMap((m) => [
  { m, ci: 8, co: 8 },
  { m, ci: 24, co: 40 },
  { m, ci: 5, co: 11 },
]);

test("weights lie in panels of eight outputs, one input a row", () => {
  const w = panels(
    Float64Array.from({ length: 16 * 8 }, (_, i) => i),
    16,
    8,
  );
  assert.deepEqual([...w.subarray(0, 9)], [0, 8, 16, 24, 32, 40, 48, 56, 1]); // input 0 of outputs 0..7, then input 1 of output 0
  assert.equal(w[8 * 8], 8 * 8); // the second panel begins with output 8, input 0
});

for (const { m, ci, co } of SHAPES)
  for (const slope of [1, 0, 0.1])
    test(`forward agrees with the oracle: ${m} pixels, ${ci} to ${co} channels, slope ${slope}`, () => {
      arena.reset();
      const random = new Random(1, m, ci);
      const [x, w, bias] = [normals(random, m * ci), normals(random, ci * co), normals(random, co)];
      const [ciStored, coStored] = [storedChannels(ci), storedChannels(co)];
      const y = arena.output("f32", m * coStored);
      kernels.conv1x1(
        y.at,
        arena.input("f32", padded(x, ci, ciStored)).at,
        arena.input("f32", panels(w, co, ci)).at,
        arena.input("f32", padded(bias, co, coStored)).at,
        m,
        ciStored,
        coStored,
        slope,
      );
      arena.check();
      close(unpadded(arena.read(y), co, coStored), conv1x1(x, w, bias, ci, slope), F32_SUM);
    });

for (const { m, ci, co } of SHAPES)
  test(`backward agrees with the oracle and with slopes, parameters are added to: ${m} pixels, ${ci} to ${co} channels`, () => {
    arena.reset();
    const random = new Random(2, m, ci);
    const [x, w, bias, dy] = [normals(random, m * ci), normals(random, ci * co), normals(random, co), normals(random, m * co)];
    const [ciStored, coStored] = [storedChannels(ci), storedChannels(co)];
    const was = { dw: normals(random, ciStored * coStored), db: normals(random, coStored) };
    const xAt = arena.input("f32", padded(x, ci, ciStored));
    const dyAt = arena.input("f32", padded(dy, co, coStored));
    const dw = arena.state("f32", was.dw);
    const db = arena.state("f32", was.db);
    const dx = arena.output("f32", m * ciStored);
    const transposed = arena.output("f32", ciStored * coStored);
    const zeros = arena.input("f32", new Float64Array(ciStored));
    kernels.conv1x1BackwardWeight(dw.at, xAt.at, dyAt.at, m, ciStored, coStored);
    kernels.biasBackward(db.at, dyAt.at, m, coStored);
    kernels.packTransposed(transposed.at, arena.input("f32", panels(w, co, ci)).at, ciStored, coStored);
    kernels.conv1x1(dx.at, dyAt.at, transposed.at, zeros.at, m, coStored, ciStored, 1);
    arena.check();

    const expected = conv1x1Backward(x, w, dy, ci, co);
    const dxKernel = unpadded(arena.read(dx), ci, ciStored);
    close(dxKernel, expected.dx, F32_SUM, "dx");
    const dwPacked = panels(expected.dw, co, ci);
    close(
      arena.read(dw),
      was.dw.map((v, i) => v + dwPacked[i]!),
      F32_SUM,
      "dw",
    );
    const dbPadded = padded(expected.db, co, coStored);
    close(
      arena.read(db),
      was.db.map((v, i) => v + dbPadded[i]!),
      F32_SUM,
      "db",
    );
    const cost = () => dot(conv1x1(x, w, bias, ci, 1), dy);
    slopesAgree(cost, x, { oracle: expected.dx, kernel: dxKernel }, "dx");
    slopesAgree(cost, w, { oracle: expected.dw }, "dw");
    slopesAgree(cost, bias, { oracle: expected.db }, "db");
  });

test("packTransposed turns panels [co / 8][ci][8] into [ci / 8][co][8]", () => {
  arena.reset();
  const [ci, co] = [24, 16];
  const w = integers(new Random(3), ci * co, -1000, 1000);
  const to = arena.output("f32", ci * co);
  kernels.packTransposed(to.at, arena.input("f32", panels(w, co, ci)).at, ci, co);
  arena.check();
  const turned = Float64Array.from({ length: ci * co }, (_, at) => w[(at % co) * ci + Math.floor(at / co)]!);
  same(arena.read(to), panels(turned, ci, co));
});

test("a long product that spans several blocks of rows agrees with the oracle (property)", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 150 }),
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer(),
      (m, a, b, seed) => {
        arena.reset();
        const [ci, co] = [4 * a, 8 * b];
        const random = new Random(4, seed);
        const [x, w, bias, dy] = [normals(random, m * ci), normals(random, ci * co), normals(random, co), normals(random, m * co)];
        const xAt = arena.input("f32", x);
        const y = arena.output("f32", m * co);
        const dw = arena.state("f32", new Float64Array(ci * co));
        // ci need only be a multiple of 4 here: [co / 8][ci][8], written out
        const tight = (from: Float64Array): Float64Array =>
          from.map((_, at) => from[(Math.floor(at / (8 * ci)) * 8 + (at % 8)) * ci + (Math.floor(at / 8) % ci)]!);
        kernels.conv1x1(y.at, xAt.at, arena.input("f32", tight(w)).at, arena.input("f32", bias).at, m, ci, co, 1);
        kernels.conv1x1BackwardWeight(dw.at, xAt.at, arena.input("f32", dy).at, m, ci, co);
        arena.check();
        close(arena.read(y), conv1x1(x, w, bias, ci, 1), F32_SUM);
        close(arena.read(dw), tight(conv1x1Backward(x, w, dy, ci, co).dw), F32_SUM);
      },
    ),
    { seed: 5, numRuns: 25 },
  );
});

/**
 * int8 cases: everyday scales; scale 1/2, where half of all results are ties; sums beyond 2^24, which f32 has to round; results so large
 * that adding 1.5 * 2^23 no longer rounds them.
 */
const CASES_I8 = [
  { name: "everyday", most: 127, bias: 2000, scale: () => 0.0007 },
  { name: "ties", most: 2, bias: 9, scale: () => 0.5 },
  { name: "sums beyond 2^24", most: 127, bias: 2 ** 29, scale: (random: Random) => random.uniform(1e-7, 3e-7) },
  { name: "far beyond int8", most: 127, bias: 2 ** 29, scale: (random: Random) => 10 ** random.uniform(-4, 4) },
];

for (const { flip, least } of arena.ways)
  for (const { m, ci, co } of SHAPES)
    for (const { name, most, bias: mostBias, scale: scaleOf } of CASES_I8)
      test(`int8 agrees bit for bit: ${m} pixels, ${ci} to ${co} channels, ${name}, flip ${flip}`, () => {
        for (const slope of [1, 0, 0.1])
          for (const rows of [4, 32]) {
            arena.reset();
            const random = new Random(6, m, ci, rows);
            const x = integers(random, m * ci, Math.max(least, most === 127 ? -128 : -most), most);
            const w = integers(random, ci * co, -most, most);
            const bias = integers(random, co, -mostBias, mostBias);
            const scale = Float64Array.from({ length: co }, () => Math.fround(scaleOf(random)));
            const [ciStored, coStored] = [storedChannels(ci), storedChannels(co)];
            const xAt = arena.input("i8", padded(x, ci, ciStored)).at;
            const wAt = arena.input(flip < 0 ? "i16" : "i8", panels(w, co, ci, flip < 0 ? PAIR_PANELS : QUAD_PANELS)).at;
            const biasAt = arena.input("i32", padded(bias, co, coStored)).at;
            const scaleAt = arena.input("f32", padded(scale, co, coStored)).at;
            const wide = arena.scratch(2 * rows * ciStored).at;
            const y = arena.output("i8", m * coStored);
            const yFloat = arena.output("f32", m * coStored);
            kernels.conv1x1I8(y.at, xAt, wAt, biasAt, scaleAt, wide, rows, m, ciStored, coStored, slope, flip);
            kernels.conv1x1I8F32(yFloat.at, xAt, wAt, biasAt, scaleAt, wide, rows, m, ciStored, coStored, slope, flip);
            arena.check();
            same(unpadded(arena.read(y), co, coStored), conv1x1I8(x, w, bias, scale, ci, slope));
            same(unpadded(arena.read(yFloat), co, coStored), conv1x1I8F32(x, w, bias, scale, ci, slope), "float");
          }
      });
