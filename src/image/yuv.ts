import type { YuvFrame } from "../core/frame.js";
import type { Engine } from "../wasm/load.js";

/** Fixed point of the kernel. */
const UNIT = 2 ** 13;
/** Shares of red and blue in luma. */
const LUMA = { bt601: [0.299, 0.114], bt709: [0.2126, 0.0722] } as const;

/** Of the kernel: black level, gain of luma, and what chroma adds to red, green and blue. */
function coefficientsOf({ matrix = "bt601", fullRange = false }: YuvFrame): [number, number, number, number, number, number] {
  const [red, blue] = LUMA[matrix];
  const chroma = (fullRange ? 1 : 255 / 224) * UNIT;
  const [rv, bu] = [2 * (1 - red) * chroma, 2 * (1 - blue) * chroma];
  const green = 1 - red - blue;
  const fixed = [(fullRange ? 1 : 255 / 219) * UNIT, rv, (-bu * blue) / green, (-rv * red) / green, bu].map(Math.round);
  return [fullRange ? 0 : 16, ...(fixed as [number, number, number, number, number])];
}

/** Converts a frame's planes at byte `planes` to RGBA bytes at byte `rgba`. */
export function runYuv({ kernels }: Engine, rgba: number, planes: number, frame: YuvFrame): void {
  const { format, width, height } = frame;
  const u = planes + width * height;
  const interleaved = format === "NV12";
  const v = u + (interleaved ? 1 : Math.ceil(width / 2) * Math.ceil(height / 2));
  kernels.yuv(rgba, planes, u, v, interleaved ? 2 : 1, width, height, ...coefficientsOf(frame));
}
