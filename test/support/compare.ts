import assert from "node:assert/strict";

/**
 * f32 kernels against the f64 oracle, relative to the largest value expected. A sum of K products rounds to about sqrt(K) * 2^-24 of its
 * size: for the longest sums here (K of some thousand) 4e-6. A lost, doubled or misplaced term shows as 1e-2 and more.
 */
export const F32_SUM = 1e-5;
/** The same where no sum is longer than some ten terms. */
export const F32_FEW = 1e-6;
/** Step of the central differences. In f64 they err by step^2 times the third derivative and by 2^-53 / step: 1e-10 each. */
export const SLOPE_STEP = 1e-5;
/** Oracle's gradient against central differences of the oracle's forward, relative to the largest value of the gradient. */
export const SLOPE = 1e-7;
/** At most this many slopes are measured per array, evenly spread. */
const MOST_SLOPES = 40;

/** Largest magnitude. */
export const largest = (values: ArrayLike<number>): number => {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
};

/**
 * Each value within tolerance times the largest value expected. NaN is never close.
 * @param size takes the place of the largest value where large terms cancel: their size
 */
export function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = "value",
  size = largest(expected),
): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  const allowed = tolerance * size;
  for (let i = 0; i < expected.length; i++)
    if (!(Math.abs(actual[i]! - expected[i]!) <= allowed))
      assert.fail(`${what} ${i}: expected ${expected[i]} within ${allowed}, got ${actual[i]}`);
}

/** One value within tolerance of its own size. */
export function closeTo(actual: number, expected: number, tolerance: number, what = "value"): void {
  close([actual], [expected], tolerance, what);
}

/** Each value the same, bit for bit (0 is not -0). */
export function same(actual: ArrayLike<number>, expected: ArrayLike<number>, what = "value"): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  for (let i = 0; i < expected.length; i++)
    if (!Object.is(actual[i], expected[i])) assert.fail(`${what} ${i}: expected ${expected[i]}, got ${actual[i]}`);
}

/**
 * Holds gradients of `cost` with respect to `x` against central differences: the oracle's in f64 accuracy, the kernel's in f32's.
 * `cost` reads `x`, which is moved and put back.
 */
export function slopesAgree(
  cost: () => number,
  x: Float64Array,
  gradients: { oracle: ArrayLike<number>; kernel?: ArrayLike<number>; tolerance?: number },
  what = "slope",
): void {
  const { oracle, kernel, tolerance = F32_SUM } = gradients;
  assert.equal(oracle.length, x.length, `${what}: length`);
  const scale = largest(oracle);
  assert.ok(scale > 0, `${what}: a gradient of zeros proves nothing`);
  const stride = Math.max(1, Math.ceil(x.length / MOST_SLOPES) | 1); // odd: does not fall on the same channels each time
  for (let i = 0; i < x.length; i += stride) {
    const kept = x[i]!;
    x[i] = kept + SLOPE_STEP;
    const above = cost();
    x[i] = kept - SLOPE_STEP;
    const below = cost();
    x[i] = kept;
    const slope = (above - below) / (2 * SLOPE_STEP);
    const misses: [string, number, number][] = [["oracle", oracle[i]!, SLOPE]];
    if (kernel) misses.push(["kernel", kernel[i]!, tolerance]);
    for (const [who, gradient, allowed] of misses)
      if (!(Math.abs(gradient - slope) <= allowed * scale)) assert.fail(`${what} ${i}: expected ${slope}, got ${gradient} from the ${who}`);
  }
}

/** Sum of products: the cost whose gradient with respect to `y` is `dy`. */
export function dot(y: ArrayLike<number>, dy: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < y.length; i++) total += y[i]! * dy[i]!;
  return total;
}
