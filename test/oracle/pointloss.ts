/** Where the loss turns from a square to a line, in sizes of the object. */
const TURN = 0.1;

/** Sum over the entries of weight times the mean over its numbers of huber(gain p - t), times scale. points and targets are [n, count]. */
export function pointLoss(
  points: ArrayLike<number>,
  targets: ArrayLike<number>,
  gain: ArrayLike<number>,
  weight: ArrayLike<number>,
  count: number,
  scale: number,
): number {
  let total = 0;
  for (let i = 0; i < weight.length; i++)
    for (let j = 0; j < count; j++) {
      const far = Math.abs(gain[i]! * points[i * count + j]! - targets[i * count + j]!);
      total += (scale * weight[i]! * (far < TURN ? far ** 2 / (2 * TURN) : far - TURN / 2)) / count;
    }
  return total;
}
