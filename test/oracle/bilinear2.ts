interface Sizes {
  n: number;
  height: number;
  width: number;
  c: number;
}

/** Calls `each` with an output's index, an input's and the weight between them: tents two pixels wide about the input's centre. */
function pairs({ n, height, width, c }: Sizes, each: (output: number, input: number, weight: number) => void): void {
  const held = (i: number, size: number): number => Math.min(Math.max(i, 0), size - 1);
  for (let b = 0; b < n; b++)
    for (let row = 0; row < 2 * height; row++)
      for (let column = 0; column < 2 * width; column++)
        for (let i = -1; i <= height; i++)
          for (let j = -1; j <= width; j++) {
            const down = Math.max(0, 1 - Math.abs((row + 0.5) / 2 - (i + 0.5)));
            const right = Math.max(0, 1 - Math.abs((column + 0.5) / 2 - (j + 0.5)));
            if (down * right === 0) continue;
            const output = ((b * 2 * height + row) * 2 * width + column) * c;
            const input = ((b * height + held(i, height)) * width + held(j, width)) * c;
            for (let k = 0; k < c; k++) each(output + k, input + k, down * right);
          }
}

export function bilinear2(x: ArrayLike<number>, sizes: Sizes): Float64Array {
  const y = new Float64Array(4 * x.length);
  pairs(sizes, (output, input, weight) => {
    y[output]! += weight * x[input]!;
  });
  return y;
}

export function bilinear2Backward(dy: ArrayLike<number>, sizes: Sizes): Float64Array {
  const dx = new Float64Array(dy.length / 4);
  pairs(sizes, (output, input, weight) => {
    dx[input]! += weight * dy[output]!;
  });
  return dx;
}
