import assert from "node:assert/strict";
import { test } from "node:test";
import type { Box } from "../../src/core/box.js";
import type { Frame } from "../../src/core/frame.js";
import { openSession, type Session } from "../../src/engines/onnxruntime.js";
import { inputSize, letterboxed } from "../../src/image/letterbox.js";
import { lookAt, suppressed, tilesOf } from "../../src/label/look.js";
import type { Teacher } from "../../src/label/teacher.js";
import { createEngine } from "../../src/wasm/load.js";

/** A dark frame with one bright rectangle. */
function frameOf(width: number, height: number, box: Box): Frame {
  const data = new Uint8Array(4 * width * height).fill(20);
  for (let y = box.y; y < box.y + box.height; y++) data.fill(250, 4 * (y * width + box.x), 4 * (y * width + box.x + box.width));
  return { data, width, height };
}

/** A teacher that sees the rectangle of bright pixels of its input, and a session that hands the input through. */
const bright: Teacher & { views: number[][] } = {
  name: "bright",
  views: [],
  fits: () => true,
  place(width, height, pixels) {
    const input = inputSize(width, height, pixels);
    this.views.push([input.width, input.height]);
    return { ...input, placement: letterboxed({ width, height }, input) };
  },
  encode: (rgb, { width, height }) => ({ rgb: { dims: [height, width, 3], data: Float32Array.from(rgb) } }),
  decode({ rgb }, { width, height }) {
    let [left, top, right, bottom] = [width, height, 0, 0];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        if (rgb!.data[3 * (y * width + x)]! < 135) continue;
        [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
      }
    return right > left ? [{ task: "car", score: 0.9, box: { x: left, y: top, width: right - left, height: bottom - top } }] : [];
  },
};
const through: Session = { ports: { inputs: [], outputs: [] }, run: async (inputs) => ({ ...inputs }), dispose: async () => {} };

/** Pixels of rounding: one input pixel is at most two frame pixels here. */
const NEAR = 2.1;
function assertNear(box: Box | undefined, expected: Box): void {
  for (const side of ["x", "y", "width", "height"] as const)
    assert.ok(Math.abs((box?.[side] ?? Number.NaN) - expected[side]) <= NEAR, `${side}: ${JSON.stringify(box)}`);
}

test("what a teacher sees in its input comes back in frame pixels, bars or none, each pass at its own size", async () => {
  const engine = await createEngine();
  for (const [width, height] of [
    [200, 150],
    [150, 200],
    [330, 60],
  ] as const) {
    const box = { x: 41, y: 17, width: 60, height: 30 };
    bright.views = [];
    const objects = await lookAt(bright, through, engine, frameOf(width, height, box), { pixels: [128 * 96, 256 * 192], tiles: 1 });
    assert.equal(objects.length, 1, "both passes see one thing");
    assertNear(objects[0]!.box, box);
    assert.equal(bright.views.length, 2);
    assert.ok(bright.views[1]![0]! > bright.views[0]![0]!);
  }
});

test("a model whose input has one size looks at the whole picture once, however many passes are asked for", async () => {
  let runs = 0;
  const counted: Session = {
    ...through,
    run: async (inputs) => {
      runs++;
      return { ...inputs };
    },
  };
  const fixed: Teacher = { ...bright, place: (width, height) => bright.place.call(bright, width, height, 128 * 96, through.ports) };
  const frame = frameOf(200, 150, { x: 41, y: 17, width: 60, height: 30 });
  await lookAt(fixed, counted, await createEngine(), frame, { pixels: [10_000, 20_000, 40_000], tiles: 2 });
  assert.equal(runs, 1 + 4);
});

test("tiles see what lies in them where it lies; what their edges cut is left to the other passes", async () => {
  const engine = await createEngine();
  const look = { pixels: [128 * 96], tiles: 2 };
  const inTile = { x: 240, y: 160, width: 30, height: 20 };
  assertNear((await lookAt(bright, through, engine, frameOf(320, 240, inTile), look))[0]!.box, inTile);
  const wide = { x: 20, y: 100, width: 280, height: 20 }; // reaches over all tiles
  const objects = await lookAt(bright, through, engine, frameOf(320, 240, wide), look);
  assert.equal(objects.length, 1);
  assertNear(objects[0]!.box, wide);
});

test("tiles cover the whole frame and overlap by a fifth", () => {
  assert.deepEqual(tilesOf({ width: 100, height: 100 }, 1), []);
  const tiles = tilesOf({ width: 181, height: 91 }, 2);
  assert.equal(tiles.length, 4);
  assert.deepEqual(tiles[0], { x: 0, y: 0, width: 101, height: 51 });
  assert.deepEqual(tiles[3], { x: 80, y: 40, width: 101, height: 51 });
  for (const count of [2, 3, 5])
    for (const width of [97, 640]) {
      const row = tilesOf({ width, height: 64 }, count).slice(0, count);
      assert.equal(row[0]!.x, 0);
      assert.equal(row.at(-1)!.x + row.at(-1)!.width, width);
      for (const [i, tile] of row.slice(1).entries()) assert.ok(row[i]!.x + row[i]!.width > tile.x + 0.15 * tile.width);
    }
});

test("of overlapping boxes of a task the best stays; other tasks are left alone", () => {
  const box = { x: 0, y: 0, width: 10, height: 10 };
  const near = { x: 1, y: 0, width: 10, height: 10 };
  const far = { x: 6, y: 0, width: 10, height: 10 };
  const object = (task: string, score: number, at: Box) => ({ task, score, box: at });
  assert.deepEqual(suppressed([object("car", 0.5, near), object("car", 0.9, box), object("stopSign", 0.6, box), object("car", 0.4, far)]), [
    object("car", 0.9, box),
    object("stopSign", 0.6, box),
    object("car", 0.4, far),
  ]);
});

test("without onnxruntime-web it says what to install; a file that is no model is refused", async () => {
  await assert.rejects(openSession(new Uint8Array(8), "x.onnx", { load: () => Promise.reject(new Error("Cannot find package")) }), {
    code: "E_RUNTIME",
    message: /run: npm install onnxruntime-web$/,
  });
  await assert.rejects(openSession(new TextEncoder().encode("no model"), "x.onnx"), {
    code: "E_MODEL",
    message: /^x\.onnx: expected an ONNX model/,
  });
});
