import type { SizesUpsample } from "./upsample2.js";

/** Sizes of the input, [n, height, width, c]. */
export type SizesPool = SizesUpsample;

/** Index in x of the first largest element, rows first, of each window of y [n, ceil(height / 2), ceil(width / 2), c]. */
function winners(x: ArrayLike<number>, { n, height, width, c }: SizesPool): number[] {
  const found: number[] = [];
  for (let b = 0; b < n; b++)
    for (let cy = 0; cy < height; cy += 2)
      for (let cx = 0; cx < width; cx += 2)
        for (let i = 0; i < c; i++) {
          let winner = -1;
          for (let iy = cy - 1; iy <= cy + 1; iy++)
            for (let ix = cx - 1; ix <= cx + 1; ix++) {
              if (iy < 0 || ix < 0 || iy >= height || ix >= width) continue;
              const at = ((b * height + iy) * width + ix) * c + i;
              if (winner < 0 || x[at]! > x[winner]!) winner = at;
            }
          found.push(winner);
        }
  return found;
}

/** 3x3 maxima, stride 2; what is outside the picture never wins. */
export function maxpool(x: ArrayLike<number>, sizes: SizesPool): Float64Array {
  return Float64Array.from(winners(x, sizes), (at) => x[at]!);
}

/** Each gradient to the first largest element of its window. */
export function maxpoolBackward(dy: Float64Array, x: ArrayLike<number>, sizes: SizesPool): Float64Array {
  const dx = new Float64Array(x.length);
  for (const [at, winner] of winners(x, sizes).entries()) dx[winner]! += dy[at]!;
  return dx;
}
