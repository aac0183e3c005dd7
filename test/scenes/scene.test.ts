import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, test } from "node:test";
import { TASKS } from "../../src/core/task.js";
import { createCanvas, fillPolygon } from "../../src/scenes/canvas.js";
import { drawScene, type Scene } from "../../src/scenes/scene.js";
import { cosine, sine } from "../../src/scenes/stage.js";

const COUNT = 120;
const scenes: Scene[] = [];
before(() => {
  for (let index = 0; index < COUNT; index++) scenes.push(drawScene(11, index));
});

// Written down from Node 20 on x64. Whoever changes a drawing changes them: the failing test tells the new ones.
const HASHES = ["143aae85e3e03a87", "fe3ec11030c9a605", "72018b0355b5515c", "de849a2539a165c7"];
const HASH_PORTRAIT = "3aa3a15aa371cc80";

const hash = (scene: Scene) =>
  createHash("sha256").update(scene.frame.data).update(JSON.stringify(scene.labels)).digest("hex").slice(0, 16);

test("the same seed gives the same bytes, here and on every other machine", () => {
  assert.equal(hash(drawScene(11, 5)), hash(scenes[5]!));
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => hash(scenes[index]!)),
    HASHES,
  );
  assert.equal(hash(drawScene(3, 7, { width: 240, height: 320 })), HASH_PORTRAIT);
});

test("other seeds and other indices give other pictures", () => {
  assert.equal(new Set([...scenes.map(hash), hash(drawScene(12, 0)), hash(drawScene(12, 1))]).size, COUNT + 2);
});

test("every box lies in the picture and is the tight box of what is drawn of its instance", () => {
  for (const { frame, map, labels, instances } of scenes) {
    assert.equal(
      instances.length,
      TASKS.reduce((sum, task) => sum + labels[task]!.length, 0),
    );
    for (const { id, task, box } of instances) {
      assert.ok(labels[task]!.includes(box));
      assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= frame.width && box.y + box.height <= frame.height);
      let [left, top, right, bottom, count] = [Infinity, Infinity, -1, -1, 0];
      for (let pixel = 0; pixel < map.length; pixel++)
        if (map[pixel] === id) {
          const [x, y] = [pixel % frame.width, Math.floor(pixel / frame.width)];
          [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
          count++;
        }
      assert.deepEqual(box, { x: left, y: top, width: right - left + 1, height: bottom - top + 1 });
      // A thin pole may cut through an instance, but a box is never nearly empty.
      assert.ok(count >= 0.08 * box.width * box.height, `${task} covers ${count} pixels of ${box.width} x ${box.height}`);
    }
  }
});

test("what is red in a stop sign's box by day is the sign", () => {
  let seen = 0;
  for (const { frame, instances, map } of scenes)
    for (const { id, box } of instances.filter((instance) => instance.task === "stopSign" && instance.box.width > 24)) {
      let [red, own] = [0, 0];
      for (let y = box.y; y < box.y + box.height; y++)
        for (let x = box.x; x < box.x + box.width; x++) {
          const pixel = y * frame.width + x;
          if (map[pixel] !== id) continue;
          own++;
          const [r, g, b] = frame.data.subarray(4 * pixel, 4 * pixel + 3) as unknown as [number, number, number];
          if (r > 1.4 * g && r > 1.4 * b) red++;
        }
      seen++;
      assert.ok(red > 0.25 * own, `${red} of ${own} pixels are red`);
    }
  assert.ok(seen >= 10, `${seen} large stop signs`);
});

test("each task is in a good part of the scenes, and missing from a good part", () => {
  for (const task of TASKS) {
    const share = scenes.filter((scene) => scene.labels[task]!.length > 0).length / COUNT;
    assert.ok(share > 0.3 && share < 0.85, `${task}: ${share}`);
  }
});

test("each task comes near and large and far and small", () => {
  for (const task of TASKS) {
    const heights = scenes.flatMap((scene) => scene.labels[task]!.map((box) => box.height)).sort((a, b) => a - b);
    const [low, high] = [heights[Math.floor(heights.length * 0.05)]!, heights[Math.floor(heights.length * 0.95)]!];
    assert.ok(high > 3 * low, `${task}: heights from ${low} to ${high}`);
    assert.ok(high > 40, `${task}: the tallest are ${high} pixels high`);
  }
});

test("some instances are hidden too much to be boxed, and those are ignored regions", () => {
  const ignored = scenes.flatMap((scene) => TASKS.flatMap((task) => scene.ignore[task]!));
  const boxed = scenes.flatMap((scene) => scene.instances);
  assert.ok(ignored.length > 0.03 * boxed.length && ignored.length < 0.5 * boxed.length, `${ignored.length} beside ${boxed.length}`);
});

test("there are dark scenes and bright ones", () => {
  const mean = ({ frame }: Scene) =>
    Uint8Array.from(frame.data).reduce((sum, value, index) => (index % 4 === 3 ? sum : sum + value), 0) / (3 * frame.width * frame.height);
  const means = scenes.map(mean);
  assert.ok(means.filter((value) => value < 70).length > COUNT * 0.08);
  assert.ok(means.filter((value) => value > 110).length > COUNT * 0.3);
});

test("every pixel is drawn, at any size and shape", () => {
  for (const [width, height] of [
    [64, 64],
    [97, 301],
    [640, 200],
  ] as const) {
    const { frame } = drawScene(2, 2, { width, height });
    assert.deepEqual([frame.width, frame.height, frame.data.length], [width, height, 4 * width * height]);
    for (let i = 3; i < frame.data.length; i += 4) assert.equal(frame.data[i], 255);
  }
});

test("numbers out of range are refused", () => {
  for (const call of [
    () => drawScene(-1, 0),
    () => drawScene(0, 0.5),
    () => drawScene(0, 2 ** 32),
    () => drawScene(0, 0, { width: 63 }),
    () => drawScene(0, 0, { height: 5000 }),
  ])
    assert.throws(call, { code: "E_ARGUMENT" });
});

test("a polygon covers exactly its area, whichever way round, and only within the picture", () => {
  const area = (points: number[]) => {
    const canvas = createCanvas(20, 20);
    canvas.data.fill(0);
    fillPolygon(canvas, points, [255, 255, 255]);
    assert.ok(
      canvas.areas.every((value) => value === 0),
      "working memory is left clean",
    );
    let sum = 0;
    for (let i = 0; i < canvas.data.length; i += 4) sum += canvas.data[i]! / 255;
    return sum;
  };
  const close = (points: number[], expected: number) => {
    const reversed = points.flatMap((_, i) => (i % 2 ? [] : points.slice(points.length - 2 - i, points.length - i)));
    for (const value of [area(points), area(reversed)]) assert.ok(Math.abs(value - expected) < 0.15, `${value}, not ${expected}`);
  };
  close([2, 3, 12, 3, 12, 9, 2, 9], 60);
  close([2.25, 3.5, 12.75, 3.5, 12.75, 9.25, 2.25, 9.25], 10.5 * 5.75);
  close([1, 1, 18, 4, 6, 17], 128.5); // by the shoelace formula
  close([-30, -30, 50, -30, 50, 50, -30, 50], 400);
  close([-10, 10, 10, -10, 30, 10, 10, 30], 400);
  close([30, 5, 40, 5, 40, 9], 0);
});

test("sine and cosine are those of mathematics", () => {
  for (let angle = -12; angle < 12; angle += 0.037) {
    assert.ok(Math.abs(sine(angle) - Math.sin(angle)) < 4e-6);
    assert.ok(Math.abs(cosine(angle) - Math.cos(angle)) < 4e-6);
  }
});
