// Batch normalisation of x [m, c] with the statistics of the batch, in two passes.

/** What normalisation finds out about a batch. */
export interface Normalised {
  y: Float64Array;
  /** Before the activation. */
  before: Float64Array;
  /** x with mean 0 and deviation 1. */
  unit: Float64Array;
  mean: Float64Array;
  /** Divided by m. */
  variance: Float64Array;
  /** Running statistics after the step; that of the variance moves by the unbiased one (divided by m - 1). */
  runningMean: Float64Array;
  runningVariance: Float64Array;
}

/** y = act(gamma (x - mean) / sqrt(variance + epsilon) + beta). */
export function norm(
  x: Float64Array,
  gamma: Float64Array,
  beta: Float64Array,
  running: { mean: Float64Array; variance: Float64Array },
  { epsilon, momentum, slope }: { epsilon: number; momentum: number; slope: number },
): Normalised {
  const c = gamma.length;
  const m = x.length / c;
  const mean = new Float64Array(c);
  const variance = new Float64Array(c);
  for (let i = 0; i < x.length; i++) mean[i % c]! += x[i]! / m;
  for (let i = 0; i < x.length; i++) variance[i % c]! += (x[i]! - mean[i % c]!) ** 2 / m;
  const unit = x.map((v, i) => (v - mean[i % c]!) / Math.sqrt(variance[i % c]! + epsilon));
  const before = unit.map((v, i) => gamma[i % c]! * v + beta[i % c]!);
  return {
    y: before.map((v) => (v > 0 ? v : slope * v)),
    before,
    unit,
    mean,
    variance,
    runningMean: running.mean.map((v, i) => v + momentum * (mean[i]! - v)),
    runningVariance: running.variance.map((v, i) => v + momentum * (m > 1 ? (variance[i]! * m) / (m - 1) : 0) - momentum * v),
  };
}

/** Gradients of sum(y dy), by the Jacobian: d unit_i / d x_j = ((i = j) - 1 / m - unit_i unit_j / m) / deviation. */
export function normBackward(
  { unit, before, variance }: Pick<Normalised, "unit" | "before" | "variance">,
  dy: Float64Array,
  gamma: Float64Array,
  { epsilon, slope }: { epsilon: number; slope: number },
) {
  const c = gamma.length;
  const m = dy.length / c;
  const dx = new Float64Array(dy.length);
  const dgamma = new Float64Array(c);
  const dbeta = new Float64Array(c);
  const behind = dy.map((d, i) => (before[i]! > 0 ? d : slope * d));
  for (let k = 0; k < c; k++)
    for (let i = 0; i < m; i++) {
      const g = behind[i * c + k]!;
      const u = unit[i * c + k]!;
      dgamma[k]! += g * u;
      dbeta[k]! += g;
      for (let j = 0; j < m; j++)
        dx[j * c + k]! += (g * gamma[k]! * ((i === j ? 1 : 0) - (1 + u * unit[j * c + k]!) / m)) / Math.sqrt(variance[k]! + epsilon);
    }
  return { dx, dgamma, dbeta };
}
