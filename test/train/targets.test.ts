import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../src/core/random.js";
import { BOX_HEAD } from "../../src/model/head.js";
import { assign, type Level, type Target } from "../../src/train/targets.js";
import { close } from "../support/compare.js";
import { exampleOf, floatsOf, readGolden } from "../support/network.js";

const STRIDES = [8, 16, 32];

interface Cell {
  x: number;
  y: number;
  stride: number;
}

/** A cell's answer: the logit and the box x0, y0, x1, y1 that it predicts, in pixels. */
type Answer = { logit: number; box: number[] };

/** Maps of a picture with the given logits. */
function levelsOf(width: number, height: number, answer: (cell: Cell) => Answer): Level[] {
  return STRIDES.map((stride) => {
    const [rows, columns] = [height / stride, width / stride];
    const values = new Float32Array(8 * rows * columns);
    for (let i = 0; i < rows * columns; i++) {
      const [x, y] = [((i % columns) + 0.5) * stride, (Math.floor(i / columns) + 0.5) * stride];
      const { logit, box } = answer({ x, y, stride });
      const [x0, y0, x1, y1] = box as [number, number, number, number];
      values.set([logit, ...[x - x0, y - y0, x1 - x, y1 - y].map((side) => Math.log(side / stride))], 8 * i);
    }
    return { values, at: 0, height: rows, width: columns, stride, layout: BOX_HEAD };
  });
}

/** Every cell is unsure and predicts a box of one stride around its centre. */
const unsure = ({ x, y, stride }: Cell): Answer => ({ logit: -2, box: [x - stride / 2, y - stride / 2, x + stride / 2, y + stride / 2] });

/** Boxes and regions of task 0. */
function assigned(levels: Level[], boxes: number[][], ignored: number[][] = []): Target {
  const rows = (list: number[][]): number[] => list.flatMap((box) => [0, ...box]);
  return assign(levels, exampleOf(new Random(1), 8, 8, 1, { boxes: rows(boxes), ignored: rows(ignored) }), 0);
}

/** The cells of a picture in the order of targets. */
function cellsOf(width: number, height: number): Cell[] {
  return STRIDES.flatMap((stride) =>
    Array.from({ length: (width / stride) * (height / stride) }, (_, i) => ({
      x: ((i % (width / stride)) + 0.5) * stride,
      y: (Math.floor(i / (width / stride)) + 0.5) * stride,
      stride,
    })),
  );
}

test("without objects no cell answers for anything", () => {
  const { quality, skip, cells, boxes } = assigned(levelsOf(64, 64, unsure), []);
  assert.equal(quality.length, 64 + 16 + 4);
  assert.ok(quality.every((q) => q === 0) && skip.every((s) => s === 0));
  assert.deepEqual([cells, boxes], [[], []]);
});

test("the cell that predicts an object exactly learns a score of 1, and two more answer with less", () => {
  const object = [16, 16, 48, 48];
  const levels = levelsOf(64, 64, (cell) =>
    cell.stride === 16 && cell.x === 24 && cell.y === 40 ? { logit: 1, box: object } : unsure(cell),
  );
  const { quality, cells, boxes } = assigned(levels, [object]);
  const exact = cellsOf(64, 64).findIndex(({ x, y, stride }) => stride === 16 && x === 24 && y === 40);
  assert.equal(cells.length, 3);
  close([quality[exact]!], [1], 1e-6);
  for (const cell of cells) if (cell !== exact) assert.ok(quality[cell]! > 0 && quality[cell]! < 0.7, `${quality[cell]}`);
  assert.equal(quality.filter((q) => q > 0).length, 3);
  assert.deepEqual(boxes, [...object, ...object, ...object]);
});

test("an object takes as many cells as the overlaps of its nine best add up to, rounded down, but three at least", () => {
  const object = [8, 8, 56, 56];
  // overlaps here are a rounding below 1: fifty good cells add up to 8.99
  for (const [good, wanted] of [
    [0, 3],
    [2, 3],
    [6, 6],
    [50, 8],
  ] as const) {
    let left = good;
    const levels = levelsOf(64, 64, (cell) => {
      // around the centre, where every cell is a candidate
      if (cell.stride !== 8 || Math.abs(cell.x - 32) > 20 || Math.abs(cell.y - 32) > 20 || left === 0)
        return { ...unsure(cell), box: [cell.x - 1, cell.y - 1, cell.x + 1, cell.y + 1] };
      left--;
      return { logit: 0, box: object };
    });
    assert.equal(assigned(levels, [object]).cells.length, wanted, `${good} good cells`);
  }
});

test("where nothing fits yet the nearest cells answer, on the level whose cells the object is about as large as", () => {
  // 14 pixels: below .6 of 32, so that the coarsest level has no say; cells predict far away boxes
  const levels = levelsOf(96, 64, ({ x, y }) => ({ logit: -3, box: [x - 0.2, y - 0.2, x + 400, y + 400] }));
  const object = [21, 21, 35, 35];
  const target = assigned(levels, [object]);
  const all = cellsOf(96, 64);
  for (const cell of target.cells) {
    const { x, y, stride } = all[cell]!;
    assert.ok(stride < 32 && Math.abs(x - 28) <= 0.55 * stride + 7 && Math.abs(y - 28) <= 0.55 * stride + 7, JSON.stringify(all[cell]));
  }
  // the cell of stride 8 whose centre is the object's is one of them, with the least score that an answer learns: a best overlap below .25 counts as .25
  const centre = all.findIndex(({ x, y, stride }) => stride === 8 && x === 28 && y === 28);
  assert.ok(target.cells.includes(centre));
  assert.equal(Math.max(...target.quality), 0.25);
});

test("an object smaller than 5 pixels is the finest level's alone, one of its cells at least, wherever it lies", () => {
  const all = cellsOf(96, 64);
  fc.assert(
    fc.property(
      fc.double({ min: 2, max: 94, noNaN: true }),
      fc.double({ min: 2, max: 62, noNaN: true }),
      fc.double({ min: 0.5, max: 4.5, noNaN: true }),
      (x, y, side) => {
        const { cells } = assigned(levelsOf(96, 64, unsure), [[x - side / 2, y - side / 2, x + side / 2, y + side / 2]]);
        assert.ok(cells.length >= 1 && cells.length <= 4);
        for (const cell of cells) assert.equal(all[cell]!.stride, 8);
      },
    ),
    { seed: 1, numRuns: 100 },
  );
  const { cells } = assigned(levelsOf(96, 64, unsure), [[19.5, 11.5, 22.5, 14.5]]);
  assert.deepEqual(
    cells.map((cell) => all[cell]),
    [{ x: 20, y: 12, stride: 8 }],
  );
});

test("an object of any size within the picture is answered for by some cell, and a huge one by the coarsest level", () => {
  const all = cellsOf(96, 64);
  for (let side = 0.5; side < 3000; side *= 1.07) {
    const { cells } = assigned(levelsOf(96, 64, unsure), [[48 - side / 2, 32 - side / 3, 48 + side / 2, 32 + side / 3]]);
    assert.ok(cells.length > 0, `side ${side}`);
    const strides = new Set(cells.map((cell) => all[cell]!.stride));
    if (side >= 14 * 16) assert.deepEqual([...strides], [32], `side ${side}`);
    if (side >= 14 * 8) assert.ok(!strides.has(8), `side ${side}`);
  }
});

test("only cells near the object's centre answer, even where others predict it well", () => {
  const object = [0, 0, 96, 64];
  const levels = levelsOf(96, 64, () => ({ logit: 2, box: [-0.001, -0.001, 96.001, 64.001] }));
  const all = cellsOf(96, 64);
  const { cells } = assigned(levels, [object]);
  assert.equal(cells.length, 8);
  for (const cell of cells) {
    const { x, y, stride } = all[cell]!;
    assert.ok(Math.abs(x - 48) <= 2.5 * stride && Math.abs(y - 32) <= 2.5 * stride);
  }
});

test("a cell that two objects want answers for the one it fits better; the other takes no cell in its place", () => {
  const [left, right] = [
    [8, 16, 40, 48],
    [24, 16, 56, 48],
  ];
  const all = cellsOf(64, 64);
  // between the centres (24 and 40) cells predict the left one up to x = 32, the right one beyond
  const levels = levelsOf(64, 64, (cell) => ({ logit: 1, box: cell.x < 32 ? left! : right! }));
  const { cells, boxes, quality } = assigned(levels, [left!, right!]);
  assert.equal(new Set(cells).size, cells.length, "no cell answers twice");
  cells.forEach((cell, i) => {
    assert.deepEqual(boxes.slice(4 * i, 4 * i + 4), all[cell]!.x < 32 ? left : right);
    close([quality[cell]!], [1], 1e-5);
  });
  assert.ok(cells.some((cell) => all[cell]!.x < 32) && cells.some((cell) => all[cell]!.x > 32));
});

test("whose a contested cell is does not depend on the order in which objects are listed", () => {
  const [fitting, other] = [
    [8, 16, 40, 48],
    [20, 16, 52, 48],
  ] as const;
  // eight cells near both centres predict the one; the other's best cells are among those that answer for it
  const levels = levelsOf(64, 64, (cell) =>
    cell.stride === 8 && Math.abs(cell.x - 32) < 8 && Math.abs(cell.y - 32) < 16 ? { logit: 1, box: [...fitting] } : unsure(cell),
  );
  const owners = (objects: (readonly number[])[]): Map<number, number[]> => {
    const { cells, boxes } = assigned(levels, objects as number[][]);
    return new Map(cells.map((cell, i) => [cell, boxes.slice(4 * i, 4 * i + 4)]));
  };
  const alone = [owners([fitting]), owners([other])] as const;
  const contested = [...alone[0].keys()].filter((cell) => alone[1].has(cell));
  assert.ok(contested.length > 0);
  for (const objects of [
    [fitting, other],
    [other, fitting],
  ])
    for (const cell of contested) assert.deepEqual(owners(objects).get(cell), [...fitting]);
});

test("of two objects in one place each cell answers for one", () => {
  const box = [16, 16, 48, 48];
  const once = assigned(levelsOf(64, 64, unsure), [box]);
  const twice = assigned(levelsOf(64, 64, unsure), [box, box]);
  assert.deepEqual([...twice.cells].sort(), [...once.cells].sort());
  assert.deepEqual(twice.quality, once.quality);
});

test("an object over the picture's border is answered for by the cells at the border", () => {
  const all = cellsOf(64, 64);
  const { cells } = assigned(levelsOf(64, 64, unsure), [[-20, 20, 12, 44]]);
  assert.ok(cells.length >= 3);
  for (const cell of cells) assert.ok(all[cell]!.x <= 16 && Math.abs(all[cell]!.y - 32) <= 16);
});

test("cells whose centre lies in an ignored region are skipped, but for those that answer for an object", () => {
  const region = [20, 28, 60, 64];
  const object = [8, 8, 40, 40];
  const all = cellsOf(64, 64);
  const levels = levelsOf(64, 64, (cell) =>
    cell.stride === 8 && cell.x === 36 && cell.y === 36 ? { logit: 1, box: object } : unsure(cell),
  );
  const { skip, cells } = assigned(levels, [object], [region]);
  all.forEach(({ x, y }, i) => {
    const inside = x >= 20 && x <= 60 && y >= 28 && y <= 64;
    assert.equal(skip[i], inside && !cells.includes(i) ? 1 : 0, `${x}, ${y}`);
  });
  assert.ok(
    cells.some((cell) => all[cell]!.x >= 20 && all[cell]!.y >= 28),
    "one of the answering cells lies in the region",
  );
  assert.ok(skip.some((s) => s === 1));
});

test("objects and regions of other tasks are nothing to a task", () => {
  const rows = [1, 16, 16, 48, 48];
  const example = exampleOf(new Random(1), 8, 8, 2, { boxes: rows, ignored: rows });
  const levels = levelsOf(64, 64, unsure);
  const mine = assign(levels, example, 0);
  assert.deepEqual([mine.cells, mine.quality.some((q) => q > 0), mine.skip.some((s) => s > 0)], [[], false, false]);
  const other = assign(levels, example, 1);
  assert.ok(other.cells.length >= 3 && other.skip.some((s) => s > 0));
});

for (const [index, { width, height, boxes, maps, owner, quality }] of readGolden().assign.entries())
  test(`cells answer for the objects that PyTorch says, as well as it says (case ${index + 1}, ${boxes.length / 4} objects)`, () => {
    const values = floatsOf(maps);
    let start = 0;
    const levels = STRIDES.map((stride): Level => {
      const [rows, columns] = [height / stride, width / stride];
      const padded = new Float32Array(8 * rows * columns);
      for (let i = 0; i < rows * columns; i++) padded.set(values.subarray(5 * (start + i), 5 * (start + i + 1)), 8 * i);
      start += rows * columns;
      return { values: padded, at: 0, height: rows, width: columns, stride, layout: BOX_HEAD };
    });
    const objects = Array.from({ length: boxes.length / 4 }, (_, i) => boxes.slice(4 * i, 4 * i + 4));
    const target = assigned(levels, objects);
    const found = new Map(target.cells.map((cell, i) => [cell, target.boxes.slice(4 * i, 4 * i + 4)]));
    owner.forEach((object, cell) => void assert.deepEqual(found.get(cell), object < 0 ? undefined : objects[object], `cell ${cell}`));
    close(target.quality, floatsOf(quality), 1e-5, "quality");
  });

test("maps may lie anywhere in memory", () => {
  const levels = levelsOf(64, 64, unsure);
  const moved = levels.map((level) => {
    const values = new Float32Array(40 + level.values.length);
    values.set(level.values, 40);
    return { ...level, values, at: 40 };
  });
  assert.deepEqual(assigned(moved, [[10, 10, 50, 40]]), assigned(levels, [[10, 10, 50, 40]]));
});
