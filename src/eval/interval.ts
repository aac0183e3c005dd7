import { FourwayError } from "../core/errors.js";

/** A mean and its 95 % confidence interval, mean - half to mean + half. */
export interface Interval {
  mean: number;
  half: number;
}

/** Student's t at 97.5 % for 1 to 10 degrees of freedom (Abramowitz & Stegun, table 26.10); beyond, the last is on the safe side. */
const T975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/** The mean of independent runs with its 95 % confidence interval by Student's t. @throws E_ARGUMENT for fewer than two values */
export function interval(values: readonly number[]): Interval {
  const n = values.length;
  if (n < 2) throw new FourwayError("E_ARGUMENT", `interval: expected two values or more, got ${n}; run more seeds`);
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, half: T975[Math.min(n - 1, T975.length) - 1]! * Math.sqrt(variance / n) };
}
