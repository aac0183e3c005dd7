// Exponential, logarithm and softplus of doubles that give the same bits in every runtime, which Math.exp and Math.log do not: only + - * /, in one order.

/** ln 2 as a sum: the first part has few enough digits that its product with an exponent is exact. */
const [LN2_HIGH, LN2_LOW] = [0.6931471803691238, 1.9082149292705877e-10];
/** Of the series of the logarithm, after which terms change nothing any more. */
const LOG_TERMS = 11;

/** Between these e^x is a normal double. */
const [LEAST, MOST] = [-708, 709];
/** The exponents of these. */
const [FIRST, LAST] = [-1022, 1023];
/** Into how many parts a doubling is cut, whose powers stand in a table: 2^PARTS_LOG2. */
const PARTS_LOG2 = 5;
const PARTS = 1 << PARTS_LOG2;
/** ln 2 / PARTS as the same sum, and one over it. */
const [PART_HIGH, PART_LOW, PARTS_PER_UNIT] = [LN2_HIGH / PARTS, LN2_LOW / PARTS, PARTS / Math.LN2];
/** 2^(i / PARTS), by the series of e^x. */
const ROOTS = Float64Array.from({ length: PARTS }, (_, i) => {
  let sum = 1;
  for (let k = 18; k > 0; k--) sum = 1 + ((i * Math.LN2) / PARTS / k) * sum;
  return sum;
});
/** 2^FIRST to 2^LAST. */
const POWERS = new Float64Array(LAST - FIRST + 1).fill(1);
for (let n = 1; n <= LAST; n++) POWERS[n - FIRST] = 2 * POWERS[n - 1 - FIRST]!;
for (let n = -1; n >= FIRST; n--) POWERS[n - FIRST] = POWERS[n + 1 - FIRST]! / 2;

/**
 * e^x within 1e-15 of it, relative; below e^-708 it is 0, above e^709 Infinity. Of NaN, NaN.
 * source: table and polynomial, Tang, ACM TOMS 15 (1989)
 */
export function exp(x: number): number {
  if (!(x >= LEAST && x <= MOST)) return x < LEAST ? 0 : x > MOST ? Number.POSITIVE_INFINITY : x;
  const parts = Math.floor(x * PARTS_PER_UNIT + 0.5) | 0;
  const r = x - parts * PART_HIGH - parts * PART_LOW; // within half a part
  const square = r * r;
  const sum = 1 + r + square * (1 / 2 + r * (1 / 6) + square * (1 / 24 + r * (1 / 120) + square * (1 / 720))); // short chains: processors do them side by side
  return sum * ROOTS[parts & (PARTS - 1)]! * POWERS[(parts >> PARTS_LOG2) - FIRST]!;
}

/** The natural logarithm of a normal number within 4e-16, relative to the larger of it and 1; -Infinity of 0, Infinity of Infinity, NaN of what has none. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  let [rest, n] = [x, 0];
  for (; rest > Math.SQRT2; n++) rest /= 2;
  for (; rest < Math.SQRT1_2; n--) rest *= 2;
  // ln(rest) = 2 atanh(s)
  const s = (rest - 1) / (rest + 1);
  const square = s * s;
  let sum = 0;
  for (let k = LOG_TERMS; k >= 0; k--) sum = 1 / (2 * k + 1) + square * sum;
  return n * LN2_HIGH + (n * LN2_LOW + 2 * s * sum);
}

/** ln(1 + e^x) within 1e-15, relative to the larger of it and 1: near x where x is large, near 0 where it is far below. */
export function softplus(x: number): number {
  return x > 0 ? x + log(1 + exp(-x)) : log(1 + exp(x));
}
