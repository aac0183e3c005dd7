import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sighting } from "../../src/learn/agreement.js";
import { differenceOf, FramePool } from "../../src/learn/framePool.js";
import { memoryStore } from "../../src/learn/index.js";
import type { Picture } from "../../src/learn/sample.js";

const picture = (grey: number): Picture => ({ width: 16, height: 8, pixels: new Int8Array(3 * 16 * 8).fill(grey) });
const seen = (x: number, sure = true, task = "car"): Sighting => ({ task, box: { x, y: 0, width: 10, height: 10 }, score: 0.9, sure });

test("what differs is counted: sure boxes that are missed and boxes that nobody else sees, not those left open", () => {
  const objects = [
    { task: "car", box: { x: 1, y: 0, width: 10, height: 10 } },
    { task: "car", box: { x: 50, y: 0, width: 10, height: 10 } },
  ];
  assert.equal(differenceOf([seen(0), seen(100), seen(200, false)], objects), 2);
  assert.equal(differenceOf([seen(0), seen(52, false)], objects), 0);
  assert.equal(differenceOf([seen(0, true, "pedestrian")], [objects[0]!]), 2);
});

test("frames are spread over all that were offered, in each part the one that differs most; twice as many as are wanted are kept at most", async () => {
  const store = memoryStore();
  const pool = await FramePool.open(store, "m");
  for (let i = 0; i < 100; i++) pool.offer(picture(i), [seen(20 * i)], i % 10 === 7 ? 5 : 0, 5);
  await pool.save();
  assert.ok((await store.list("adapt/frames/")).length <= 10);
  const chosen = pool.chosen(5).map(({ frame }) => frame);
  assert.equal(chosen.length, 5);
  for (const frame of chosen) assert.equal(frame % 10, 7);
  for (let i = 1; i < 5; i++) assert.ok(chosen[i]! - chosen[i - 1]! >= 10, chosen.join());
});

test("a picture like the one before, with the same boxes, is no second frame; another light or another place is", async () => {
  const pool = await FramePool.open(memoryStore(), "m");
  for (const [grey, x] of [
    [0, 0],
    [2, 1],
    [9, 1],
    [9, 30],
  ] as const)
    pool.offer(picture(grey), [seen(x)], 0, 8);
  assert.deepEqual(
    pool.chosen(8).map(({ frame }) => frame),
    [0, 2, 3],
  );
});

test("a pool goes on in its store, for the same teacher; another teacher begins anew", async () => {
  const store = memoryStore();
  const pool = await FramePool.open(store, "m");
  pool.offer(picture(3), [seen(0)], 1, 8);
  pool.know("0123456789abcdef");
  await pool.save();
  const again = await FramePool.open(store, "m");
  assert.deepEqual([again.frames, again.knows("0123456700000000"), again.knows("1123456789abcdef")], [1, true, false]);
  assert.deepEqual(again.chosen(8), pool.chosen(8));
  assert.deepEqual((await again.picture(again.chosen(8)[0]!)).pixels, picture(3).pixels);
  const other = await FramePool.open(store, "l");
  assert.deepEqual([other.frames, other.chosen(8), other.knows("0123456789abcdef")], [0, [], false]);
  await other.save();
  assert.deepEqual(await store.list("adapt/frames/"), []);
});
