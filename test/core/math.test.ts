import assert from "node:assert/strict";
import { test } from "node:test";
import { exp, log, softplus } from "../../src/core/math.js";
import { Random } from "../../src/core/random.js";

/** A few units in the last place of a double; the runtime's own functions are right to about one. */
const TOLERANCE = 1e-15;

test("exp is e^x wherever a double can be, and its limits beyond", () => {
  const random = new Random(1);
  for (let i = 0; i < 20_000; i++) {
    const x = random.uniform() * (i % 2 === 0 ? 1416 : 20) - (i % 2 === 0 ? 708 : 10);
    const wanted = Math.exp(x);
    assert.ok(Math.abs(exp(x) - wanted) <= TOLERANCE * wanted, `exp(${x}): ${exp(x)}, not ${wanted}`);
  }
  assert.deepEqual([0, -1e9, 1e9, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY].map(exp), [1, 0, Infinity, 0, Infinity]);
  assert.ok(Number.isNaN(exp(Number.NaN)));
});

test("log is the inverse of exp, and of 0, infinity and what has none it is what Math.log is", () => {
  const random = new Random(2);
  for (let i = 0; i < 20_000; i++) {
    const x = i % 2 === 0 ? Math.exp(random.uniform() * 1400 - 700) : 0.5 + random.uniform();
    const wanted = Math.log(x);
    assert.ok(Math.abs(log(x) - wanted) <= TOLERANCE * Math.max(1, Math.abs(wanted)), `log(${x}): ${log(x)}, not ${wanted}`);
  }
  for (const x of [0, -0, 1, Number.POSITIVE_INFINITY, -1, Number.NaN]) assert.deepEqual(log(x), Math.log(x), String(x));
});

test("softplus is ln(1 + e^x), what it was given where that is large, and nothing far below 0", () => {
  for (let x = -40; x <= 40; x += 0.37) {
    const wanted = x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
    assert.ok(Math.abs(softplus(x) - wanted) <= TOLERANCE * Math.max(1, wanted), `softplus(${x}): ${softplus(x)}, not ${wanted}`);
  }
  assert.deepEqual([-1e9, 1e9, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY].map(softplus), [0, 1e9, 0, Infinity]);
  assert.ok(Number.isNaN(softplus(Number.NaN)));
});
