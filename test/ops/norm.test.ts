import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { norm, normBackward } from "../oracle/norm.js";
import { Arena, padded, storedChannels, unpadded } from "../support/arena.js";
import { close, dot, F32_SUM, largest, slopesAgree } from "../support/compare.js";
import { normals, uniforms } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

/** In f64 as in the kernel's arguments. */
const EPSILON = Math.fround(1e-5);
const MOMENTUM = Math.fround(0.1);
/** Relative precision of an f32: it bounds how well a mean far from 0 can be held, hence y, by 2^-24 |mean| / deviation. */
const UNIT_ROUNDOFF = 2 ** -24;

const SHAPES = [2, 3, 5, 33, 3 * 5 * 17].flatMap((m) => [8, 24, 5].map((c) => ({ m, c })));

/** Values of a case; each channel has a mean and deviation of its own. */
function data(m: number, c: number, random: Random, offset = 1) {
  const [centre, spread] = [normals(random, c, offset), uniforms(random, c, 0.5, 2)];
  return {
    x: normals(random, m * c).map((v, i) => Math.fround(centre[i % c]! + spread[i % c]! * v)),
    gamma: uniforms(random, c, 0.5, 1.5),
    beta: normals(random, c),
    dy: normals(random, m * c),
    running: { mean: normals(random, c), variance: uniforms(random, c, 0.5, 2) },
  };
}

/** Runs the kernel on padded channels and leaves everything in the arena for the way back. */
function forward({ x, gamma, beta, running }: ReturnType<typeof data>, m: number, c: number, slope: number) {
  arena.reset();
  const wide = storedChannels(c);
  const block = (values: Float64Array) => arena.input("f32", padded(values, c, wide));
  const y = arena.output("f32", m * wide);
  const [mean, variance] = [running.mean, running.variance].map((values) => arena.state("f32", padded(values, c, wide)));
  const saved = arena.output("f32", 5 * wide);
  const moments = arena.output("f32", 2 * wide);
  const xAt = block(x).at;
  kernels.norm(y.at, xAt, block(gamma).at, block(beta).at, mean!.at, variance!.at, saved.at, moments.at, m, wide, EPSILON, MOMENTUM, slope);
  arena.check();
  const read = (from: typeof y): number[] => unpadded(arena.read(from), c, wide);
  return { y: read(y), mean: read(mean!), variance: unpaddedRunning(arena.read(variance!), c), saved, moments, xAt, wide };
}

/** The running variance of padding channels moves towards 0; only the real channels count. */
function unpaddedRunning(values: ArrayLike<number>, c: number): number[] {
  return Array.from(values).slice(0, c);
}

const CONSTANTS = { epsilon: EPSILON, momentum: MOMENTUM };

for (const { m, c } of SHAPES)
  for (const slope of [1, 0, Math.fround(0.1)])
    test(`forward and running statistics agree with the oracle: ${m} rows of ${c} channels, slope ${slope}`, () => {
      const values = data(m, c, new Random(1, m, c));
      const found = forward(values, m, c, slope);
      const expected = norm(values.x, values.gamma, values.beta, values.running, { ...CONSTANTS, slope });
      close(found.y, expected.y, F32_SUM, "y");
      close(found.mean, expected.runningMean, F32_SUM, "running mean");
      close(found.variance, expected.runningVariance, F32_SUM, "running variance");
    });

for (const { m, c } of SHAPES)
  for (const slope of [1, 0, Math.fround(0.1)])
    test(`backward agrees with the oracle and with slopes, parameters are added to: ${m} rows of ${c} channels, slope ${slope}`, () => {
      const random = new Random(2, m, c);
      const values = data(m, c, random);
      const { x, gamma, beta, dy, running } = values;
      const constants = { ...CONSTANTS, slope };
      const known = norm(x, gamma, beta, running, constants);
      // away from the kink: neither a slope's step nor f32 may cross it
      assert.ok(slope === 1 || known.before.every((v) => Math.abs(v) > 1e-4));
      const { saved, moments, xAt, wide } = forward(values, m, c, slope);
      const was = { gamma: normals(random, wide), beta: normals(random, wide) };
      const [dgamma, dbeta] = [arena.state("f32", was.gamma), arena.state("f32", was.beta)];
      const dyPadded = padded(dy, c, wide);
      const dx = arena.output("f32", m * wide);
      kernels.normBackward(dx.at, dgamma.at, dbeta.at, arena.input("f32", dyPadded).at, xAt, saved.at, moments.at, m, wide, slope);
      const inPlace = arena.state("f32", dyPadded);
      const [again, and] = [arena.state("f32", was.gamma), arena.state("f32", was.beta)];
      kernels.normBackward(inPlace.at, again.at, and.at, inPlace.at, xAt, saved.at, moments.at, m, wide, slope);
      arena.check();

      const expected = normBackward(known, dy, gamma, constants);
      const kernel = unpadded(arena.read(dx), c, wide);
      const plus = (before: Float64Array, gradient: Float64Array): Float64Array => {
        const full = padded(gradient, c, wide);
        return before.map((v, i) => v + full[i]!);
      };
      close(arena.read(dgamma), plus(was.gamma, expected.dgamma), F32_SUM, "dgamma");
      close(arena.read(dbeta), plus(was.beta, expected.dbeta), F32_SUM, "dbeta");
      close(arena.read(inPlace), arena.read(dx), 0, "dx over dy");
      // three terms cancel (with two rows almost wholly): the error is that of the largest
      const size = largest(dy.map((v, i) => (v * gamma[i % c]!) / Math.sqrt(known.variance[i % c]! + EPSILON)));
      close(kernel, expected.dx, F32_SUM, "dx", size);
      const cost = () => dot(norm(x, gamma, beta, running, constants).y, dy);
      slopesAgree(cost, gamma, { oracle: expected.dgamma }, "dgamma");
      slopesAgree(cost, beta, { oracle: expected.dbeta }, "dbeta");
      if (m > 3) slopesAgree(cost, x, { oracle: expected.dx, kernel }, "dx");
    });

for (const ratio of [100, 3000])
  test(`mean ${ratio} times the deviation: the variance keeps f32's precision, y loses no more than the mean's own rounding`, () => {
    const [m, c] = [3 * 5 * 17, 8];
    const random = new Random(3);
    const values = data(m, c, random);
    values.x = normals(random, m * c).map((v, i) => Math.fround(v + ratio * (i % 2 ? 1 : -1)));
    const found = forward(values, m, c, 1);
    const expected = norm(values.x, values.gamma, values.beta, values.running, { ...CONSTANTS, slope: 1 });
    close(found.variance, expected.runningVariance, F32_SUM, "running variance");
    close(found.mean, expected.runningMean, F32_SUM, "running mean");
    const inverse = arena.read(found.saved).slice(c, 2 * c);
    close(
      inverse,
      expected.variance.map((v) => 1 / Math.sqrt(v + EPSILON)),
      F32_SUM,
      "1 / deviation",
    );
    // mean, product and shift are rounded once each, at most half a unit in the last place of mean / deviation
    const allowed = 4 * ratio * UNIT_ROUNDOFF;
    close(found.y, expected.y, allowed, "y");

    const { dy, gamma } = values;
    const dx = arena.output("f32", m * c);
    const [dgamma, dbeta] = [arena.state("f32", new Float64Array(c)), arena.state("f32", new Float64Array(c))];
    const { saved, moments, xAt } = found;
    kernels.normBackward(dx.at, dgamma.at, dbeta.at, arena.input("f32", dy).at, xAt, saved.at, moments.at, m, c, 1);
    arena.check();
    const gradients = normBackward(expected, dy, gamma, { epsilon: EPSILON, slope: 1 });
    close(arena.read(dbeta), gradients.dbeta, F32_SUM, "dbeta");
    // sum of g (x - mean): a mean that is off by half a unit shifts it by that times sum g
    close(arena.read(dgamma), gradients.dgamma, F32_SUM + allowed, "dgamma");
    close(arena.read(dx), gradients.dx, F32_SUM + allowed, "dx");
  });

test("one row alone gives beta and leaves the running variance to decay", () => {
  const values = data(1, 8, new Random(4));
  const found = forward(values, 1, 8, 1);
  // x scale + (beta - x scale), where scale = gamma / sqrt(epsilon): the products' rounding is what is left
  close(found.y, values.beta, 4 * UNIT_ROUNDOFF, "y", 317 * largest(values.x.map((v, i) => v * values.gamma[i]!)));
  close(
    found.variance,
    values.running.variance.map((v) => v * (1 - MOMENTUM)),
    F32_SUM,
  );
});

test("a channel that is the same everywhere gives beta, and a finite gradient", () => {
  const [m, c] = [33, 8];
  const values = data(m, c, new Random(5));
  values.x = values.x.map((_, i) => Math.fround(7.3 * ((i % c) + 1)));
  const { y, saved, moments, xAt } = forward(values, m, c, 1);
  close(
    y,
    Float64Array.from({ length: m * c }, (_, i) => values.beta[i % c]!),
    4 * UNIT_ROUNDOFF,
    "y",
    317 * largest(values.x.map((v, i) => v * values.gamma[i % c]!)),
  );
  const dx = arena.output("f32", m * c);
  const [dgamma, dbeta] = [arena.state("f32", new Float64Array(c)), arena.state("f32", new Float64Array(c))];
  kernels.normBackward(dx.at, dgamma.at, dbeta.at, arena.input("f32", values.dy).at, xAt, saved.at, moments.at, m, c, 1);
  arena.check();
  assert.ok(arena.read(dx).every(Number.isFinite));
});
