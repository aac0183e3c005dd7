import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Box } from "../../src/core/box.js";
import type { Frame } from "../../src/core/frame.js";
import type { Task } from "../../src/core/task.js";
import { loadModel, type Model } from "../../src/model/model.js";
import { drawScene } from "../../src/scenes/scene.js";

/** The smallest shipped model's file. */
export const smallFile = (): Uint8Array => readFileSync(fileURLToPath(new URL("../../../models/fourway-n.onnx", import.meta.url)));

/** The same, read. */
export const smallModel = (): Model => loadModel(smallFile());

/** A frame of a camera, with what is in it. */
export interface CameraFrame {
  frame: Frame;
  labels: Record<Task, Box[]>;
  ignore: Record<Task, Box[]>;
}

/** What a camera that does not move sees of one drawn street: frame `i` is `i` bytes brighter. */
export function cameraFrame(i: number, { width = 224, height = 128, scene = 2 } = {}): CameraFrame {
  const { frame, labels, ignore } = drawScene(5, scene, { width, height });
  const data = frame.data.map((byte, k) => (k % 4 === 3 ? byte : Math.min(255, byte + i)));
  return { frame: { width, height, data }, labels, ignore };
}
