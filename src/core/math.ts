// Exponential and logarithm of doubles that give the same bits in every runtime, which Math.exp and Math.log do not: only + - * /, in one order.

/** ln 2 as a sum: the first part has few enough digits that its product with an exponent is exact. */
const [LN2_HIGH, LN2_LOW] = [0.6931471803691238, 1.9082149292705877e-10];
/** Exponents of doubles. */
const [LEAST, MOST] = [-1022, 1023];
/** Terms after which the series change nothing any more. */
const [EXP_TERMS, LOG_TERMS] = [13, 11];

/** A double and, of its eight bytes, the four that hold sign and exponent (every runtime with WebAssembly keeps the low ones first). */
const double = new Float64Array(1);
const high = new Int32Array(double.buffer).subarray(1);

/** e^x within 1e-15 of it, relative; below e^-708 it is 0, above e^709 Infinity. Of NaN, NaN. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  const n = Math.round(x / Math.LN2);
  if (n < LEAST) return 0;
  if (n > MOST) return Number.POSITIVE_INFINITY;
  const rest = x - n * LN2_HIGH - n * LN2_LOW; // within half of ln 2
  let sum = 1;
  for (let k = EXP_TERMS; k > 0; k--) sum = 1 + (rest / k) * sum;
  high[0] = (n - LEAST + 1) << 20; // double[0] is 2^n
  return sum * double[0]!;
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
