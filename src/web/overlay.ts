import type { Box } from "../core/box.js";
import type { Task } from "../core/task.js";
import { entryOfTask } from "../core/vocabulary.js";
import type { Moving } from "./motion.js";

/** A finger may miss a box by so many pixels. */
const REACH = 12;

/** Where the picture lies on a stage, in its pixels; mirrored where left is right. */
export interface Place extends Box {
  mirrored: boolean;
}

/** Where a picture of `width` x `height` lies on a stage: whole within it, or covering it. */
export function placeOn(
  stage: { width: number; height: number },
  picture: { width: number; height: number },
  cover: boolean,
  mirrored: boolean,
): Place {
  const scales = [stage.width / picture.width, stage.height / picture.height] as const;
  const scale = cover ? Math.max(...scales) : Math.min(...scales);
  const [width, height] = [picture.width * scale, picture.height * scale];
  return { x: (stage.width - width) / 2, y: (stage.height - height) / 2, width, height, mirrored };
}

/** A box in fractions of the picture, in pixels of the stage. */
function onStage({ x, y, width, height }: Box, place: Place): Box {
  const left = place.mirrored ? 1 - x - width : x;
  return { x: place.x + left * place.width, y: place.y + y * place.height, width: width * place.width, height: height * place.height };
}

/** A point of the stage in fractions of the picture. */
export function inPicture(x: number, y: number, place: Place): { x: number; y: number } {
  const across = (x - place.x) / place.width;
  return { x: place.mirrored ? 1 - across : across, y: (y - place.y) / place.height };
}

/** The smallest of the boxes at a point of the stage, within a finger's reach. */
export function boxAt(boxes: readonly Moving[], x: number, y: number, place: Place): Moving | undefined {
  const hit = (box: Box): boolean =>
    x > box.x - REACH && x < box.x + box.width + REACH && y > box.y - REACH && y < box.y + box.height + REACH;
  return boxes
    .map((moving) => ({ moving, box: onStage(moving.box, place) }))
    .filter(({ box }) => hit(box))
    .sort((a, b) => a.box.width * a.box.height - b.box.width * b.box.height)[0]?.moving;
}

/** A task's colour, for CSS; grey for one that has none. */
export function colourOf(task: Task): string {
  return `rgb(${(entryOfTask(task)?.colour ?? [200, 200, 200]).join(" ")})`;
}

/** How boxes are drawn: pixels of the canvas a CSS pixel, and which box is chosen. */
interface Drawing {
  place: Place;
  unit: number;
  name: (task: Task) => string;
  chosen?: Moving;
}

/** Draws boxes with round corners and, where there is room, their names. */
export function drawBoxes(context: CanvasRenderingContext2D, boxes: readonly Moving[], { place, unit, name, chosen }: Drawing): void {
  const { canvas } = context;
  context.font = `600 ${12 * unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  for (const moving of boxes) {
    const { task, score, opacity } = moving;
    const { x, y, width, height } = onStage(moving.box, place);
    const colour = colourOf(task);
    const corner = Math.min(6 * unit, width / 4, height / 4);
    context.globalAlpha = opacity;
    context.beginPath();
    context.roundRect(x, y, width, height, corner);
    context.lineWidth = (moving === chosen ? 7 : 4.5) * unit;
    context.strokeStyle = moving === chosen ? "white" : "rgb(0 0 0 / 0.45)";
    context.stroke();
    context.lineWidth = 2.5 * unit;
    context.strokeStyle = colour;
    context.stroke();
    const text = `${name(task)} ${Math.round(100 * score)} %`;
    const across = context.measureText(text).width + 12 * unit;
    const high = 20 * unit;
    const left = Math.max(2 * unit, Math.min(canvas.width - across - 2 * unit, x));
    const above = y - high - 3 * unit;
    const top = above > 2 * unit ? above : Math.max(2 * unit, y + 3 * unit);
    context.beginPath();
    context.roundRect(left, top, across, high, high / 2);
    context.fillStyle = colour;
    context.fill();
    context.fillStyle = "#101216";
    context.fillText(text, left + 6 * unit, top + high / 2 + 0.5 * unit);
  }
  context.globalAlpha = 1;
}
