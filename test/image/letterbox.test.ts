import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import {
  axisTable,
  inputSize,
  type Letterbox,
  letterboxBytes,
  letterboxed,
  maxTaps,
  type Placement,
  prepareLetterbox,
  runLetterbox,
} from "../../src/image/letterbox.js";
import { createEngine, type Engine } from "../../src/wasm/load.js";

const GREY = 114;
/** Bytes: half a one for the result, and what weights of 1/256 with carried rounding make of noise over a dozen taps on both axes. */
const FIXED_POINT = 1.5;
const GUARD = 0x5a;

interface Size {
  width: number;
  height: number;
}

/** The letterbox in double precision, told anew: the mean of what lies under an output pixel (within the frame), or the line between two pixel centres. */
function sampleAxis(position: number, start: number, length: number, out: number, size: number): Map<number, number> {
  const weights = new Map<number, number>();
  const add = (index: number, weight: number): void => {
    const inside = index < 0 ? 0 : index >= size ? size - 1 : index;
    weights.set(inside, (weights.get(inside) ?? 0) + weight);
  };
  if (length > out) {
    const low = start + (position * length) / out;
    const high = start + ((position + 1) * length) / out;
    let total = 0;
    for (let index = 0; index < size; index++) {
      const share = Math.min(high, index + 1) - Math.max(low, index);
      if (share > 0) total += share;
    }
    for (let index = 0; index < size; index++) {
      const share = Math.min(high, index + 1) - Math.max(low, index);
      if (share > 0) add(index, share / total);
    }
    if (total === 0) add(high <= 0 ? 0 : size - 1, 1); // wholly outside: the border goes on
  } else {
    const centre = start + ((position + 0.5) * length) / out - 0.5;
    const below = Math.floor(centre);
    add(below, below + 1 - centre);
    add(below + 1, centre - below);
  }
  return weights;
}

function oracle(rgba: Uint8Array, frame: Size, place: Placement, input: Size): Float64Array {
  const out = new Float64Array(3 * input.width * input.height).fill(GREY);
  const rows = Array.from({ length: place.height }, (_, j) => sampleAxis(j, place.sourceY, place.sourceHeight, place.height, frame.height));
  const columns = Array.from({ length: place.width }, (_, i) => sampleAxis(i, place.sourceX, place.sourceWidth, place.width, frame.width));
  for (let j = 0; j < place.height; j++)
    for (let i = 0; i < place.width; i++)
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (const [y, rowWeight] of rows[j]!)
          for (const [x, columnWeight] of columns[place.flip ? place.width - 1 - i : i]!)
            sum += rowWeight * columnWeight * rgba[4 * (y * frame.width + x) + channel]!;
        out[3 * ((place.top + j) * input.width + place.left + i) + channel] = sum;
      }
  return out;
}

/** Runs the kernel in the middle of guard bytes and returns its pixels as bytes 0..255. */
function letterboxOf(
  engine: Engine,
  rgba: Uint8Array,
  frame: Size,
  placement: Placement,
  input: Size,
): { pixels: Uint8Array; tables: Letterbox } {
  const { memory } = engine;
  const mark = memory.mark;
  const most = Math.max(maxTaps(placement.sourceWidth, placement.width), maxTaps(placement.sourceHeight, placement.height));
  const at = memory.reserve(letterboxBytes(frame, input, most));
  const source = memory.reserve(rgba.length);
  const bytes = 3 * input.width * input.height;
  const before = memory.reserve(64);
  const out = memory.reserve(bytes);
  memory.u8.fill(GUARD, before, memory.mark);
  memory.u8.set(rgba, source);
  const tables = prepareLetterbox(engine, at, frame, placement);
  assert.ok(tables.sums + 8 * frame.width <= source, "tables and sums stay in their room");
  runLetterbox(engine, tables, source, frame, out, input);
  const pixels = memory.u8.slice(out, out + bytes).map((v) => v ^ 0x80);
  assert.ok(
    memory.u8.subarray(before, out).every((v) => v === GUARD),
    "bytes before the input are untouched",
  );
  assert.ok(
    memory.u8.subarray(out + bytes, memory.mark).every((v) => v === GUARD),
    "bytes behind the input are untouched",
  );
  memory.release(mark);
  return { pixels, tables };
}

function noise({ width, height }: Size, seed: number): Uint8Array {
  const random = new Random(seed);
  return Uint8Array.from({ length: 4 * width * height }, () => random.below(256));
}

function worstDifference(pixels: Uint8Array, wanted: Float64Array): number {
  return pixels.reduce((worst, v, i) => Math.max(worst, Math.abs(v - wanted[i]!)), 0);
}

const SIZES: [Size, Size][] = [
  [
    { width: 640, height: 480 },
    { width: 288, height: 224 },
  ],
  [
    { width: 33, height: 17 },
    { width: 96, height: 64 },
  ],
  [
    { width: 1, height: 1 },
    { width: 64, height: 64 },
  ],
  [
    { width: 1, height: 300 },
    { width: 64, height: 128 },
  ],
  [
    { width: 517, height: 3 },
    { width: 128, height: 64 },
  ],
  [
    { width: 96, height: 64 },
    { width: 96, height: 64 },
  ],
  [
    { width: 97, height: 63 },
    { width: 96, height: 64 },
  ],
  [
    { width: 1281, height: 719 },
    { width: 128, height: 64 },
  ],
];

for (const [frame, input] of SIZES)
  for (const flip of [false, true])
    test(`a frame of ${frame.width} x ${frame.height} lies in ${input.width} x ${input.height} as the oracle says${flip ? ", mirrored" : ""}`, async () => {
      const engine = await createEngine();
      const placement = { ...letterboxed(frame, input), flip };
      const rgba = noise(frame, frame.width);
      const { pixels } = letterboxOf(engine, rgba, frame, placement, input);
      const worst = worstDifference(pixels, oracle(rgba, frame, placement, input));
      assert.ok(worst <= FIXED_POINT, `off by ${worst}`);
    });

test("a part of a frame with fractional sides, partly outside, is placed where it is asked for", async () => {
  const engine = await createEngine();
  const frame = { width: 61, height: 47 };
  const input = { width: 64, height: 64 };
  const rgba = noise(frame, 5);
  const parts = [
    { sourceX: 10.3, sourceY: 7.9, sourceWidth: 20.6, sourceHeight: 31.2, left: 3, top: 5, width: 17, height: 29 },
    { sourceX: 30.5, sourceY: 20.25, sourceWidth: 9.5, sourceHeight: 11.75, left: 0, top: 0, width: 64, height: 64 },
    { sourceX: -2.5, sourceY: -1.5, sourceWidth: 66, sourceHeight: 50, left: 10, top: 10, width: 30, height: 40 },
  ];
  for (const part of parts)
    for (const flip of [false, true]) {
      const placement = { ...part, flip };
      const { pixels } = letterboxOf(engine, rgba, frame, placement, input);
      const worst = worstDifference(pixels, oracle(rgba, frame, placement, input));
      assert.ok(worst <= FIXED_POINT, `off by ${worst} at ${JSON.stringify(placement)}`);
    }
});

test("a frame of the input's size is copied byte for byte, and mirrored exactly", async () => {
  const engine = await createEngine();
  const size = { width: 96, height: 64 };
  const rgba = noise(size, 9);
  const straight = letterboxOf(engine, rgba, size, letterboxed(size, size), size).pixels;
  const mirrored = letterboxOf(engine, rgba, size, { ...letterboxed(size, size), flip: true }, size).pixels;
  for (let y = 0; y < size.height; y++)
    for (let x = 0; x < size.width; x++)
      for (let c = 0; c < 3; c++) {
        const wanted = rgba[4 * (y * size.width + x) + c];
        assert.equal(straight[3 * (y * size.width + x) + c], wanted);
        assert.equal(mirrored[3 * (y * size.width + size.width - 1 - x) + c], wanted);
      }
});

test("one colour stays exactly that colour at any scale, and alpha counts for nothing", async () => {
  const engine = await createEngine();
  for (const [frame, input] of SIZES) {
    const rgba = Uint8Array.from({ length: 4 * frame.width * frame.height }, (_, i) => [255, 1, 77, (i * 7) & 255][i & 3]!);
    const place = letterboxed(frame, input);
    const { pixels } = letterboxOf(engine, rgba, frame, place, input);
    for (let y = 0; y < input.height; y++)
      for (let x = 0; x < input.width; x++) {
        const inside = x >= place.left && x < place.left + place.width && y >= place.top && y < place.top + place.height;
        const at = 3 * (y * input.width + x);
        assert.deepEqual(
          [...pixels.subarray(at, at + 3)],
          inside ? [255, 1, 77] : [GREY, GREY, GREY],
          `${frame.width} x ${frame.height} at ${x}, ${y}`,
        );
      }
  }
});

for (const lanes of [1, 2, 4] as const)
  test(`each row of a table adds up to 256 with no negative weight, within the frame; ${lanes} to a word`, () => {
    const random = new Random(3);
    for (let round = 0; round < 300; round++) {
      const size = 1 + random.below(400);
      const out = 1 + random.below(120);
      const whole = random.chance(0.5);
      const start = whole ? 0 : random.uniform(-3, size / 2);
      const length = whole ? size : random.uniform(0.5, size + 3 - start);
      const most = maxTaps(length, out);
      const entry = 2 + Math.ceil(most / lanes);
      const table = new Int32Array(out * entry);
      const largest = axisTable(table, { start, length, out, size, most, mirrored: random.chance(0.5) }, lanes);
      if (lanes === 4 && largest > 127) continue; // such a table has no room for it
      let found = 0;
      for (let i = 0; i < out; i++) {
        const [first, count, ...words] = table.subarray(i * entry, (i + 1) * entry);
        const weights = words.flatMap((word) =>
          Array.from({ length: lanes }, (_, k) => (lanes === 1 ? word : (word >>> ((32 / lanes) * k)) & (2 ** (32 / lanes) - 1))),
        );
        const used = weights.slice(0, count);
        assert.ok(count! >= 1 && count! <= most && first! >= 0 && first! + count! <= size, `row ${i}: ${first} + ${count} of ${size}`);
        assert.ok(used.every((weight) => weight >= 0));
        assert.ok(weights.slice(count).every((weight) => weight === 0));
        assert.equal(
          used.reduce((a, b) => a + b, 0),
          256,
        );
        found = Math.max(found, ...used);
      }
      assert.ok(found <= largest);
    }
  });

test("the input follows the frame's aspect near the wanted pixels, in multiples of 32", () => {
  assert.deepEqual(inputSize(1920, 1080, 61440), { width: 320, height: 192 });
  assert.deepEqual(inputSize(1080, 1920, 61440), { width: 192, height: 320 });
  assert.deepEqual(inputSize(640, 480, 61440), { width: 288, height: 224 });
  assert.deepEqual(inputSize(1000, 1000, 61440), { width: 256, height: 256 });
  const random = new Random(8);
  for (let round = 0; round < 500; round++) {
    const frame = { width: 1 + random.below(5000), height: 1 + random.below(5000) };
    const input = inputSize(frame.width, frame.height, 61440);
    assert.equal(input.width % 32, 0);
    assert.equal(input.height % 32, 0);
    assert.ok(input.width >= 64 && input.height >= 64);
    assert.deepEqual(inputSize(frame.height, frame.width, 61440), { width: input.height, height: input.width }, "a frame on its side");
    assert.ok(Math.abs(input.width * input.height - 61440) < 0.2 * 61440, `${input.width} x ${input.height}`);
  }
});

test("the whole frame fits into the input, touches two of its sides and is centred", () => {
  const random = new Random(4);
  for (let round = 0; round < 500; round++) {
    const frame = { width: 1 + random.below(3000), height: 1 + random.below(3000) };
    const input = inputSize(frame.width, frame.height, 4096 + random.below(100_000));
    const { left, top, width, height } = letterboxed(frame, input);
    assert.ok(width === input.width || height === input.height);
    assert.ok(left >= 0 && top >= 0 && left + width <= input.width && top + height <= input.height);
    assert.ok(Math.abs(input.width - width - 2 * left) <= 1 && Math.abs(input.height - height - 2 * top) <= 1);
  }
});
