import type { Frame, YuvFrame } from "../../src/core/frame.js";

/** A frame as cameras give it: I420, ITU-R BT.601, chroma averaged over 2 x 2 pixels. Sides are even. */
export function toI420({ data, width, height }: Frame): YuvFrame & { data: Uint8Array } {
  const [luma, chroma] = [width * height, (width * height) / 4];
  const planes = new Uint8Array(luma + 2 * chroma);
  const sums = new Float64Array(2 * chroma);
  for (let i = 0; i < luma; i++) {
    const [r, g, b] = [data[4 * i]!, data[4 * i + 1]!, data[4 * i + 2]!];
    const y = 0.299 * r + 0.587 * g + 0.114 * b;
    planes[i] = Math.round(16 + (219 * y) / 255);
    const at = (Math.floor(i / width) >> 1) * (width / 2) + ((i % width) >> 1);
    sums[at]! += (b - y) / 1.772 / 4;
    sums[chroma + at]! += (r - y) / 1.402 / 4;
  }
  for (let i = 0; i < sums.length; i++) planes[luma + i] = Math.round(128 + (224 * sums[i]!) / 255);
  return { format: "I420", data: planes, width, height };
}
