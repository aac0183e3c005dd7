/** Steps of linear warm-up. */
const WARMUP_STEPS = 300;
/** The cosine decays to this share of the rate. */
const FINAL_LR = 0.02;
/** EMA decay of the weights; lower at the start (warm-up). */
const EMA_DECAY = 0.9985;

/** Learning rate at a step (counted from 1) of `steps`: linear warm-up (at most a tenth of the run) times a cosine down to 2 %. */
export function learningRate(rate: number, step: number, steps: number): number {
  const warm = Math.min(1, step / Math.min(WARMUP_STEPS, Math.max(1, steps / 10)));
  return rate * warm * (FINAL_LR + (1 - FINAL_LR) * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps)));
}

/** Weight of the new values in the EMA of the weights at a step: 1 - decay. */
export function emaWeight(step: number): number {
  return 1 - Math.min(EMA_DECAY, (1 + step) / (10 + step));
}
