import assert from "node:assert/strict";
import { test } from "node:test";
import { FourwayError } from "../../src/core/errors.js";
import { Random } from "../../src/core/random.js";
import { fitPlattScaling as fitAtSizes, fitBetaCalibration, reliability } from "../../src/eval/fitCalibration.js";
import { calibratedLogit, IDENTITY } from "../../src/model/calibration.js";

interface Pair {
  scale: number;
  offset: number;
}

/** The fit for all sizes. */
function fitPlattScaling(logits: number[], truths: boolean[]): Pair {
  const { sizes, scales, offsets } = fitAtSizes(logits, truths);
  assert.deepEqual([sizes.length, scales.length, offsets.length], [1, 1, 1]);
  return { scale: scales[0]!, offset: offsets[0]! };
}

/** The probability that a calibration makes of a raw logit. */
const applyPlattScaling = ({ scale, offset }: Pair, logit: number): number => 1 / (1 + Math.exp(-(scale * logit + offset)));

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Logits whose truths are drawn with probability sigmoid(scale * logit + offset). */
function draw(seed: number, count: number, scale: number, offset: number): { logits: number[]; truths: boolean[] } {
  const random = new Random(seed);
  const logits = Array.from({ length: count }, () => 3 * random.normal());
  return { logits, truths: logits.map((logit) => random.chance(sigmoid(scale * logit + offset))) };
}

/** The fitted cost, written again from its definition: Lin et al.'s targets and the prior .01 / 2 ((a - 1)^2 + b^2). */
function oracleCost(a: number, b: number, logits: number[], truths: boolean[]): number {
  const positives = truths.filter(Boolean).length;
  const negatives = truths.length - positives;
  return logits.reduce(
    (sum, logit, i) => {
      const target = truths[i] ? (positives + 1) / (positives + 2) : 1 / (negatives + 2);
      const p = sigmoid(a * logit + b);
      return sum - target * Math.log(p) - (1 - target) * Math.log(1 - p);
    },
    0.005 * ((a - 1) ** 2 + b ** 2),
  );
}

test("the fit finds the law that the truths were drawn by", () => {
  for (const [scale, offset] of [
    [0.5, 1],
    [1.7, -2],
    [1, 0],
  ] as const) {
    const { logits, truths } = draw(3, 20000, scale, offset);
    const fit = fitPlattScaling(logits, truths);
    // About four standard errors at 20 000 draws.
    assert.ok(Math.abs(fit.scale - scale) < 0.1 && Math.abs(fit.offset - offset) < 0.12, JSON.stringify(fit));
  }
});

test("at the fit the oracle's cost is flat, and higher all round", () => {
  const { logits, truths } = draw(5, 60, 0.7, -1);
  const { scale, offset } = fitPlattScaling(logits, truths);
  const at = (a: number, b: number): number => oracleCost(scale + a, offset + b, logits, truths);
  const h = 1e-4;
  assert.ok(Math.abs(at(h, 0) - at(-h, 0)) / (2 * h) < 1e-5);
  assert.ok(Math.abs(at(0, h) - at(0, -h)) / (2 * h) < 1e-5);
  for (let turn = 0; turn < 8; turn++) assert.ok(at(0.1 * Math.cos(turn), 0.1 * Math.sin(turn)) > at(0, 0));
});

test("separable truths, one kind of truth, equal logits and a single picture give finite fits that keep the order", () => {
  const ramp = Array.from({ length: 40 }, (_, i) => i - 19.5);
  const cases: [number[], boolean[]][] = [
    [ramp, ramp.map((logit) => logit > 0)],
    [ramp.map((logit) => logit * 1000), ramp.map((logit) => logit > 0)],
    [ramp, ramp.map(() => true)],
    [ramp, ramp.map(() => false)],
    [ramp.map(() => 2), ramp.map((_, i) => i < 10)],
    [[-3], [true]],
  ];
  for (const [logits, truths] of cases) {
    const fit = fitPlattScaling(logits, truths);
    assert.ok(Number.isFinite(fit.scale) && Number.isFinite(fit.offset) && fit.scale > 0, JSON.stringify(fit));
    const mean = logits.reduce((sum, logit) => sum + applyPlattScaling(fit, logit), 0) / logits.length;
    const share = truths.filter(Boolean).length / truths.length;
    // The smoothed targets hold the mean within one picture of the truth, the prior within a little more.
    assert.ok(Math.abs(mean - share) < 1.5 / (logits.length + 2) + 0.02, `${mean} for ${share}: ${JSON.stringify(fit)}`);
  }
});

test("logits that say the contrary are flattened to the base rate, not turned round", () => {
  const { logits, truths } = draw(9, 400, -1, 0);
  const fit = fitPlattScaling(logits, truths);
  assert.equal(fit.scale, 0.01);
  const share = truths.filter(Boolean).length / truths.length;
  assert.ok(Math.abs(applyPlattScaling(fit, 0) - share) < 0.02);
});

test("calibrating lowers the expected calibration error on fresh draws", () => {
  const fit = (({ logits, truths }) => fitPlattScaling(logits, truths))(draw(11, 400, 0.4, -1));
  const { logits, truths } = draw(12, 4000, 0.4, -1);
  const raw = reliability(logits.map(sigmoid), truths).error!;
  const calibrated = reliability(
    logits.map((logit) => applyPlattScaling(fit, logit)),
    truths,
  ).error!;
  assert.ok(raw > 0.15 && calibrated < 0.05, `${raw} to ${calibrated}`);
});

test("no pictures leave the identity", () => {
  assert.deepEqual(fitAtSizes([], []), IDENTITY);
});

/** Laws that change with the size: scale and offset at 10, 20 and 40, between them linear. */
const AT = [10, 20, 40];
const LAWS = { scales: [0.6, 1.4, 1], offsets: [1, 0, -2] };
function drawAtSizes(seed: number, count: number): { logits: number[]; truths: boolean[]; of: number[] } {
  const random = new Random(seed);
  const logits = Array.from({ length: count }, () => 2 * random.normal());
  const of = logits.map(() => random.uniform(5, 60));
  const law = (values: number[], size: number): number =>
    size <= 10
      ? values[0]!
      : size >= 40
        ? values[2]!
        : size < 20
          ? values[0]! + ((size - 10) / 10) * (values[1]! - values[0]!)
          : values[1]! + ((size - 20) / 20) * (values[2]! - values[1]!);
  const truths = logits.map((logit, i) => random.chance(sigmoid(law(LAWS.scales, of[i]!) * logit + law(LAWS.offsets, of[i]!))));
  return { logits, truths, of };
}

test("a fit at several sizes finds the law at each of them, between and beyond", () => {
  const { logits, truths, of } = drawAtSizes(21, 60000);
  const fit = fitAtSizes(logits, truths, { of, at: AT });
  assert.deepEqual(fit.sizes, AT);
  // about four standard errors at 60 000 draws
  for (let k = 0; k < 3; k++)
    assert.ok(
      Math.abs(fit.scales[k]! - LAWS.scales[k]!) < 0.12 && Math.abs(fit.offsets[k]! - LAWS.offsets[k]!) < 0.12,
      JSON.stringify(fit),
    );
});

test("a size without logits takes after its neighbour, and one whose logits say the contrary is flattened alone", () => {
  const { logits, truths } = draw(23, 4000, 1.5, -1);
  const { scales, offsets } = fitAtSizes(logits, truths, { of: logits.map(() => 10), at: AT });
  for (const k of [1, 2]) assert.ok(Math.abs(scales[k]! - scales[0]!) < 0.1 && Math.abs(offsets[k]! - offsets[0]!) < 0.1);
  const turned = fitAtSizes(
    logits,
    truths.map((truth, i) => (i % 2 ? !truth : truth)),
    { of: logits.map((_, i) => (i % 2 ? 40 : 10)), at: [10, 40] },
  );
  assert.equal(turned.scales[1], 0.01);
  assert.ok(turned.scales[0]! > 1);
});

/** Logits whose truths are drawn with probability sigmoid(low * part below 0 + high * part above 0 + offset). */
function drawBent(
  seed: number,
  count: number,
  [low, high, offset]: readonly [number, number, number],
): { logits: number[]; truths: boolean[] } {
  const random = new Random(seed);
  const logits = Array.from({ length: count }, () => 3 * random.normal());
  const above = (x: number): number => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));
  return { logits, truths: logits.map((logit) => random.chance(sigmoid(high * above(logit) - low * above(-logit) + offset))) };
}

test("a beta calibration finds both scales of the law that the truths were drawn by, and Platt scaling where they are one", () => {
  for (const law of [
    [1.5, 0.3, 1],
    [0.4, 2, -1],
    [0.8, 0.8, 0.5],
  ] as const) {
    const { logits, truths } = drawBent(31, 40000, law);
    const { scales, bends, offsets } = fitBetaCalibration(logits, truths);
    const found = [scales[0]!, scales[0]! + bends![0]!, offsets[0]!];
    // about four standard errors at 40 000 draws
    assert.ok(
      found.every((value, k) => Math.abs(value - law[k]!) < 0.16),
      `${found} for ${law}`,
    );
  }
});

test("what is often wrong where it is sure keeps its worth elsewhere: the error of beta calibration is the smaller on fresh draws", () => {
  const law = [2, 0.01, 2.2] as const;
  const learned = drawBent(33, 400, law);
  const fresh = drawBent(34, 8000, law);
  const [platt, beta] = [fitAtSizes, fitBetaCalibration].map((fit) => {
    const calibration = fit(learned.logits, learned.truths);
    return reliability(
      fresh.logits.map((logit) => sigmoid(calibratedLogit(calibration, logit, 1))),
      fresh.truths,
    ).error!;
  });
  assert.ok(beta! < 0.03 && platt! > 1.5 * beta!, `${platt} and ${beta}`);
});

test("at a beta calibration the oracle's cost is flat: its prior draws scales to 1, to one another, and to those of the next size", () => {
  const { logits, truths } = drawBent(35, 80, [1.2, 0.4, 0.5]);
  const { sizes, scales, bends, offsets } = fitBetaCalibration(logits, truths, {
    of: logits.map((_, i) => (i % 2 ? 10 : 20)),
    at: [10, 20],
  });
  const high = bends!.map((bend, k) => bend + scales[k]!);
  const positives = truths.filter(Boolean).length;
  const oracle = ([a0, a1, b0, b1, c0, c1]: number[]): number => {
    const square = (...values: number[]): number => values.reduce((sum, value) => sum + value * value, 0);
    let sum =
      0.005 * square(a0! - 1, a1! - 1, b0! - 1, b1! - 1, c0!, c1!) + 0.5 * square(a1! - a0!, b1! - b0!, c1! - c0!, b0! - a0!, b1! - a1!);
    logits.forEach((logit, i) => {
      const p = sigmoid(logit);
      const [a, b, c] = i % 2 ? [a0!, b0!, c0!] : [a1!, b1!, c1!];
      const target = truths[i] ? (positives + 1) / (positives + 2) : 1 / (truths.length - positives + 2);
      const q = sigmoid(a * Math.log(p) - b * Math.log(1 - p) + c);
      sum -= target * Math.log(q) + (1 - target) * Math.log(1 - q);
    });
    return sum;
  };
  assert.deepEqual(sizes, [10, 20]);
  const at = [...scales, ...high, ...offsets];
  const h = 1e-4;
  at.forEach((_, k) => {
    const moved = (by: number): number => oracle(at.map((value, j) => (j === k ? value + by : value)));
    assert.ok(Math.abs(moved(h) - moved(-h)) / (2 * h) < 1e-5, `parameter ${k}`);
    assert.ok(moved(0.1) > oracle(at) && moved(-0.1) > oracle(at));
  });
});

test("a beta calibration flattens the side that says the contrary alone, and stays finite where all is separable or nothing is there", () => {
  const { logits, truths } = drawBent(37, 4000, [1, -0.3, 2]);
  const { scales, bends } = fitBetaCalibration(logits, truths);
  assert.ok(Math.abs(scales[0]! + bends![0]! - 0.01) < 1e-9 && scales[0]! > 0.5);
  const ramp = Array.from({ length: 40 }, (_, i) => 1000 * (i - 19.5));
  const fit = fitBetaCalibration(
    ramp,
    ramp.map((logit) => logit > 0),
  );
  assert.ok([...fit.scales, ...fit.bends!, ...fit.offsets].every(Number.isFinite));
  assert.deepEqual(fitBetaCalibration([], []), IDENTITY);
  assert.throws(() => fitBetaCalibration([1], []), { code: "E_ARGUMENT", message: /^fitBetaCalibration: expected one truth/ });
});

test("the reliability table and its error are those counted by hand", () => {
  const table = reliability([0, 0.05, 0.1, 0.62, 0.68, 0.65, 1], [false, true, false, true, true, false, true]);
  assert.deepEqual(
    table.bins.map(({ count }) => count),
    [2, 1, 0, 0, 0, 0, 3, 0, 0, 1],
  );
  assert.deepEqual(table.bins[0], { from: 0, to: 0.1, count: 2, predicted: 0.025, observed: 0.5 });
  assert.deepEqual(table.bins[2], { from: 0.2, to: 0.3, count: 0, predicted: null, observed: null });
  assert.ok(Math.abs(table.bins[6]!.predicted! - 0.65) < 1e-12 && table.bins[6]!.observed === 2 / 3);
  const byHand = (2 * 0.475 + 1 * 0.1 + 3 * (2 / 3 - 0.65) + 1 * 0) / 7;
  assert.ok(Math.abs(table.error! - byHand) < 1e-12, `${table.error} ${byHand}`);
  assert.equal(reliability([], []).error, null);
  assert.equal(reliability([0.3], [true], 2).bins.length, 2);
});

test("lists that do not fit and numbers out of range are refused", () => {
  const refused = (work: () => unknown): void =>
    assert.throws(work, (error) => error instanceof FourwayError && error.code === "E_ARGUMENT");
  refused(() => fitPlattScaling([1], []));
  refused(() => fitPlattScaling([Number.NaN], [true]));
  refused(() => fitAtSizes([1, 2], [true, false], { of: [1], at: [1] }));
  refused(() => fitAtSizes([1], [true], { of: [Number.NaN], at: [1] }));
  refused(() => reliability([0.5], []));
  refused(() => reliability([1.5], [true]));
  refused(() => reliability([0.5], [true], 0));
});
