// What a logit is worth.
//   probability  sigmoid(scale * logit + offset), scale and offset depend on a size
//   size         of a score: square root of the box's area; of presence: square root of the input's area; both in pixels of the input
//   between two of `sizes` scale and offset change linearly with the size, beyond the ends they stay; only + - * / so that every runtime gives the same bits
//   source       Platt 1999

/** A calibration: scale and offset at sizes (pixels of the input, rising); scales are positive, so at one size the order of logits stays. */
export interface PlattScaling {
  sizes: number[];
  scales: number[];
  offsets: number[];
}

/** The calibration that changes nothing. */
export const IDENTITY: Readonly<PlattScaling> = { sizes: [1], scales: [1], offsets: [0] };

/** Where a size lies among `sizes`: 2.25 is a quarter of the way from the third to the fourth. */
export function placeAmong(sizes: readonly number[], size: number): number {
  const last = sizes.length - 1;
  if (!(size > sizes[0]!)) return 0;
  if (size >= sizes[last]!) return last;
  let below = 0;
  while (size >= sizes[below + 1]!) below++;
  return below + (size - sizes[below]!) / (sizes[below + 1]! - sizes[below]!);
}

/** The calibrated logit: its sigmoid is a probability. */
export function calibratedLogit({ sizes, scales, offsets }: PlattScaling, logit: number, size: number): number {
  const place = placeAmong(sizes, size);
  const index = Math.floor(place);
  const share = place - index;
  if (share === 0) return scales[index]! * logit + offsets[index]!;
  const scale = scales[index]! + share * (scales[index + 1]! - scales[index]!);
  const offset = offsets[index]! + share * (offsets[index + 1]! - offsets[index]!);
  return scale * logit + offset;
}

/** The least raw logit that can reach a calibrated one, at whatever size. Between two sizes it has no minimum of its own: a ratio of linear functions. */
export function leastLogit({ scales, offsets }: PlattScaling, calibrated: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < scales.length; i++) least = Math.min(least, (calibrated - offsets[i]!) / scales[i]!);
  return least;
}
