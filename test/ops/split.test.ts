import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../src/core/random.js";
import { split, splitBackward } from "../oracle/split.js";
import { Arena, padded, storedChannels, unpadded } from "../support/arena.js";
import { dot, same, slopesAgree } from "../support/compare.js";
import { integers, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

/** Even channel counts: with and without padding of the whole and of the halves, 58 as in the trunk. */
const CHANNELS = [2, 6, 8, 10, 16, 24, 30, 40, 48, 58];
const PIXELS = [1, 3, 17];

function splits(m: number, c: number, random: Random): void {
  arena.reset();
  const [whole, half] = [storedChannels(c), storedChannels(c / 2)];
  const [x, q] = [normals(random, m * c), integers(random, m * c, -128, 127)];
  const [even, odd] = [arena.output("f32", m * half), arena.output("f32", m * half)];
  const [evenI8, oddI8] = [arena.output("i8", m * half), arena.output("i8", m * half)];
  kernels.split(even.at, odd.at, arena.input("f32", padded(x, c, whole)).at, m, c, whole, half);
  kernels.splitI8(evenI8.at, oddI8.at, arena.input("i8", padded(q, c, whole)).at, m, c, whole, half);
  arena.check();
  same(unpadded(arena.read(even), c / 2, half), split(x).even, "even");
  same(unpadded(arena.read(odd), c / 2, half), split(x).odd, "odd");
  same(unpadded(arena.read(evenI8), c / 2, half), split(q).even, "int8 even");
  same(unpadded(arena.read(oddI8), c / 2, half), split(q).odd, "int8 odd");
}

function joins(m: number, c: number, random: Random): void {
  arena.reset();
  const [whole, half] = [storedChannels(c), storedChannels(c / 2)];
  const [x, deven, dodd] = [normals(random, m * c), normals(random, (m * c) / 2), normals(random, (m * c) / 2)];
  const dx = arena.output("f32", m * whole);
  const [evenAt, oddAt] = [deven, dodd].map((d) => arena.input("f32", padded(d, c / 2, half)).at);
  kernels.splitBackward(dx.at, evenAt!, oddAt!, m, c, whole, half);
  arena.check();
  const oracle = splitBackward(deven, dodd);
  const kernel = unpadded(arena.read(dx), c, whole);
  same(kernel, oracle);
  const cost = (): number => {
    const { even, odd } = split(x);
    return dot(even, deven) + dot(odd, dodd);
  };
  slopesAgree(cost, x, { oracle, kernel });
}

for (const m of PIXELS)
  for (const c of CHANNELS) {
    test(`forward parts even from odd and writes zeros as padding, f32 and int8: ${m} pixels of ${c} channels`, () =>
      splits(m, c, new Random(1)));
    test(`backward puts them back, writes zeros as padding and agrees with slopes: ${m} pixels of ${c} channels`, () =>
      joins(m, c, new Random(2)));
  }

test("forward and backward hold for any number of pixels and channels (property)", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 40 }), fc.integer(), (m, half, seed) => {
      splits(m, 2 * half, new Random(seed));
      joins(m, 2 * half, new Random(seed));
    }),
    { seed: 8, numRuns: 40 },
  );
});
