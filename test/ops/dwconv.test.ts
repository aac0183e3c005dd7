import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../src/core/random.js";
import { PAIR_TAPS, pack, QUAD_TAPS, TAPS } from "../../src/ops/layout.js";
import { dwconv, dwconvBackward, dwconvI8, type SizesDepthwise } from "../oracle/dwconv.js";
import { Arena, type Block, padded, storedChannels, unpadded } from "../support/arena.js";
import { close, dot, F32_SUM, same, slopesAgree } from "../support/compare.js";
import { integers, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

/** [c, 1, kernel, kernel] as the f32 kernels want it, padding zero. */
function taps(w: Float64Array, { c, kernel }: SizesDepthwise): Float64Array {
  const dims = [c, 1, kernel, kernel];
  const out = new Float64Array(TAPS.length(dims));
  w.forEach((value, i) => {
    out[TAPS.at(dims, i)] = value;
  });
  return out;
}

/** The same for the int8 kernel. */
function tapsI8(w: Float64Array, { c, kernel }: SizesDepthwise, flip: number): Block {
  const dims = [c, 1, kernel, kernel];
  const [layout, kind, Numbers] = flip < 0 ? ([PAIR_TAPS, "i16", Int16Array] as const) : ([QUAD_TAPS, "i8", Int8Array] as const);
  const out = new Numbers(layout.length(dims));
  pack({ dims, data: Int8Array.from(w) }, layout, out);
  return arena.input(kind, out);
}

const SHAPES: SizesDepthwise[] = [3, 5].flatMap((kernel) =>
  [1, 2].flatMap((stride) => [
    { n: 1, height: 1, width: 1, c: 8, kernel, stride },
    { n: 1, height: 1, width: 3, c: 24, kernel, stride },
    { n: 3, height: 3, width: 5, c: 8, kernel, stride },
    { n: 1, height: 5, width: 2, c: 5, kernel, stride },
    { n: 1, height: 17, width: 17, c: 8, kernel, stride },
    { n: 3, height: 4, width: 18, c: 24, kernel, stride },
    { n: 1, height: 5, width: 17, c: 40, kernel, stride },
  ]),
);
const nameOf = ({ n, height, width, c, kernel, stride }: SizesDepthwise): string =>
  `${n} of ${height}x${width}x${c}, kernel ${kernel}, stride ${stride}`;

function outputPixels({ n, height, width, stride }: SizesDepthwise): number {
  return n * Math.ceil(height / stride) * Math.ceil(width / stride);
}

/** Values of a case, channels unpadded. */
function data(sizes: SizesDepthwise, random: Random) {
  const { n, height, width, c, kernel } = sizes;
  return {
    x: normals(random, n * height * width * c),
    w: normals(random, c * kernel * kernel),
    bias: normals(random, c),
    dy: normals(random, outputPixels(sizes) * c),
  };
}

function forwardAgrees(sizes: SizesDepthwise, slope: number, random: Random): void {
  arena.reset();
  const { x, w, bias } = data(sizes, random);
  const { n, height, width, kernel, stride } = sizes;
  const c = storedChannels(sizes.c);
  const y = arena.output("f32", outputPixels(sizes) * c);
  const xAt = arena.input("f32", padded(x, sizes.c, c)).at;
  const biasAt = arena.input("f32", padded(bias, sizes.c, c)).at;
  kernels.dwconv(
    y.at,
    xAt,
    arena.input("f32", taps(w, sizes)).at,
    biasAt,
    0,
    n * Math.ceil(height / stride),
    height,
    width,
    c,
    kernel,
    stride,
    slope,
  );
  arena.check();
  close(unpadded(arena.read(y), sizes.c, c), dwconv(x, w, bias, sizes, slope), F32_SUM);
}

function backwardAgrees(sizes: SizesDepthwise, random: Random, slopes: boolean): void {
  arena.reset();
  const { x, w, bias, dy } = data(sizes, random);
  const { n, height, width, kernel, stride } = sizes;
  const c = storedChannels(sizes.c);
  const was = normals(random, kernel * kernel * c);
  const dw = arena.state("f32", was);
  const dx = arena.output("f32", n * height * width * c);
  const dyAt = arena.input("f32", padded(dy, sizes.c, c)).at;
  const xAt = arena.input("f32", padded(x, sizes.c, c)).at;
  const flipped = arena.output("f32", kernel * kernel * c).at;
  const zeros = arena.input("f32", new Float64Array(c)).at;
  const wAt = arena.input("f32", taps(w, sizes)).at;
  kernels.dwconvBackwardWeight(dw.at, xAt, dyAt, n, height, width, c, kernel, stride);
  kernels.dwconvBackwardData(dx.at, dyAt, wAt, flipped, zeros, n, height, width, c, kernel, stride);
  arena.check();
  const expected = dwconvBackward(x, w, dy, sizes);
  const dwPacked = taps(expected.dw, sizes);
  close(
    arena.read(dw),
    was.map((v, i) => v + dwPacked[i]!),
    F32_SUM,
    "dw",
  );
  const kernelDx = unpadded(arena.read(dx), sizes.c, c);
  close(kernelDx, expected.dx, F32_SUM, "dx");
  if (!slopes) return;
  const cost = () => dot(dwconv(x, w, bias, sizes, 1), dy);
  slopesAgree(cost, x, { oracle: expected.dx, kernel: kernelDx }, "dx");
  slopesAgree(cost, w, { oracle: expected.dw }, "dw");
}

function int8Agrees(sizes: SizesDepthwise, slope: number, ties: boolean, random: Random, { flip, least }: Arena["ways"][number]): void {
  arena.reset();
  const { n, height, width, kernel, stride } = sizes;
  const c = storedChannels(sizes.c);
  // half a unit a step: every odd sum is a tie
  const x = integers(random, n * height * width * sizes.c, Math.max(least, ties ? -2 : -128), ties ? 2 : 127);
  const w = integers(random, sizes.c * kernel * kernel, ties ? -2 : -127, ties ? 2 : 127);
  const bias = integers(random, sizes.c, ties ? -9 : -9000, ties ? 9 : 9000);
  const scale = Float64Array.from({ length: sizes.c }, () => Math.fround(ties ? 0.5 : random.uniform(0.0005, 0.005)));
  const y = arena.output("i8", outputPixels(sizes) * c);
  kernels.dwconvI8(
    y.at,
    arena.input("i8", padded(x, sizes.c, c)).at,
    tapsI8(w, sizes, flip).at,
    arena.input("i32", padded(bias, sizes.c, c)).at,
    arena.input("f32", padded(scale, sizes.c, c)).at,
    arena.scratch(width * c).at,
    0,
    n * Math.ceil(height / stride),
    height,
    width,
    c,
    kernel,
    stride,
    slope,
    flip,
  );
  arena.check();
  same(unpadded(arena.read(y), sizes.c, c), dwconvI8(x, w, bias, scale, sizes, slope));
}

for (const sizes of SHAPES) {
  test(`forward agrees with the oracle: ${nameOf(sizes)}`, () => {
    for (const slope of [1, 0, 0.1]) forwardAgrees(sizes, slope, new Random(1));
  });
  test(`int8 agrees bit for bit: ${nameOf(sizes)}`, () => {
    for (const way of arena.ways)
      for (const slope of [1, 0, 0.1]) for (const ties of [false, true]) int8Agrees(sizes, slope, ties, new Random(2), way);
  });
  test(`backward agrees with the oracle and with slopes, weights are added to: ${nameOf(sizes)}`, () =>
    backwardAgrees(sizes, new Random(3), true));
}

test("forward, backward and int8 agree with the oracle on any size (property)", () => {
  const side = fc.integer({ min: 1, max: 13 });
  const sizesOf = fc.record({
    n: fc.integer({ min: 1, max: 2 }),
    height: side,
    width: side,
    c: fc.constantFrom(8, 16),
    kernel: fc.constantFrom(3, 5),
    stride: fc.constantFrom(1, 2),
  });
  fc.assert(
    fc.property(sizesOf, fc.integer(), (sizes, seed) => {
      forwardAgrees(sizes, 1, new Random(seed));
      backwardAgrees(sizes, new Random(seed), false);
      for (const way of arena.ways) int8Agrees(sizes, 0, false, new Random(seed), way);
    }),
    { seed: 7, numRuns: 40 },
  );
});
