import assert from "node:assert/strict";
import { Random } from "../../src/core/random.js";
import type { Arena } from "./arena.js";
import { normals } from "./random.js";

/** Channels of a cell before an entry's numbers, and in all beside them. */
const [FIRST, BESIDE] = [1, 8];

/** What a loss on single cells of a map is given: where the gradient and the map begin, the list of cells, and bytes from one cell to the next. */
interface CellBlocks {
  dout: number;
  out: number;
  cell: number;
  step: number;
}

/**
 * Calls a loss on n entries of a map, [n, count] numbers, on as many cells in an order of their own among others' numbers; nothing else may be written. Returns
 * its value and the gradient of the numbers.
 */
export function onCells(
  arena: Arena,
  values: Float64Array,
  n: number,
  loss: (blocks: CellBlocks) => number,
): { value: number; gradient: number[] } {
  arena.reset();
  const count = values.length / n;
  const [cells, stored] = [n + 4, count + BESIDE];
  const cell = Array.from({ length: n }, (_, i) => cells - 1 - i);
  const out = normals(new Random(9), cells * stored);
  const was = normals(new Random(10), cells * stored);
  cell.forEach((at, i) => {
    out.set(values.subarray(count * i, count * (i + 1)), at * stored + FIRST);
  });
  const dout = arena.state("f32", was);
  const value = loss({
    dout: dout.at + 4 * FIRST,
    out: arena.input("f32", out).at + 4 * FIRST,
    cell: arena.input("i32", cell).at,
    step: 4 * stored,
  });
  arena.check();
  const after = arena.read(dout);
  after.forEach((v, i) => {
    const [at, channel] = [Math.floor(i / stored), i % stored];
    if (!cell.includes(at) || channel < FIRST || channel >= FIRST + count)
      assert.equal(v, was[i], "only the numbers of the listed cells are written");
  });
  return { value, gradient: cell.flatMap((at) => [...after.slice(at * stored + FIRST, at * stored + FIRST + count)]) };
}
