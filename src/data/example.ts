/**
 * What is known of one training picture, in input pixels. Rows are flat: task, x0, y0, x1, y1.
 * A task's `mapWeight` is 0 where it is not annotated ("?"): its map and boxes are then masked, but not the points of its rows. `presenceWeight` is 0 where presence is unknown too.
 */
export interface Truth {
  boxes: number[];
  /** Points of each row of `boxes`, in turn: x and y of each; null where they are not known. Left out where no object has any. */
  points?: (number[] | null)[];
  /** Regions of a task that teach nothing. */
  ignored: number[];
  /** A task each. */
  mapWeight: number[];
  presence: number[];
  presenceWeight: number[];
}

/** What one training picture teaches. */
export interface Example extends Truth {
  /** [height, width, 3] signed bytes (byte - 128). */
  pixels: Int8Array;
  /** Columns of the colour matrix (assembly/image/input.ts): 4 x [r, g, b, 0]. */
  colour: Float32Array;
}

/** Values a row of `boxes` and `ignored`. */
export const ROW = 5;
