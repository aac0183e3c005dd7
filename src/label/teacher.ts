import type { DetectedObject } from "../core/detection.js";
import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import { VOCABULARY } from "../core/vocabulary.js";
import type { Port, Ports, Tensor } from "../engines/onnxruntime.js";
import type { Placement } from "../image/letterbox.js";

/** How a part of a frame is placed in a teacher's input of `width` x `height` pixels; the rest is grey (114). */
export interface View {
  width: number;
  height: number;
  placement: Placement;
}

/**
 * The input and output format of a family of detectors: the one thing to write for a new teacher (`fourway label --preset ./mine.mjs` takes a
 * module whose default export is one).
 */
export interface Teacher {
  /** Written to the labels as their provenance. */
  readonly name: string;
  /** The tasks it detects; left out: those of the shipped models. Objects of other tasks are not kept. */
  readonly tasks?: readonly Task[];
  /** Whether a model with these inputs and outputs is of this family. */
  fits(ports: Ports): boolean;
  /** The input's size for a frame, or a part of one, of this size, and where it is placed in it, with its origin at (0, 0). */
  place(width: number, height: number, pixels: number, ports: Ports): View;
  /** The model's inputs from the resampled picture: RGB bytes, [height, width, 3] of the view. */
  encode(rgb: Uint8Array, view: View, ports: Ports): Record<string, Tensor>;
  /** The detections, before overlaps are suppressed: objects that score `least` or more, boxes in pixels of the view. */
  decode(outputs: Readonly<Record<string, Tensor>>, view: View, least: number): DetectedObject[];
}

/** Numbers of the tasks that Fourway knows by name among COCO's 80 classes, counted from 0. */
export const COCO_CLASSES: readonly (readonly [Task, number])[] = VOCABULARY.map(({ task, cocoClass }) => [task, cocoClass]);

/** Bytes RGB [height, width, 3] as planes BGR [1, 3, height, width]: (byte - mean) / deviation, both in the order B, G, R. */
export function planesBgr(rgb: Uint8Array, { width, height }: View, mean: readonly number[], deviation: readonly number[]): Tensor {
  const area = width * height;
  const data = new Float32Array(3 * area);
  for (let c = 0; c < 3; c++) {
    const [m, d] = [mean[c]!, deviation[c]!];
    for (let i = 0; i < area; i++) data[c * area + i] = (rgb[3 * i + 2 - c]! - m) / d;
  }
  return { dims: [1, 3, height, width], data };
}

/** A model's only input. @throws E_MODEL where it has several, or none */
export function onlyInput({ inputs }: Ports, teacher: string): Port {
  if (inputs.length !== 1)
    throw new FourwayError("E_MODEL", `${teacher}: expected a model with one input, got ${inputs.length}; choose another --preset`);
  return inputs[0]!;
}

/** An output by name, with this many values. @throws E_MODEL where it is missing or of another size */
export function outputOf(outputs: Readonly<Record<string, Tensor>>, name: string, values: number, teacher: string): Float32Array {
  const tensor = outputs[name];
  if (tensor?.data.length !== values)
    throw new FourwayError(
      "E_MODEL",
      `${teacher}: expected ${values} values from output "${name}", got ${tensor?.data.length ?? "no such output"}; choose another --preset`,
    );
  return tensor.data;
}
