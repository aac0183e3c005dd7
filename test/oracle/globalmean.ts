import type { SizesUpsample } from "./upsample2.js";

/** Mean of each channel over the picture: [n, height, width, c] to [n, c]. */
export function globalmean(x: ArrayLike<number>, { n, height, width, c }: SizesUpsample): Float64Array {
  const y = new Float64Array(n * c);
  for (let i = 0; i < n * height * width * c; i++) y[Math.floor(i / (height * width * c)) * c + (i % c)]! += x[i]! / (height * width);
  return y;
}

/** Every cell gets its share of its channel's gradient. */
export function globalmeanBackward(dy: ArrayLike<number>, { n, height, width, c }: SizesUpsample): Float64Array {
  return Float64Array.from(
    { length: n * height * width * c },
    (_, i) => dy[Math.floor(i / (height * width * c)) * c + (i % c)]! / (height * width),
  );
}
