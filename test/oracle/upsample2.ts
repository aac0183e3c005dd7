/** Sizes of the input, [n, height, width, c]. */
export interface SizesUpsample {
  n: number;
  height: number;
  width: number;
  c: number;
}

/** Index in x of each element of y [n, 2 height, 2 width, c]. */
function sources({ n, height, width, c }: SizesUpsample): number[] {
  return Array.from({ length: 4 * n * height * width * c }, (_, at) => {
    const column = Math.floor(at / c) % (2 * width);
    const row = Math.floor(at / (c * 2 * width)) % (2 * height);
    const b = Math.floor(at / (c * 4 * width * height));
    return ((b * height + Math.floor(row / 2)) * width + Math.floor(column / 2)) * c + (at % c);
  });
}

/** Each pixel four times. */
export function upsample2(x: ArrayLike<number>, sizes: SizesUpsample): Float64Array {
  return Float64Array.from(sources(sizes), (from) => x[from]!);
}

/** Each pixel's four gradients together. */
export function upsample2Backward(dy: Float64Array, sizes: SizesUpsample): Float64Array {
  const dx = new Float64Array(dy.length / 4);
  for (const [at, from] of sources(sizes).entries()) dx[from]! += dy[at]!;
  return dx;
}
