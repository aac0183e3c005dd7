import type { Box } from "../../src/core/box.js";
import type { Frame } from "../../src/core/frame.js";
import { Random } from "../../src/core/random.js";

/** The size of the frames. */
export const SQUARES = { width: 96, height: 96 };

/** A bright square on noise, its left half red: the points are the middles of its left and right half. */
export function squareScene(i: number): { frame: Frame; box: Box; points: number[] } {
  const { width, height } = SQUARES;
  const random = new Random(11, i);
  const side = 24 + random.below(24);
  const [x, y] = [random.below(width - side), random.below(height - side)];
  const data = new Uint8Array(4 * width * height).map((_, at) => (at % 4 === 3 ? 255 : 60 + random.below(40)));
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++)
      data.set(column < side / 2 ? [250, 40, 40, 255] : [40, 240, 240, 255], 4 * ((y + row) * width + x + column));
  const points = [x + side / 4, y + side / 2, x + (3 * side) / 4, y + side / 2];
  return { frame: { width, height, data }, box: { x, y, width: side, height: side }, points };
}
