import type { Frame, YuvFrame } from "../core/frame.js";
import { INPUT_ZERO } from "../graph/graph.js";
import { inputSize, letterboxed, type Placement, resampled } from "../image/letterbox.js";
import { runYuv } from "../image/yuv.js";
import type { Engine } from "../wasm/load.js";
import type { Picture } from "./sample.js";

/** A frame as a network sees it, and where in it the frame lies. */
export interface PlacedPicture {
  picture: Picture;
  placement: Placement;
}

/** A frame as a network with inputs of about `pixels` pixels sees it. */
export function pictureOf(engine: Engine, frame: Frame | YuvFrame, pixels: number): PlacedPicture {
  const { memory } = engine;
  const size = inputSize(frame.width, frame.height, pixels);
  const placement = letterboxed(frame, size);
  const rgba = "format" in frame ? rgbaOf(engine, frame) : frame;
  const bytes = resampled(engine, rgba, placement, size, (at) => memory.i8.slice(at, at + 3 * size.width * size.height));
  return { picture: { ...size, pixels: bytes }, placement };
}

/** What a network sees, as a frame. */
export function frameOf({ width, height, pixels }: Picture): Frame {
  const data = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) data[4 * i + c] = pixels[3 * i + c]! + INPUT_ZERO;
  return { width, height, data };
}

/** Planes as RGBA bytes. */
function rgbaOf(engine: Engine, frame: YuvFrame): Frame {
  const { memory } = engine;
  const { width, height, data } = frame;
  const mark = memory.mark;
  try {
    const rgba = memory.reserve(4 * width * height);
    const planes = memory.reserve(data.length);
    memory.u8.set(data, planes);
    runYuv(engine, rgba, planes, frame);
    return { data: memory.u8.slice(rgba, rgba + 4 * width * height), width, height };
  } finally {
    memory.release(mark);
  }
}
