import type { DetectedObject } from "../core/detection.js";
import type { Ports } from "../engines/onnxruntime.js";
import { inputSize, letterboxed } from "../image/letterbox.js";
import { COCO_CLASSES, onlyInput, outputOf, planesBgr, type Teacher } from "./teacher.js";

// YOLOX (https://github.com/Megvii-BaseDetection/YOLOX), exported without decoding in the graph. One output, a row per cell of the grids of
// stride 8, 16 and 32 in this order: x, y, w, h, objectness, 80 class probabilities.
//   centre = ((x + column) s, (y + row) s); width = exp(w) s; height = exp(h) s; score = objectness * class

const STRIDES = [8, 16, 32];
const VALUES = 85;
const NAME = "yolox";

function inputOf(ports: Ports): { name: string; width: number | null; height: number | null } {
  const { name, dims } = onlyInput(ports, NAME);
  const side = (size: number | string | undefined): number | null => (typeof size === "number" && size > 0 ? size : null);
  return { name, height: side(dims[2]), width: side(dims[3]) };
}

/** YOLOX on COCO: the model's own input size (where it leaves that open, multiples of 32), the picture in the top left corner. */
export const yolox: Teacher = {
  name: NAME,
  tasks: COCO_CLASSES.map(([task]) => task),
  fits: ({ inputs, outputs }) =>
    inputs.length === 1 && outputs.length === 1 && outputs[0]!.dims.length === 3 && outputs[0]!.dims[2] === VALUES,
  place(width, height, pixels, ports) {
    const fixed = inputOf(ports);
    const input = fixed.width && fixed.height ? { width: fixed.width, height: fixed.height } : inputSize(width, height, pixels);
    return { ...input, placement: { ...letterboxed({ width, height }, input), left: 0, top: 0 } };
  },
  encode: (rgb, view, ports) => ({ [inputOf(ports).name]: planesBgr(rgb, view, [0, 0, 0], [1, 1, 1]) }),
  decode(outputs, view, least) {
    const grids = STRIDES.map((stride) => ({ stride, columns: Math.floor(view.width / stride), rows: Math.floor(view.height / stride) }));
    const cells = grids.reduce((sum, { columns, rows }) => sum + columns * rows, 0);
    const values = outputOf(outputs, Object.keys(outputs)[0] ?? "output", cells * VALUES, NAME);
    const objects: DetectedObject[] = [];
    let at = 0;
    for (const { stride, columns, rows } of grids)
      for (let cell = 0; cell < columns * rows; cell++, at += VALUES) {
        const objectness = values[at + 4]!;
        for (const [task, number] of COCO_CLASSES) {
          const score = objectness * values[at + 5 + number]!;
          if (!(score >= least)) continue;
          const [width, height] = [Math.exp(values[at + 2]!) * stride, Math.exp(values[at + 3]!) * stride];
          const x = (values[at]! + (cell % columns)) * stride - width / 2;
          const y = (values[at + 1]! + Math.floor(cell / columns)) * stride - height / 2;
          objects.push({ task, score, box: { x, y, width, height } });
        }
      }
    return objects;
  },
};
