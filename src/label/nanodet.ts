import type { DetectedObject } from "../core/detection.js";
import { FourwayError } from "../core/errors.js";
import { meanBin } from "../detect/decode.js";
import { inputSize, letterboxed } from "../image/letterbox.js";
import { COCO_CLASSES, onlyInput, outputOf, planesBgr, type Teacher } from "./teacher.js";

// NanoDet-Plus (https://github.com/RangiLyu/nanodet). A pair of outputs per stride s, a row per cell of ceil(H/s) x ceil(W/s):
//   cls{s}_hwc  80 class probabilities
//   dis{s}      left, top, right, bottom, 8 bins each: the side is s times the expected bin of their softmax, from the point (c s, r s)

const MEAN = [103.53, 116.28, 123.675];
const DEVIATION = [57.375, 57.12, 58.395];
const CLASSES = 80;
const BINS = 8;
const NAME = "nanodet-plus";

/** NanoDet-Plus on COCO: any input of sides that are multiples of 32, centred. */
export const nanodetPlus: Teacher = {
  name: NAME,
  tasks: COCO_CLASSES.map(([task]) => task),
  fits: ({ outputs }) => outputs.some(({ name }) => name === "cls8_hwc") && outputs.some(({ name }) => name === "dis8"),
  place(width, height, pixels) {
    const input = inputSize(width, height, pixels);
    return { ...input, placement: letterboxed({ width, height }, input) };
  },
  encode: (rgb, view, ports) => ({ [onlyInput(ports, NAME).name]: planesBgr(rgb, view, MEAN, DEVIATION) }),
  decode(outputs, view, least) {
    const strides = Object.keys(outputs).flatMap((name) => /^cls(\d+)_hwc$/.exec(name)?.[1] ?? []);
    if (strides.length === 0)
      throw new FourwayError(
        "E_MODEL",
        `${NAME}: expected outputs cls{stride}_hwc, got ${Object.keys(outputs).join(", ")}; choose another --preset`,
      );
    const objects: DetectedObject[] = [];
    for (const stride of strides.map(Number)) {
      const columns = Math.ceil(view.width / stride);
      const cells = columns * Math.ceil(view.height / stride);
      const scores = outputOf(outputs, `cls${stride}_hwc`, cells * CLASSES, NAME);
      const bins = outputOf(outputs, `dis${stride}`, cells * 4 * BINS, NAME);
      for (let cell = 0; cell < cells; cell++)
        for (const [task, number] of COCO_CLASSES) {
          const score = scores[cell * CLASSES + number]!;
          if (!(score >= least)) continue;
          const [x, y] = [(cell % columns) * stride, Math.floor(cell / columns) * stride];
          const [left, top, right, bottom] = [0, 1, 2, 3].map((side) => meanBin(bins, (4 * cell + side) * BINS, BINS) * stride);
          objects.push({ task, score, box: { x: x - left!, y: y - top!, width: left! + right!, height: top! + bottom! } });
        }
    }
    return objects;
  },
};
