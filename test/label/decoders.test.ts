import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ports, Tensor } from "../../src/engines/onnxruntime.js";
import { nanodetPlus } from "../../src/label/nanodet.js";
import { PRESETS } from "../../src/label/presets.js";
import { yolox } from "../../src/label/yolox.js";

const tensor = (...dims: number[]): Tensor => ({ dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)) });
const NANODET: Ports = {
  inputs: [{ name: "data", dims: [1, 3, "h", "w"] }],
  outputs: [8, 16, 32, 64].flatMap((s) => [
    { name: `cls${s}_hwc`, dims: [1, "h", "w", 80] },
    { name: `dis${s}`, dims: [1, "h", "w", 32] },
  ]),
};
const YOLOX: Ports = { inputs: [{ name: "images", dims: [1, 3, 64, 64] }], outputs: [{ name: "output", dims: [1, 84, 85] }] };

/** Outputs of NanoDet-Plus for a 96 x 64 input in which nothing is seen: rows and columns are rounded up. */
function nanodetOutputs(): Record<string, Tensor> {
  return Object.fromEntries(
    [8, 16, 32, 64].flatMap((s) => [
      [`cls${s}_hwc`, tensor(1, Math.ceil(64 / s), Math.ceil(96 / s), 80)],
      [`dis${s}`, tensor(1, Math.ceil(64 / s), Math.ceil(96 / s), 32)],
    ]),
  );
}

test("NanoDet-Plus: a cell's box reaches the expected bin times the stride from the cell's corner to each side", () => {
  const view = nanodetPlus.place(96, 64, 96 * 64, NANODET);
  assert.deepEqual([view.width, view.height], [96, 64]);
  const outputs = nanodetOutputs();
  const cell = 1 * 6 + 2; // row 1, column 2 at stride 16: the point (32, 16)
  outputs.cls16_hwc!.data[cell * 80 + 2] = 0.75;
  outputs.cls16_hwc!.data[cell * 80 + 8] = 0.9; // a boat is no known task
  // sides: all in bin 1; all in bin 2; even over all eight bins (3.5); half in bin 0, half in bin 1 (0.5)
  const bins = outputs.dis16!.data.subarray(cell * 32, cell * 32 + 32);
  bins.fill(-200, 0, 16);
  bins[1] = 0;
  bins[8 + 2] = 0;
  bins.fill(3, 16, 24);
  bins.fill(-200, 24, 32);
  bins[24] = 5;
  bins[25] = 5;
  assert.deepEqual(nanodetPlus.decode(outputs, view, 0.1), [
    { task: "car", score: 0.75, box: { x: 32 - 16, y: 16 - 32, width: 16 + 56, height: 32 + 8 } },
  ]);
  assert.deepEqual(nanodetPlus.decode(outputs, view, 0.76), []);
});

test("NanoDet-Plus: each of the four tasks has its COCO class, at each stride, the last one with a part of a cell", () => {
  const view = nanodetPlus.place(96, 64, 96 * 64, NANODET);
  for (const [task, number] of [
    ["pedestrian", 0],
    ["car", 2],
    ["trafficLight", 9],
    ["stopSign", 11],
  ] as const)
    for (const stride of [8, 16, 32, 64]) {
      const outputs = nanodetOutputs();
      const cells = Math.ceil(96 / stride) * Math.ceil(64 / stride);
      outputs[`cls${stride}_hwc`]!.data[(cells - 1) * 80 + number] = 0.5;
      const [x, y] = [(Math.ceil(96 / stride) - 1) * stride, (Math.ceil(64 / stride) - 1) * stride];
      const [object, ...others] = nanodetPlus.decode(outputs, view, 0.1);
      assert.deepEqual(others, []);
      assert.deepEqual(object, {
        task,
        score: 0.5,
        box: { x: x - 3.5 * stride, y: y - 3.5 * stride, width: 7 * stride, height: 7 * stride },
      });
    }
});

test("NanoDet-Plus is fed planes of blue, green and red, less the mean, over the deviation, the picture in the middle", () => {
  const view = nanodetPlus.place(100, 50, 64 * 64, NANODET);
  assert.deepEqual([view.width, view.height, view.placement.left, view.placement.top], [96, 64, 0, 8]);
  const rgb = new Uint8Array(3 * 96 * 64);
  rgb.set([10, 20, 30], 3 * (96 * 2 + 5)); // row 2, column 5
  const { data } = nanodetPlus.encode(rgb, view, NANODET);
  assert.deepEqual(data!.dims, [1, 3, 64, 96]);
  const at = (channel: number): number => data!.data[channel * 96 * 64 + 96 * 2 + 5]!;
  assert.deepEqual([at(0), at(1), at(2)], [(30 - 103.53) / 57.375, (20 - 116.28) / 57.12, (10 - 123.675) / 58.395].map(Math.fround));
});

test("YOLOX: centre, size and score follow its formula, on the grid that the row belongs to", () => {
  const view = yolox.place(64, 64, 1e6, YOLOX);
  const output = tensor(1, 64 + 16 + 4, 85);
  const row = (index: number, values: number[], number: number, probability: number): void => {
    output.data.set(values, 85 * index);
    output.data[85 * index + 5 + number] = probability;
  };
  row(8 * 3 + 2, [0.5, 0.25, 0, Math.log(2), 0.5], 0, 0.75); // stride 8, row 3, column 2
  row(64 + 4 * 1 + 3, [0, 0, 0, 0, 0.5], 11, 0.5); // stride 16, row 1, column 3
  row(64 + 16 + 3, [1, 1, 0, 0, 1], 9, 0.25); // stride 32, row 1, column 1
  row(5, [0, 0, 0, 0, 0.5], 2, 0.125); // not sure enough
  const objects = yolox.decode({ output }, view, 0.1);
  assert.deepEqual(
    objects.map(({ task, score }) => [task, score]),
    [
      ["pedestrian", 0.375],
      ["stopSign", 0.25],
      ["trafficLight", 0.25],
    ],
  );
  const height = Math.exp(Math.fround(Math.log(2))) * 8;
  assert.deepEqual(
    objects.map(({ box }) => box),
    [
      { x: 20 - 4, y: 26 - height / 2, width: 8, height },
      { x: 48 - 8, y: 16 - 8, width: 16, height: 16 },
      { x: 64 - 16, y: 64 - 16, width: 32, height: 32 },
    ],
  );
});

test("YOLOX is fed bytes as they are, blue first, the picture in the top left corner of the model's own size", () => {
  const view = yolox.place(200, 100, 1e6, YOLOX);
  assert.deepEqual(
    [view.width, view.height, view.placement.left, view.placement.top, view.placement.width, view.placement.height],
    [64, 64, 0, 0, 64, 32],
  );
  const rgb = new Uint8Array(3 * 64 * 64);
  rgb.set([10, 20, 30], 0);
  const { images } = yolox.encode(rgb, view, YOLOX);
  assert.deepEqual([images!.data[0], images!.data[64 * 64], images!.data[2 * 64 * 64]], [30, 20, 10]);
  const open: Ports = { ...YOLOX, inputs: [{ name: "images", dims: [1, 3, "height", "width"] }] };
  const free = yolox.place(200, 100, 128 * 64, open);
  assert.deepEqual([free.width, free.height], [128, 64]);
});

test("a teacher's kind is recognised by its inputs and outputs", () => {
  const guess = (ports: Ports): string[] => PRESETS.filter(({ fits }) => fits(ports)).map(({ name }) => name);
  assert.deepEqual(guess(NANODET), ["nanodet-plus"]);
  assert.deepEqual(guess(YOLOX), ["yolox"]);
  assert.deepEqual(guess({ inputs: YOLOX.inputs, outputs: [{ name: "output", dims: [1, 84, 8400] }] }), []);
});

test("outputs that do not fit the input are refused, never read past their end", () => {
  const view = nanodetPlus.place(96, 64, 96 * 64, NANODET);
  assert.throws(() => nanodetPlus.decode({ ...nanodetOutputs(), dis8: tensor(1, 2, 2, 32) }, view, 0.1), {
    code: "E_MODEL",
    message: 'nanodet-plus: expected 3072 values from output "dis8", got 128; choose another --preset',
  });
  assert.throws(() => nanodetPlus.decode({ output: tensor(1, 84, 85) }, view, 0.1), { code: "E_MODEL" });
  assert.throws(() => yolox.decode({ output: tensor(1, 83, 85) }, yolox.place(64, 64, 1, YOLOX), 0.1), { code: "E_MODEL" });
  assert.throws(() => yolox.place(64, 64, 1, { ...YOLOX, inputs: [] }), { code: "E_MODEL" });
});
