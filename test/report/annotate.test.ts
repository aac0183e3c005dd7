import assert from "node:assert/strict";
import { test } from "node:test";
import { annotate, colourOf } from "../../src/report/annotate.js";

const grey = (width: number, height: number) => ({ data: new Uint8Array(4 * width * height).fill(128), width, height });
const pixel = (frame: { data: Uint8Array | Uint8ClampedArray; width: number }, x: number, y: number) => [
  ...frame.data.subarray(4 * (y * frame.width + x), 4 * (y * frame.width + x) + 3),
];

test("a box is drawn on its edges in the task's colour, its inside and the given frame stay as they are", async () => {
  const frame = grey(320, 200);
  const drawn = await annotate(frame, [{ task: "car", score: 0.87, box: { x: 100, y: 80, width: 60, height: 40 } }]);
  assert.ok(frame.data.every((value) => value === 128));
  for (const [x, y] of [
    [100, 100],
    [159, 100],
    [130, 119],
    [130, 80],
  ] as const)
    assert.deepEqual(pixel(drawn, x, y), [...colourOf("car")]);
  assert.deepEqual(pixel(drawn, 130, 100), [128, 128, 128]);
  assert.deepEqual(pixel(drawn, 90, 100), [128, 128, 128]);
});

test("the tag stays within the picture, wherever the box is, and differs with the score", async () => {
  for (const [x, y] of [
    [0, 0],
    [280, 0],
    [300, 190],
    [-20, -20],
    [400, 300],
  ] as const) {
    const object = { task: "trafficLight", box: { x, y, width: 30, height: 20 } };
    const [a, b] = await Promise.all([
      annotate(grey(320, 200), [{ ...object, score: 0.11 }]),
      annotate(grey(320, 200), [{ ...object, score: 0.99 }]),
    ]);
    assert.notDeepEqual(a, b);
    assert.notDeepEqual(a.data, grey(320, 200).data);
  }
});

test("lines grow with the picture", async () => {
  const width = async (scale: number) => {
    const drawn = await annotate(grey(320 * scale, 200 * scale), [
      { task: "car", score: 1, box: { x: 100 * scale, y: 80 * scale, width: 60 * scale, height: 40 * scale } },
    ]);
    let count = 0;
    for (let x = 90 * scale; x < 130 * scale; x++) if (String(pixel(drawn, x, 100 * scale)) === String(colourOf("car"))) count++;
    return count;
  };
  assert.equal(await width(1), 1);
  assert.ok((await width(6)) >= 5);
});

test("tasks of one's own get a colour too, and the four get different ones", () => {
  assert.equal(new Set(["pedestrian", "car", "stopSign", "trafficLight"].map((task) => colourOf(task).join())).size, 4);
  assert.equal(colourOf("bicycle").length, 3);
  assert.deepEqual(colourOf("bicycle"), colourOf("bicycle"));
});

test("an ignored region is drawn dashed", async () => {
  const drawn = await annotate(grey(320, 200), [], { ignored: [{ x: 50, y: 50, width: 100, height: 60 }] });
  const row = new Set(Array.from({ length: 90 }, (_, i) => pixel(drawn, 52 + i, 50).join()));
  assert.equal(row.size, 2);
});

test("a frame that does not fit its size is refused", async () => {
  await assert.rejects(annotate({ data: new Uint8Array(3), width: 1, height: 1 }, []), { code: "E_ARGUMENT" });
});
