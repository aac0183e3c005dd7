import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../src/core/random.js";
import { letterboxBytes, letterboxed, maxTaps, type Placement, prepareLetterbox, runLetterbox } from "../../src/image/letterbox.js";
import { letterbox, resampled, type Taps } from "../oracle/letterbox.js";
import { Arena } from "../support/arena.js";
import { same } from "../support/compare.js";
import { integers } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;

/** Rounded to 8-bit weights, a sample of a byte may be off by one half unit a tap and axis: 255 * 2 / 256 * 0.5, plus rounding to a byte. */
const WEIGHT_ROUNDING = 2;

/** Taps over `size` source pixels: random weights of at most `largest` that add up to 256. */
function randomTaps(random: Random, out: number, size: number, most: number, largest = 256): Taps[] {
  const least = Math.ceil(256 / largest);
  return Array.from({ length: out }, () => {
    const count = least + random.below(Math.min(most, size) - least + 1);
    const weights = new Array<number>(count).fill(0);
    for (let rest = 256; rest > 0; ) {
      const at = random.below(count);
      const share = Math.min(rest, 1 + random.below(256), largest - weights[at]!);
      weights[at]! += share;
      rest -= share;
    }
    return { first: random.below(size - count + 1), weights };
  });
}

/** So many words of weights, `lanes` in each. */
const tableOf = (taps: Taps[], words: number, lanes: number): number[] =>
  taps.flatMap(({ first, weights }) => [
    first,
    weights.length,
    ...Array.from({ length: words }, (_, i) =>
      weights.slice(i * lanes, (i + 1) * lanes).reduce((word, weight, k) => word + (weight << ((32 / lanes) * k)), 0),
    ),
  ]);

for (const { flip, least } of arena.ways)
  test(`agrees bit for bit with integer arithmetic for any taps, size and place; the rest is grey, flip ${flip} (property)`, () => {
    const side = fc.integer({ min: 1, max: 21 });
    const [lanes, largest, fewest] = flip < 0 ? ([2, 256, 1] as const) : ([4, 127, 3] as const);
    fc.assert(
      fc.property(
        fc.integer({ min: fewest, max: 21 }),
        side,
        side,
        side,
        fc.integer({ min: 0, max: 5 }),
        fc.integer(),
        (sw, sh, w, h, margin, seed) => {
          arena.reset();
          const random = new Random(seed);
          const most = fewest + random.below(7);
          const rgba = integers(random, sw * sh * 4, least === 0 ? 128 : 0, 255); // below 128 is below 0 when flipped
          const [rows, columns] = [randomTaps(random, h, sh, most), randomTaps(random, w, sw, most, largest)];
          const [rowWords, columnWords] = [most, Math.ceil(most / lanes)];
          const place = { left: margin, top: random.below(4), width: w + margin + 2, height: h + 7 };
          const first = Math.min(...columns.map((taps) => taps.first));
          const last = Math.max(...columns.map((taps) => taps.first + taps.weights.length));
          const out = arena.output("i8", place.width * place.height * 3, 16);
          kernels.letterbox(
            out.at,
            arena.input("u8", rgba).at,
            arena.scratch(8 * sw, 32).at,
            arena.input("i32", tableOf(rows, rowWords, 1)).at,
            arena.input("i32", tableOf(columns, columnWords, lanes)).at,
            rowWords,
            columnWords,
            sw,
            first,
            last,
            place.left,
            place.top,
            w,
            h,
            place.width,
            place.height,
            flip,
          );
          arena.check();
          same(arena.read(out), letterbox(rgba, sw, rows, columns, place));
        },
      ),
      { seed: 11, numRuns: 150 },
    );
  });

/** The f64 picture: area average or bilinear to each side, on grey. */
function expectedPicture(
  rgba: Float64Array,
  frame: { width: number; height: number },
  place: Placement,
  width: number,
  height: number,
): Float64Array {
  const out = new Float64Array(width * height * 3).fill(114);
  for (let j = 0; j < place.height; j++)
    for (let i = 0; i < place.width; i++)
      for (let channel = 0; channel < 3; channel++) {
        let total = 0;
        for (const [y, rowShare] of resampled(place.sourceY, place.sourceHeight, place.height, frame.height, j))
          for (const [x, columnShare] of resampled(
            place.sourceX,
            place.sourceWidth,
            place.width,
            frame.width,
            place.flip ? place.width - 1 - i : i,
          ))
            total += rowShare * columnShare * rgba[(y * frame.width + x) * 4 + channel]!;
        out[((place.top + j) * width + place.left + i) * 3 + channel] = total;
      }
  return out;
}

const FRAMES = [
  { width: 1, height: 1 },
  { width: 100, height: 37 },
  { width: 63, height: 150 },
  { width: 31, height: 17 },
  { width: 64, height: 64 },
];

for (const frame of FRAMES)
  for (const flip of [false, true])
    test(`a frame of ${frame.width}x${frame.height} is averaged or interpolated as in f64 arithmetic${flip ? ", mirrored" : ""}`, () => {
      arena.reset();
      const input = { width: 64, height: 64 };
      const placement: Placement = { ...letterboxed(frame, input), flip };
      const rgba = integers(new Random(5), frame.width * frame.height * 4, 0, 255);
      const rgbaAt = arena.input("u8", rgba).at;
      const out = arena.output("i8", 64 * 64 * 3, 16);
      const most = Math.max(maxTaps(frame.width, placement.width), maxTaps(frame.height, placement.height));
      const prepared = prepareLetterbox(arena.engine, arena.scratch(letterboxBytes(frame, input, most)).at, frame, placement);
      runLetterbox(arena.engine, prepared, rgbaAt, frame, out.at, input);
      arena.check();
      const expected = expectedPicture(rgba, frame, placement, 64, 64);
      arena.read(out).forEach((v, i) => {
        assert.ok(Math.abs(v + 128 - expected[i]!) <= WEIGHT_ROUNDING, `byte ${i}: expected ${expected[i]}, got ${v + 128}`);
      });
    });

test("one colour stays that colour, to the bit, at every scale", () => {
  for (const frame of FRAMES)
    for (const byte of [0, 1, 114, 254, 255]) {
      arena.reset();
      const input = { width: 64, height: 64 };
      const placement = letterboxed(frame, input);
      const rgbaAt = arena.input("u8", new Float64Array(frame.width * frame.height * 4).fill(byte)).at;
      const out = arena.output("i8", 64 * 64 * 3, 16);
      const most = Math.max(maxTaps(frame.width, placement.width), maxTaps(frame.height, placement.height));
      const prepared = prepareLetterbox(arena.engine, arena.scratch(letterboxBytes(frame, input, most)).at, frame, placement);
      runLetterbox(arena.engine, prepared, rgbaAt, frame, out.at, input);
      arena.check();
      const { left, top, width, height } = placement;
      arena.read(out).forEach((v, i) => {
        const [x, y] = [Math.floor(i / 3) % 64, Math.floor(i / 192)];
        const inside = x >= left && x < left + width && y >= top && y < top + height;
        assert.equal(v + 128, inside ? byte : 114);
      });
    }
});
