/** Steps of linear warm-up. */
const WARM_UP = 300;
/** The cosine ends at this share of the rate. */
const END = 0.02;
/** The average of weights forgets with this factor a step, less at the start. */
const KEEP = 0.9985;

/** Learning rate at a step (counted from 1) of `steps`: linear warm-up (at most a tenth of the run) times a cosine down to 2 %. */
export function learningRate(rate: number, step: number, steps: number): number {
  const warm = Math.min(1, step / Math.min(WARM_UP, Math.max(1, steps / 10)));
  return rate * warm * (END + (1 - END) * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps)));
}

/** Share of the new weights in their exponential moving average at a step. */
export function averageShare(step: number): number {
  return 1 - Math.min(KEEP, (1 + step) / (10 + step));
}
