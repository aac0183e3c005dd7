import { ROW, type Truth } from "../data/example.js";
import { distance, type HeadMap, sigmoid } from "../detect/decode.js";

/** Candidates an object. */
const TOP = 9;
/** At least this many cells are assigned to an object. */
const LEAST = 3;
/** A candidate's point is within this many strides of the object's. */
const RADIUS = 2.5;
/** A small object is reached by cells within this share of a stride. */
const REACH = 0.55;
/** An object's longer side is between these many strides of the map that answers for it; the pyramid is open at both ends. */
const SIDE = [0.6, 14] as const;

/** One of a task's maps of one picture, and the floats that hold it. */
export interface Level extends HeadMap {
  values: Float32Array;
}

/** What a task's maps should answer, for one picture; arrays over the cells of all levels, fine to coarse, row by row. */
export interface Target {
  /** 0: background; above: how well the cell's box fits its object, which is the score to learn. */
  quality: Float32Array;
  /** 1 inside an ignored region (and not answering for an object): masked. */
  skip: Uint8Array;
  /** Cells that answer for an object, and their boxes x0, y0, x1, y1. */
  cells: number[];
  boxes: number[];
  /** Which row of the example's boxes each of these cells answers for. */
  rows: number[];
}

interface Candidate {
  cell: number;
  align: number;
  overlap: number;
}

/** Overlap (IoU) of two boxes given by their edges. */
function overlapOf(a0: number, a1: number, a2: number, a3: number, b0: number, b1: number, b2: number, b3: number): number {
  const width = Math.min(a2, b2) - Math.max(a0, b0);
  const height = Math.min(a3, b3) - Math.max(a1, b1);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / Math.max(1e-6, Math.max(0, a2 - a0) * Math.max(0, a3 - a1) + (b2 - b0) * (b3 - b1) - both);
}

/** Cells whose point is within `reach` of `centre`: first and last index. */
function range(centre: number, half: number, { stride, layout: { point } }: Level, count: number): [number, number] {
  const reach = Math.min(Math.max(half, REACH * stride), RADIUS * stride);
  return [Math.max(0, Math.ceil((centre - reach) / stride - point)), Math.min(count - 1, Math.floor((centre + reach) / stride - point))];
}

function answers(side: number, stride: number, finest: number, coarsest: number): boolean {
  return (side > SIDE[0] * stride || stride === finest) && (side < SIDE[1] * stride || stride === coarsest);
}

/**
 * Which object each cell of a task's maps answers for, and how well (task-aligned assignment).
 * align = sqrt(score) overlap^3 among cells near the object's centre on the fitting levels; an object takes as many of its best as its
 * overlaps add up to (3..9); a cell answers for the object it fits best; quality = (align / the object's best align)^0.33 * its best overlap.
 * source: task-aligned assignment, arXiv 2108.07755; dynamic k, arXiv 2103.14259
 * @param task the task's index in the example's rows
 */
export function assign(levels: readonly Level[], example: Truth, task: number): Target {
  const starts: number[] = [];
  let cells = 0;
  for (const { height, width } of levels) {
    starts.push(cells);
    cells += height * width;
  }
  const quality = new Float32Array(cells);
  const skip = new Uint8Array(cells);
  const owner = new Map<number, { object: number; align: number }>();
  const finest = levels[0]!.stride;
  const coarsest = levels[levels.length - 1]!.stride;

  /** The predicted box of a cell against a wanted one, and the cell's score. */
  const fit = (
    level: Level,
    row: number,
    column: number,
    x0: number,
    y0: number,
    x1: number,
    y1: number,
  ): { overlap: number; score: number } => {
    const { values, stride, layout } = level;
    const at = level.at + (row * level.width + column) * layout.cell;
    const side = (i: number): number => distance(values, at, layout, i) * stride;
    const x = (column + layout.point) * stride;
    const y = (row + layout.point) * stride;
    return {
      overlap: overlapOf(x - side(0), y - side(1), x + side(2), y + side(3), x0, y0, x1, y1),
      score: sigmoid(values[at]!),
    };
  };
  const locate = (cell: number): { level: Level; row: number; column: number } => {
    let l = levels.length - 1;
    while (cell < starts[l]!) l--;
    const level = levels[l]!;
    const index = cell - starts[l]!;
    return { level, row: Math.floor(index / level.width), column: index % level.width };
  };

  const { boxes, ignored } = example;
  for (let object = 0; object < boxes.length; object += ROW) {
    if (boxes[object] !== task) continue;
    const [x0, y0, x1, y1] = [boxes[object + 1]!, boxes[object + 2]!, boxes[object + 3]!, boxes[object + 4]!];
    const centreX = (x0 + x1) / 2;
    const centreY = (y0 + y1) / 2;
    const candidates: Candidate[] = [];
    levels.forEach((level, l) => {
      const { stride } = level;
      if (!answers(Math.max(x1 - x0, y1 - y0), stride, finest, coarsest)) return;
      const { point } = level.layout;
      const [row0, row1] = range(centreY, (y1 - y0) / 2, level, level.height);
      const [column0, column1] = range(centreX, (x1 - x0) / 2, level, level.width);
      for (let row = row0; row <= row1; row++)
        for (let column = column0; column <= column1; column++) {
          const { overlap, score } = fit(level, row, column, x0, y0, x1, y1);
          const distance = Math.abs((column + point) * stride - centreX) + Math.abs((row + point) * stride - centreY);
          // the last term settles ties between cells that overlap nothing yet: the nearest wins
          const align = Math.sqrt(score + 1e-6) * (overlap + 1e-3) ** 3 + 1e-9 * Math.exp(-distance / stride);
          candidates.push({ cell: starts[l]! + row * level.width + column, align, overlap });
        }
    });
    if (candidates.length === 0) continue;
    const overlaps = candidates.map(({ overlap }) => overlap).sort((a, b) => b - a);
    const wanted = Math.min(TOP, Math.max(LEAST, Math.floor(overlaps.slice(0, TOP).reduce((sum, v) => sum + v, 0))));
    candidates.sort((a, b) => b.align - a.align || a.cell - b.cell);
    for (const { cell, align } of candidates.slice(0, wanted)) {
      const known = owner.get(cell);
      if (!known || align > known.align) owner.set(cell, { object, align });
    }
  }

  const best = new Map<number, { align: number; overlap: number }>();
  const overlapAt = new Map<number, number>();
  for (const [cell, { object, align }] of owner) {
    const { level, row, column } = locate(cell);
    const { overlap } = fit(level, row, column, boxes[object + 1]!, boxes[object + 2]!, boxes[object + 3]!, boxes[object + 4]!);
    overlapAt.set(cell, overlap);
    const top = best.get(object) ?? { align: 1e-12, overlap: 0.25 };
    best.set(object, { align: Math.max(top.align, align), overlap: Math.max(top.overlap, overlap) });
  }
  const target: Target = { quality, skip, cells: [], boxes: [], rows: [] };
  for (const [cell, { object, align }] of owner) {
    const top = best.get(object)!;
    quality[cell] = (align / top.align) ** 0.33 * top.overlap;
    target.cells.push(cell);
    target.rows.push(object / ROW);
    target.boxes.push(boxes[object + 1]!, boxes[object + 2]!, boxes[object + 3]!, boxes[object + 4]!);
  }

  for (let region = 0; region < ignored.length; region += ROW) {
    if (ignored[region] !== task) continue;
    const [x0, y0, x1, y1] = [ignored[region + 1]!, ignored[region + 2]!, ignored[region + 3]!, ignored[region + 4]!];
    levels.forEach(({ stride, height, width, layout: { point } }, l) => {
      const row1 = Math.min(height - 1, Math.floor(y1 / stride - point));
      const column1 = Math.min(width - 1, Math.floor(x1 / stride - point));
      for (let row = Math.max(0, Math.ceil(y0 / stride - point)); row <= row1; row++)
        for (let column = Math.max(0, Math.ceil(x0 / stride - point)); column <= column1; column++) {
          const cell = starts[l]! + row * width + column;
          if (!owner.has(cell)) skip[cell] = 1;
        }
    });
  }
  return target;
}
