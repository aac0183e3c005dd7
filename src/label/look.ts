import { type Box, iou } from "../core/box.js";
import type { DetectedObject } from "../core/detection.js";
import type { Frame } from "../core/frame.js";
import type { Session } from "../engines/onnxruntime.js";
import { resampled } from "../image/letterbox.js";
import type { Engine } from "../wasm/load.js";
import type { Teacher, View } from "./teacher.js";

/** The passes of a teacher over a picture. */
export interface Look {
  /** A pass over the whole picture for each: about this many input pixels, where the model's input size is free. */
  pixels: readonly number[];
  /** 2 or more: also a pass, at the last of `pixels`, over each tile of a grid of this many rows and columns that overlap by a fifth. */
  tiles: number;
}

/** Objects below this score are not kept: thresholds can be chosen later down to here. */
export const MIN_SCORE = 0.05;
/** Boxes of one task that overlap by more than this (IoU), in one pass or in several, are one object. */
const SAME = 0.55;
const OVERLAP = 0.2;
/** A box this close (input pixels) to a tile's edge within the picture is assumed to be cut off there, and left to the other passes. */
const CUT = 4;

/**
 * A teacher's detections in a frame, best first, boxes in frame pixels, clipped to the frame.
 * @throws E_MODEL where model and teacher do not fit
 */
export async function lookAt(teacher: Teacher, session: Session, engine: Engine, frame: Frame, look: Look): Promise<DetectedObject[]> {
  const whole = { x: 0, y: 0, width: frame.width, height: frame.height };
  const parts = [
    ...look.pixels.map((pixels) => ({ part: whole, pixels })),
    ...tilesOf(frame, look.tiles).map((part) => ({ part, pixels: look.pixels.at(-1)! })),
  ];
  const seen: DetectedObject[] = [];
  const done = new Set<string>();
  for (const { part, pixels } of parts) {
    const own = teacher.place(part.width, part.height, pixels, session.ports);
    const placement = { ...own.placement, sourceX: part.x, sourceY: part.y, flip: false };
    const view = { ...own, placement };
    const same = JSON.stringify(view); // a model of fixed input size would repeat the same pass
    if (done.has(same)) continue;
    done.add(same);
    const outputs = await session.run(teacher.encode(resample(engine, frame, view), view, session.ports));
    for (const object of teacher.decode(outputs, view, MIN_SCORE)) {
      const box = inFrame(object.box, view, part, frame);
      if (box) seen.push({ ...object, box });
    }
  }
  return suppressed(seen);
}

/** Tiles of whole pixels that cover the frame, none where `count` is below 2. */
export function tilesOf({ width, height }: { width: number; height: number }, count: number): Box[] {
  if (count < 2) return [];
  const cuts = (length: number): { at: number; size: number }[] => {
    const size = Math.ceil(length / (count - (count - 1) * OVERLAP));
    return Array.from({ length: count }, (_, i) => ({ at: Math.round((i * (length - size)) / (count - 1)), size }));
  };
  return cuts(height).flatMap((row) => cuts(width).map((column) => ({ x: column.at, y: row.at, width: column.size, height: row.size })));
}

/** Best first; of boxes of a task that are one object only the best. */
export function suppressed(objects: readonly DetectedObject[]): DetectedObject[] {
  const kept: DetectedObject[] = [];
  for (const object of objects.toSorted((a, b) => b.score - a.score))
    if (!kept.some(({ task, box }) => task === object.task && iou(box, object.box) > SAME)) kept.push(object);
  return kept;
}

/** The view's part of the frame as RGB bytes. */
function resample(engine: Engine, frame: Frame, view: View): Uint8Array {
  const { memory } = engine;
  const count = 3 * view.width * view.height;
  const bytes = resampled(engine, frame, view.placement, view, (out) => memory.u8.slice(out, out + count));
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= 128; // signed (byte - 128) back to the byte
  return bytes;
}

/** A box of the view in frame pixels, clipped to its part; null where nothing is left or a tile's edge cuts it. */
function inFrame(box: Box, { placement }: View, part: Box, frame: Frame): Box | null {
  const unitX = placement.sourceWidth / placement.width;
  const unitY = placement.sourceHeight / placement.height;
  const left = part.x + (box.x - placement.left) * unitX;
  const top = part.y + (box.y - placement.top) * unitY;
  const right = left + box.width * unitX;
  const bottom = top + box.height * unitY;
  const [endX, endY] = [part.x + part.width, part.y + part.height];
  if (part.x > 0 && left < part.x + CUT * unitX) return null;
  if (part.y > 0 && top < part.y + CUT * unitY) return null;
  if (endX < frame.width && right > endX - CUT * unitX) return null;
  if (endY < frame.height && bottom > endY - CUT * unitY) return null;
  const x = Math.max(part.x, left);
  const y = Math.max(part.y, top);
  const width = Math.min(endX, right) - x;
  const height = Math.min(endY, bottom) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}
