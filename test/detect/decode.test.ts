import assert from "node:assert/strict";
import { test } from "node:test";
import type { Box } from "../../src/core/box.js";
import { Random } from "../../src/core/random.js";
import { createCandidates, type HeadMap, locate, logitOf, selectCells, sigmoid } from "../../src/detect/decode.js";
import { suppress } from "../../src/detect/nms.js";
import { inputSize, letterboxed } from "../../src/image/letterbox.js";
import { BOX_HEAD, headLayout } from "../../src/model/head.js";

/** Frame pixels. Distances are f32: their rounding moves an edge of these frames by less. */
const EDGE = 0.01;
const STRIDES = [8, 16, 32];
/** Floats a cell in memory: five values and padding. */
const CELL = 8;

/** Maps of one task for an input, somewhere in memory, filled with background. */
function background(input: { width: number; height: number }, logit = -9): { values: Float32Array; maps: HeadMap[] } {
  let at = 24;
  const maps = STRIDES.map((stride) => {
    const map = { at, width: input.width / stride, height: input.height / stride, stride, layout: BOX_HEAD };
    at += CELL * map.width * map.height + 40;
    return map;
  });
  const values = new Float32Array(at).fill(logit);
  return { values, maps };
}

/** Writes a box (input pixels) into the cell of a map that its centre lies in. */
function put(values: Float32Array, map: HeadMap, box: Box, logit: number): void {
  const column = Math.floor((box.x + box.width / 2) / map.stride);
  const row = Math.floor((box.y + box.height / 2) / map.stride);
  const [x, y] = [(column + 0.5) * map.stride, (row + 0.5) * map.stride];
  const sides = [x - box.x, y - box.y, box.x + box.width - x, box.y + box.height - y];
  values.set([logit, ...sides.map((side) => Math.log(side / map.stride))], map.at + CELL * (row * map.width + column));
}

interface Found {
  logit: number;
  box: [number, number, number, number];
}

/** Decoding and suppression told anew, plainly: all cells, sorted, then box by box. */
function reference(
  values: Float32Array,
  maps: HeadMap[],
  minScore: number,
  frame: { width: number; height: number },
  input: { width: number; height: number },
): Found[] {
  const place = letterboxed(frame, input);
  const all: (Found & { order: number })[] = [];
  for (const map of maps)
    for (let row = 0; row < map.height; row++)
      for (let column = 0; column < map.width; column++) {
        const cell = [...values.subarray(map.at + CELL * (row * map.width + column))].slice(0, 5) as [
          number,
          number,
          number,
          number,
          number,
        ];
        if (1 / (1 + Math.exp(-cell[0])) < minScore) continue;
        const [left, top, right, bottom] = cell.slice(1).map((d) => Math.exp(Math.max(-4, Math.min(5, d))) * map.stride) as [
          number,
          number,
          number,
          number,
        ];
        const edges = [
          (column + 0.5) * map.stride - left,
          (row + 0.5) * map.stride - top,
          (column + 0.5) * map.stride + right,
          (row + 0.5) * map.stride + bottom,
        ];
        const inFrame = edges.map((v, i) =>
          i % 2 === 0
            ? Math.min(frame.width, Math.max(0, ((v - place.left) * frame.width) / place.width))
            : Math.min(frame.height, Math.max(0, ((v - place.top) * frame.height) / place.height)),
        ) as Found["box"];
        all.push({ logit: cell[0], box: inFrame, order: all.length });
      }
  all.sort((a, b) => b.logit - a.logit || a.order - b.order);
  let rest = all.slice(0, 300).filter(({ box: [x0, y0, x1, y1] }) => x1 > x0 && y1 > y0);
  const kept: Found[] = [];
  while (rest.length > 0 && kept.length < 100) {
    const best = rest[0]!;
    const share = ({ logit }: Found): number => (1 + Math.exp(-best.logit)) / (1 + Math.exp(-logit));
    const voters = rest.filter((each) => (each === best || overlap(best.box, each.box) > 0.5) && share(each) >= 0.25);
    const votes = voters.reduce((sum, each) => sum + share(each) ** 2, 0);
    const box = best.box.map((_, edge) => voters.reduce((sum, each) => sum + share(each) ** 2 * each.box[edge]!, 0) / votes);
    kept.push({ logit: best.logit, box: box as Found["box"] });
    rest = rest.slice(1).filter((each) => overlap(best.box, each.box) <= 0.5);
  }
  return kept;
}

function overlap(a: Found["box"], b: Found["box"]): number {
  const both = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = (box: Found["box"]): number => (box[2] - box[0]) * (box[3] - box[1]);
  return both / (area(a) + area(b) - both);
}

function decoded(
  values: Float32Array,
  maps: HeadMap[],
  minScore: number,
  frame: { width: number; height: number },
  input: { width: number; height: number },
) {
  const candidates = createCandidates();
  const largest = selectCells(candidates, values, maps, logitOf(minScore));
  locate(candidates, values, maps, letterboxed(frame, input));
  const kept = new Int32Array(100);
  const count = suppress(kept, candidates);
  const found = [...kept.subarray(0, count)].map((i) => ({
    logit: candidates.logits[i]!,
    box: [...candidates.boxes.subarray(4 * i, 4 * i + 4)] as Found["box"],
  }));
  return { largest, found, candidates };
}

const FRAMES = [
  { width: 1920, height: 1080 },
  { width: 600, height: 1700 },
  { width: 500, height: 500 },
  { width: 3000, height: 300 },
  { width: 97, height: 61 },
  { width: 40, height: 900 },
];

for (const frame of FRAMES)
  test(`a known object on any map comes back at its pixels of a ${frame.width} x ${frame.height} frame`, () => {
    const input = inputSize(frame.width, frame.height, 61440);
    const place = letterboxed(frame, input);
    const wanted: Box = { x: 0.31 * frame.width, y: 0.42 * frame.height, width: 0.5 * frame.width, height: 0.45 * frame.height };
    const [sx, sy] = [place.width / frame.width, place.height / frame.height];
    const inInput = { x: place.left + wanted.x * sx, y: place.top + wanted.y * sy, width: wanted.width * sx, height: wanted.height * sy };
    const levels = [0, 1, 2].filter((level) => Math.min(inInput.width, inInput.height) > STRIDES[level]!); // its centre cell lies within it
    assert.ok(levels.length > 0);
    for (const level of levels) {
      const { values, maps } = background(input);
      put(values, maps[level]!, inInput, 2);
      const { found, largest } = decoded(values, maps, 0.5, frame, input);
      assert.equal(largest, 2);
      assert.equal(found.length, 1);
      const [x0, y0, x1, y1] = found[0]!.box;
      const off = [x0 - wanted.x, y0 - wanted.y, x1 - wanted.x - wanted.width, y1 - wanted.y - wanted.height];
      assert.ok(
        off.every((v) => Math.abs(v) < EDGE),
        `edges off by ${off}`,
      );
    }
  });

test("boxes that reach beyond the frame end at its edges; those that lie in the bars are left out", () => {
  const frame = { width: 3000, height: 300 };
  const input = inputSize(frame.width, frame.height, 61440);
  const { values, maps } = background(input);
  put(values, maps[2]!, { x: -100, y: -50, width: 2 * input.width, height: 1.4 * input.height }, 3);
  put(values, maps[0]!, { x: 40, y: 2, width: 12, height: 7 }, 2); // in the upper bar
  const { found } = decoded(values, maps, 0.5, frame, input);
  assert.deepEqual(
    found.map(({ box }) => box),
    [[0, 0, 3000, 300]],
  );
});

test("decoding and suppression agree with a plain telling, box by box, on crowded maps", () => {
  const random = new Random(11);
  for (const minScore of [0.02, 0.3, 0.9, 0])
    for (const frame of FRAMES) {
      const input = inputSize(frame.width, frame.height, 12000);
      const { values, maps } = background(input);
      for (let i = 0; i < values.length; i++) values[i] = i % CELL === 0 ? random.normal() * 2 - 1 : random.normal() * 1.5 + 0.5;
      const { found } = decoded(values, maps, minScore, frame, input);
      const wanted = reference(values, maps, minScore, frame, input);
      assert.equal(found.length, wanted.length);
      assert.ok(minScore === 0.9 || found.length > 5, `${found.length} found`);
      found.forEach(({ logit, box }, i) => {
        assert.equal(logit, wanted[i]!.logit);
        box.forEach((edge, k) => {
          assert.ok(Math.abs(edge - wanted[i]!.box[k]!) < 1e-9 * frame.width);
        });
      });
    }
});

test("equal logits keep the order of maps and cells, also where more of them come than there is room", () => {
  const input = { width: 256, height: 256 };
  const { values, maps } = background(input, 1);
  const candidates = createCandidates();
  selectCells(candidates, values, maps, 0);
  assert.equal(candidates.count, 300);
  assert.deepEqual(
    [...candidates.cells],
    Array.from({ length: 300 }, (_, i) => i),
  );
  values[maps[2]!.at + CELL * 5] = 1.5;
  selectCells(candidates, values, maps, 0);
  assert.deepEqual([candidates.cells[0], candidates.maps[0], candidates.cells[1]], [5, 2, 0]);
});

test("the best 300 of many cells are kept, in order", () => {
  const random = new Random(2);
  const { values, maps } = background({ width: 512, height: 512 });
  const logits: number[] = [];
  for (const { at, width, height } of maps)
    for (let i = 0; i < width * height; i++) {
      values[at + CELL * i] = Math.round(random.normal() * 40) / 8; // many ties
      logits.push(values[at + CELL * i]!);
    }
  const candidates = createCandidates();
  selectCells(candidates, values, maps, -100);
  assert.deepEqual([...candidates.logits], logits.sort((a, b) => b - a).slice(0, 300));
});

test("logits that are no numbers are passed over, and presence does not see them", () => {
  const { values, maps } = background({ width: 64, height: 64 });
  values[maps[0]!.at] = Number.NaN;
  values[maps[1]!.at] = 0.25;
  const candidates = createCandidates();
  assert.equal(selectCells(candidates, values, maps, -1), 0.25);
  assert.equal(candidates.count, 1);
  values.fill(Number.NaN);
  assert.equal(selectCells(candidates, values, maps, -1), Number.NEGATIVE_INFINITY);
  assert.equal(candidates.count, 0);
});

test("a score and its logit belong together, to both ends", () => {
  for (const score of [0.01, 0.35, 0.5, 0.999]) assert.ok(Math.abs(sigmoid(logitOf(score)) - score) < 1e-12);
  assert.deepEqual([logitOf(0), logitOf(1)], [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  assert.deepEqual([sigmoid(-1000), sigmoid(1000)], [0, 1]);
});

test("sides given as distributions: the mean bin, counted from the cell's corner", () => {
  const layout = headLayout([
    ["logit", 1],
    ["bins", 32],
  ]);
  const input = { width: 64, height: 64 };
  const map: HeadMap = { at: 5, height: 8, width: 8, stride: 8, layout };
  const values = new Float32Array(5 + 64 * layout.cell).fill(-9);
  const [row, column] = [3, 4];
  const cell = 5 + (row * 8 + column) * layout.cell;
  // certain of bin 2; half 1 and half 2; three quarters 0 and a quarter 4; all bins alike
  const shares = [
    [[2, 1]],
    [
      [1, 0.5],
      [2, 0.5],
    ],
    [
      [0, 0.75],
      [4, 0.25],
    ],
    Array.from({ length: 8 }, (_, i) => [i, 0.125]),
  ] as [number, number][][];
  values.fill(-60, cell + 1, cell + 33);
  shares.forEach((side, i) => {
    for (const [bin, share] of side) values[cell + 1 + 8 * i + bin] = 7 + Math.log(share);
  });
  values[cell] = 2;
  const candidates = createCandidates();
  assert.equal(selectCells(candidates, values, [map], 0), 2);
  locate(candidates, values, [map], letterboxed(input, input));
  const [x, y] = [8 * column, 8 * row];
  const wanted = [x - 8 * 2, y - 8 * 1.5, x + 8 * 1, y + 8 * 3.5];
  wanted.forEach((edge, i) => void assert.ok(Math.abs(candidates.boxes[i]! - edge) < EDGE, `edge ${i}: ${candidates.boxes[i]}, ${edge}`));
});
