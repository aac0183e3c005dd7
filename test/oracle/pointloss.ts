/** Where the loss turns from a square to a line, relative to the object's size. */
const TURN = 0.1;

/** Sum over the entries of weight times the mean over its numbers of huber((p - t) / size), times scale. points and targets are [n, count]. */
export function pointLoss(
  points: ArrayLike<number>,
  targets: ArrayLike<number>,
  size: ArrayLike<number>,
  weight: ArrayLike<number>,
  count: number,
  scale: number,
): number {
  let total = 0;
  for (let i = 0; i < weight.length; i++)
    for (let j = 0; j < count; j++) {
      const far = Math.abs(points[i * count + j]! - targets[i * count + j]!) / size[i]!;
      total += (scale * weight[i]! * (far < TURN ? far ** 2 / (2 * TURN) : far - TURN / 2)) / count;
    }
  return total;
}
