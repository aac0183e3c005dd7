/** Taps of one output row or column: the first source index and weights in 1/256. */
export interface Taps {
  first: number;
  weights: number[];
}

/** Where the picture lies in the input. */
export interface Place {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** RGBA bytes [.., sourceWidth, 4] to signed bytes [height, width, 3] in integer arithmetic; grey 114 about the picture. */
export function letterbox(
  rgba: ArrayLike<number>,
  sourceWidth: number,
  rows: Taps[],
  columns: Taps[],
  { left, top, width, height }: Place,
): Int8Array {
  const out = new Int8Array(height * width * 3).fill(114 - 128);
  for (const [j, row] of rows.entries())
    for (const [i, column] of columns.entries())
      for (let channel = 0; channel < 3; channel++) {
        let total = 2 ** 15;
        for (const [v, rowWeight] of row.weights.entries())
          for (const [u, columnWeight] of column.weights.entries())
            total += rowWeight * columnWeight * rgba[((row.first + v) * sourceWidth + column.first + u) * 4 + channel]!;
        out[((top + j) * width + left + i) * 3 + channel] = Math.floor(total / 2 ** 16) - 128;
      }
  return out;
}

/** Share of each source pixel in output pixel i, when source pixels start .. start + length become `out`: area or bilinear, in f64. */
export function resampled(start: number, length: number, out: number, size: number, i: number): Map<number, number> {
  const shares = new Map<number, number>();
  const add = (at: number, share: number): void => {
    const inside = Math.min(size - 1, Math.max(0, at));
    if (share > 0) shares.set(inside, (shares.get(inside) ?? 0) + share);
  };
  const step = length / out;
  if (step > 1) {
    const low = Math.max(0, start + i * step);
    const high = Math.min(size, start + (i + 1) * step);
    for (let k = Math.floor(low); k < high; k++) add(k, (Math.min(high, k + 1) - Math.max(low, k)) / (high - low));
  } else {
    const centre = start + (i + 0.5) * step - 0.5;
    add(Math.floor(centre), 1 - (centre - Math.floor(centre)));
    add(Math.floor(centre) + 1, centre - Math.floor(centre));
  }
  return shares;
}
