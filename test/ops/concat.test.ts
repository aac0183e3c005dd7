import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../src/core/random.js";
import { concat, concatBackward } from "../oracle/concat.js";
import { Arena, padded, storedChannels, unpadded } from "../support/arena.js";
import { dot, same, slopesAgree } from "../support/compare.js";
import { integers, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

const CHANNELS = [
  [8, 8],
  [24, 40],
  [29, 29],
  [1, 5],
  [17, 24],
  [8, 3 + 4],
] as const;
const PIXELS = [1, 3, 17];

function joins(m: number, ca: number, cb: number, random: Random): void {
  arena.reset();
  const [aStored, bStored, yStored] = [storedChannels(ca), storedChannels(cb), storedChannels(ca + cb)];
  const [a, b] = [normals(random, m * ca), normals(random, m * cb)];
  const [p, q] = [integers(random, m * ca, -128, 127), integers(random, m * cb, -128, 127)];
  const y = arena.output("f32", m * yStored);
  const yI8 = arena.output("i8", m * yStored);
  const [aAt, bAt] = [arena.input("f32", padded(a, ca, aStored)).at, arena.input("f32", padded(b, cb, bStored)).at];
  const [pAt, qAt] = [arena.input("i8", padded(p, ca, aStored)).at, arena.input("i8", padded(q, cb, bStored)).at];
  kernels.concat(y.at, aAt, bAt, m, 4 * ca, 4 * cb, 4 * aStored, 4 * bStored, 4 * yStored);
  kernels.concat(yI8.at, pAt, qAt, m, ca, cb, aStored, bStored, yStored);
  arena.check();
  same(unpadded(arena.read(y), ca + cb, yStored), concat(a, b, ca, cb), "f32");
  same(unpadded(arena.read(yI8), ca + cb, yStored), concat(p, q, ca, cb), "int8");
}

function parts(m: number, ca: number, cb: number, random: Random): void {
  arena.reset();
  const [aStored, bStored, yStored] = [storedChannels(ca), storedChannels(cb), storedChannels(ca + cb)];
  const [a, b, dy] = [normals(random, m * ca), normals(random, m * cb), normals(random, m * (ca + cb))];
  const [da, db] = [arena.output("f32", m * aStored), arena.output("f32", m * bStored)];
  const dyAt = arena.input("f32", padded(dy, ca + cb, yStored)).at;
  kernels.concatBackward(da.at, db.at, dyAt, m, 4 * ca, 4 * cb, 4 * aStored, 4 * bStored, 4 * yStored);
  arena.check();
  const oracle = concatBackward(dy, ca, cb);
  const kernel = { da: unpadded(arena.read(da), ca, aStored), db: unpadded(arena.read(db), cb, bStored) };
  same(kernel.da, oracle.da, "da");
  same(kernel.db, oracle.db, "db");
  const cost = (): number => dot(concat(a, b, ca, cb), dy);
  slopesAgree(cost, a, { oracle: oracle.da, kernel: kernel.da }, "da");
  slopesAgree(cost, b, { oracle: oracle.db, kernel: kernel.db }, "db");
}

for (const m of PIXELS)
  for (const [ca, cb] of CHANNELS) {
    test(`forward lays them side by side and writes zeros as padding, f32 and int8: ${m} pixels of ${ca} + ${cb}`, () =>
      joins(m, ca, cb, new Random(1)));
    test(`backward parts them, writes zeros as padding and agrees with slopes: ${m} pixels of ${ca} + ${cb}`, () =>
      parts(m, ca, cb, new Random(2)));
  }

test("forward and backward hold for any number of pixels and channels but 3, the picture's (property)", () => {
  const channels = fc.integer({ min: 1, max: 40 }).filter((c) => c !== 3);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), channels, channels, fc.integer(), (m, ca, cb, seed) => {
      fc.pre(ca + cb !== 3);
      joins(m, ca, cb, new Random(seed));
      parts(m, ca, cb, new Random(seed));
    }),
    { seed: 9, numRuns: 40 },
  );
});
