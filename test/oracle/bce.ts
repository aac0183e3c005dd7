// Logistic losses on a map of logits.

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** -t log p - (1 - t) log(1 - p) of p = sigmoid(x): log p = -log(1 + e^-x), log(1 - p) = -log(1 + e^x). */
const logistic = (x: number, t: number): number => t * Math.log1p(Math.exp(-x)) + (1 - t) * Math.log1p(Math.exp(x));

/** How much a cell counts: |q - p|^1.5 + 0.1 q where there is something, 0.8 p^2 where not. */
const factor = (x: number, q: number): number => (q > 0 ? Math.abs(q - sigmoid(x)) ** 1.5 + 0.1 * q : 0.8 * sigmoid(x) ** 2);

/** Sum of weight factor logistic, times scale. @param held logits at which the factors are taken: they have no gradient */
export function mapLoss(logits: Float64Array, quality: Float64Array, weight: Float64Array, scale: number, held = logits): number {
  return logits.reduce((total, x, i) => total + scale * weight[i]! * factor(held[i]!, quality[i]!) * logistic(x, quality[i]!), 0);
}

/** Gradient with respect to the logits. */
export function mapLossBackward(logits: Float64Array, quality: Float64Array, weight: Float64Array, scale: number): Float64Array {
  return logits.map((x, i) => scale * weight[i]! * factor(x, quality[i]!) * (sigmoid(x) - quality[i]!));
}

/** Sum of weight logistic over listed cells, times scale. */
export function presenceLoss(logits: Float64Array, cell: number[], target: Float64Array, weight: Float64Array, scale: number): number {
  return cell.reduce((total, at, i) => total + scale * weight[i]! * logistic(logits[at]!, target[i]!), 0);
}

/** Gradient with respect to all logits; a cell that is listed twice gets both. */
export function presenceLossBackward(
  logits: Float64Array,
  cell: number[],
  target: Float64Array,
  weight: Float64Array,
  scale: number,
): Float64Array {
  const d = new Float64Array(logits.length);
  for (const [i, at] of cell.entries()) d[at]! += scale * weight[i]! * (sigmoid(logits[at]!) - target[i]!);
  return d;
}
