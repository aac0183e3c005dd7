import assert from "node:assert/strict";
import { test } from "node:test";
import type { Box } from "../../src/core/box.js";
import { Random } from "../../src/core/random.js";
import { drawRecipe, makeExample, type Picture } from "../../src/data/augment.js";
import type { Label, Sample } from "../../src/data/dataset.js";
import { type Example, ROW } from "../../src/data/example.js";
import { createEngine, type Engine } from "../../src/wasm/load.js";

const TASKS = ["a", "b"];
const [WIDTH, HEIGHT] = [128, 96];
/** Bytes of the frame's ground and of the rectangle; the input's bars are 114. */
const [DARK, BRIGHT] = [30, 250];

function sampleOf(width: number, height: number, labels: Record<string, Label>, ignore: Record<string, Box[]> = {}): Sample {
  return { image: "x.jpg", width, height, split: "train", group: "g", set: "s", labels, ignore };
}

/** A dark frame with one bright rectangle. @param unit frame pixels a pixel of the labels: a picture may be stored smaller than it was labelled */
function pictureOf(
  width: number,
  height: number,
  box: Box,
  labels: Record<string, Label>,
  unit = 1,
  ignore: Record<string, Box[]> = {},
): Picture {
  const frame = { width: width * unit, height: height * unit, data: new Uint8Array(4 * width * unit * height * unit) };
  for (let y = 0; y < frame.height; y++)
    for (let x = 0; x < frame.width; x++) {
      const inside = x >= box.x * unit && x < (box.x + box.width) * unit && y >= box.y * unit && y < (box.y + box.height) * unit;
      frame.data.set([inside ? BRIGHT : DARK, inside ? BRIGHT : DARK, inside ? BRIGHT : DARK, 255], 4 * (y * frame.width + x));
    }
  return { frame, sample: sampleOf(width, height, labels, ignore) };
}

function exampleOf(engine: Engine, pictures: Picture[], seed: number): Example {
  return makeExample(engine, pictures, TASKS, WIDTH, HEIGHT, new Random(seed), new Int8Array(3 * WIDTH * HEIGHT));
}

/** The rectangle of pixels that are brighter than halfway, in a part of the input: x0, y0, x1, y1; null where none is. */
function brightIn({ pixels }: Example, [left, top, right, bottom]: number[] = [0, 0, WIDTH, HEIGHT]): number[] | null {
  let found: number[] | null = null;
  for (let y = top!; y < bottom!; y++)
    for (let x = left!; x < right!; x++) {
      if (pixels[3 * (y * WIDTH + x)]! + 128 < (BRIGHT + DARK) / 2) continue;
      found = found ? [Math.min(found[0]!, x), found[1]!, Math.max(found[2]!, x + 1), y + 1] : [x, y, x + 1, y + 1];
    }
  return found;
}

const rowsOf = (rows: number[], task: number): number[][] =>
  Array.from({ length: rows.length / ROW }, (_, i) => rows.slice(i * ROW, (i + 1) * ROW))
    .filter(([own]) => own === task)
    .map((row) => row.slice(1));

/** An edge at a fraction of a pixel lights the pixel from a half on; the placement rounds to whole pixels, at both ends. */
const NEAR = 1.6;

function assertNear(row: number[], pixels: number[], where: string): void {
  for (const [i, edge] of row.entries()) assert.ok(Math.abs(edge - pixels[i]!) < NEAR, `${where}: box ${row}, pixels ${pixels}`);
}

const engine = await createEngine();

for (const unit of [1, 0.5])
  test(`a box follows its pixels through scale, stretch, cut and mirroring${unit === 1 ? "" : ", in a picture stored at half of its labels' size"}`, () => {
    const box = { x: 30, y: 50, width: 60, height: 40 };
    const seen = { whole: 0, cut: 0, hidden: 0, mirrored: 0 };
    for (let seed = 0; seed < 150; seed++) {
      const example = exampleOf(engine, [pictureOf(200, 120, box, { a: [box] }, unit)], seed);
      const [boxed, ignored] = [rowsOf(example.boxes, 0), rowsOf(example.ignored, 0)];
      const bright = brightIn(example);
      const row = boxed[0] ?? ignored[0];
      if (!row) {
        assert.ok(bright === null || bright[2]! - bright[0]! <= 3 || bright[3]! - bright[1]! <= 3, `seed ${seed}: ${bright} has no box`);
        continue;
      }
      assert.ok(bright !== null, `seed ${seed}: ${row} has no pixels`);
      assertNear(row, bright, `seed ${seed}`);
      assert.ok(row[0]! >= 0 && row[1]! >= 0 && row[2]! <= WIDTH && row[3]! <= HEIGHT);
      const touches = row[0] === 0 || row[1] === 0 || row[2] === WIDTH || row[3] === HEIGHT;
      if (ignored.length > 0) seen.hidden++;
      else if (touches) seen.cut++;
      else seen.whole++;
      // the frame's dark ground is wider on the right of the box than on its left, unless it is mirrored
      if (!touches && WIDTH - row[2]! < row[0]! - 20) seen.mirrored++;
      assert.equal(boxed.length + ignored.length, 1);
      assert.deepEqual(
        [example.mapWeight, example.presence, example.presenceWeight],
        [
          [1, 0],
          [boxed.length, 0],
          [boxed.length, 0],
        ],
      );
    }
    for (const [kind, count] of Object.entries(seen)) assert.ok(count >= 3, `${kind} occurs ${count} times: the seeds do not show it`);
  });

test("in a mosaic, every quarter's box follows its pixels and ends at the quarter", () => {
  const boxes = [
    { x: 10, y: 10, width: 70, height: 50 },
    { x: 50, y: 20, width: 60, height: 60 },
    { x: 20, y: 40, width: 90, height: 30 },
    { x: 60, y: 5, width: 40, height: 80 },
  ];
  let boxed = 0;
  for (let seed = 0; seed < 40; seed++) {
    const example = exampleOf(
      engine,
      boxes.map((box) => pictureOf(160, 100, box, { a: [box], b: null })),
      seed,
    );
    // a task that nobody looked for in any quarter names the quarters as ignored regions
    const quarters = rowsOf(example.ignored, 1);
    assert.equal(quarters.length, 4);
    assert.equal(
      quarters.reduce((sum, [x0, y0, x1, y1]) => sum + (x1! - x0!) * (y1! - y0!), 0),
      WIDTH * HEIGHT,
    );
    for (const quarter of quarters) {
      const inside = (row: number[]): boolean =>
        row[0]! >= quarter[0]! && row[1]! >= quarter[1]! && row[2]! <= quarter[2]! && row[3]! <= quarter[3]!;
      const rows = [...rowsOf(example.boxes, 0), ...rowsOf(example.ignored, 0)].filter(inside);
      const bright = brightIn(example, quarter);
      assert.ok(rows.length <= 1);
      if (rows[0]) {
        boxed++;
        assertNear(rows[0], bright!, `seed ${seed}`);
      } else
        assert.ok(bright === null || bright[2]! - bright[0]! <= 3 || bright[3]! - bright[1]! <= 3, `seed ${seed}: ${bright} has no box`);
    }
    assert.deepEqual(example.mapWeight, [1, 0]);
    assert.equal(example.presenceWeight[1], 0);
  }
  assert.ok(boxed > 80);
});

test("a task that is '?' or only present in a quarter of a mosaic is ignored there and nowhere else", () => {
  const box = { x: 40, y: 30, width: 60, height: 40 };
  const known = pictureOf(160, 100, box, { a: [box] });
  for (const label of [null, true] as const) {
    const unknown = pictureOf(160, 100, box, { a: label });
    for (let seed = 0; seed < 10; seed++) {
      const example = exampleOf(engine, [known, known, unknown, known], seed);
      // the third quarter lies on the left, below
      const whole = rowsOf(example.ignored, 0).filter(([x0, , , y1]) => x0 === 0 && y1 === HEIGHT);
      assert.equal(whole.length, 1);
      const [, top, right] = whole[0]!;
      for (const [x0, , , y1] of rowsOf(example.boxes, 0)) assert.ok(x0! >= right! || y1! <= top!, "no box within it");
      assert.equal(example.mapWeight[0], 1);
    }
  }
});

test("an ignored region follows its pixels and makes absence unknown", () => {
  const region = { x: 30, y: 40, width: 80, height: 40 };
  let shown = 0;
  for (let seed = 0; seed < 40; seed++) {
    const example = exampleOf(engine, [pictureOf(160, 100, region, { a: [] }, 1, { a: [region] })], seed);
    assert.deepEqual(example.boxes, []);
    const [row] = rowsOf(example.ignored, 0);
    const bright = brightIn(example);
    if (row) {
      shown++;
      assertNear(row, bright!, `seed ${seed}`);
    }
    assert.deepEqual([example.mapWeight[0], example.presence[0], example.presenceWeight[0]], [1, 0, row ? 0 : 1]);
  }
  assert.ok(shown > 30);
});

test("the four kinds of label teach what they should: boxed, absent, present, unknown", () => {
  const box = { x: 60, y: 40, width: 40, height: 30 };
  const teach = (label: Label): (number | undefined)[] => {
    // a seed whose cut shows the box
    for (let seed = 0; ; seed++) {
      const example = exampleOf(engine, [pictureOf(160, 100, box, { a: label, b: [box] })], seed);
      if (rowsOf(example.boxes, 1).length === 1)
        return [example.mapWeight[0], example.presence[0], example.presenceWeight[0], rowsOf(example.boxes, 0).length];
    }
  };
  assert.deepEqual(teach([box]), [1, 1, 1, 1]);
  assert.deepEqual(teach([]), [1, 0, 1, 0]);
  assert.deepEqual(teach(true), [0, 1, 1, 0]);
  assert.deepEqual(teach(null), [0, 0, 0, 0]);
});

test("a picture in which something is only known to be present stays whole, so that the thing stays in view", () => {
  // bright corners: all four must be there
  const corner = 10;
  for (const [width, height] of [
    [160, 120],
    [240, 80],
    [60, 160],
  ] as const) {
    const picture = pictureOf(width, height, { x: 0, y: 0, width: 0, height: 0 }, { a: true });
    const { frame } = picture;
    for (const [x0, y0] of [
      [0, 0],
      [width - corner, 0],
      [0, height - corner],
      [width - corner, height - corner],
    ] as const)
      for (let y = y0; y < y0 + corner; y++)
        for (let x = x0; x < x0 + corner; x++) frame.data.set([BRIGHT, BRIGHT, BRIGHT, 255], 4 * (y * width + x));
    for (let seed = 0; seed < 60; seed++) {
      const example = exampleOf(engine, [picture], seed);
      const bright = brightIn(example)!;
      const scaleX = (bright[2]! - bright[0]!) / width;
      const scaleY = (bright[3]! - bright[1]!) / height;
      // each corner's square is found at its full size
      for (const [x, y] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
      ] as const) {
        const [w, h] = [corner * scaleX, corner * scaleY];
        const left = x === 0 ? bright[0]! : bright[2]! - w;
        const top = y === 0 ? bright[1]! : bright[3]! - h;
        const square = brightIn(example, [Math.floor(left), Math.floor(top), Math.ceil(left + w), Math.ceil(top + h)])!;
        assert.ok(
          square && square[2]! - square[0]! >= w - NEAR && square[3]! - square[1]! >= h - NEAR,
          `seed ${seed}: ${width} x ${height} is cut at ${x}, ${y}`,
        );
      }
      // a part that is missing would also show in the aspect, which changes by 2^.2 at most
      assert.ok(Math.abs(Math.log2(scaleX / scaleY)) < 0.2 + 0.1, `seed ${seed}: stretched by ${scaleX / scaleY}`);
      assert.deepEqual([example.presence[0], example.presenceWeight[0]], [1, 1]);
    }
  }
});

test("what is not covered by the picture is the letterbox's grey, and colours stay what they were until the matrix is applied", () => {
  for (let seed = 0; seed < 20; seed++) {
    const { pixels } = exampleOf(engine, [pictureOf(100, 100, { x: 0, y: 0, width: 100, height: 100 }, { a: null })], seed);
    const values = new Set(pixels);
    for (const v of values) assert.ok(v === 114 - 128 || v === BRIGHT - 128, `${v}`);
  }
});

test("the colour matrix keeps the mean but for brightness, and a grey stays grey", () => {
  const matrices = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const { pixels, colour } = exampleOf(engine, [pictureOf(160, 100, { x: 20, y: 20, width: 50, height: 50 }, { a: null })], seed);
    matrices.add(colour.join());
    const [own, other] = [colour[0]!, colour[1]!];
    const offset = colour[12]!;
    assert.deepEqual([...colour], [own, other, other, 0, other, own, other, 0, other, other, own, 0, offset, offset, offset, 0]);
    const contrast = own + 2 * other;
    assert.ok(contrast > 0.7 - 1e-6 && contrast < 1.3 + 1e-6, `contrast ${contrast}`);
    assert.ok((own - other) / contrast > 0.4 - 1e-6 && (own - other) / contrast < 1.5 + 1e-6, "saturation");
    const mean = pixels.reduce((a, b) => a + b, 0) / pixels.length;
    assert.ok(Math.abs(mean * contrast + offset - mean) <= 32 + 1e-3, "brightness");
  }
  assert.equal(matrices.size, 50);
});

test("the same seed gives the same example, another seed another", () => {
  const box = { x: 30, y: 30, width: 60, height: 40 };
  const pictures = [pictureOf(200, 120, box, { a: [box] })];
  assert.deepEqual(exampleOf(engine, pictures, 5), exampleOf(engine, pictures, 5));
  assert.notDeepEqual(exampleOf(engine, pictures, 5).pixels, exampleOf(engine, pictures, 6).pixels);
});

test("a quarter of the examples are mosaics", () => {
  const recipe = drawRecipe(new Random(1), 4000);
  assert.deepEqual([...new Set(recipe)].sort(), [1, 4]);
  const share = recipe.filter((count) => count === 4).length / 4000;
  assert.ok(Math.abs(share - 0.25) < 0.025, `${share}`); // three and a half deviations
});

test("making an example gives back all the memory that it took", () => {
  const { mark } = engine.memory;
  exampleOf(engine, [pictureOf(300, 200, { x: 0, y: 0, width: 9, height: 9 }, { a: null })], 1);
  assert.equal(engine.memory.mark, mark);
});
