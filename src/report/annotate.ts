import type { Box } from "../core/box.js";
import type { DetectedObject } from "../core/detection.js";
import { checkFrame, type Frame } from "../core/frame.js";
import type { Task } from "../core/task.js";
import { entryOfTask, VOCABULARY } from "../core/vocabulary.js";

// Boxes and labels drawn onto a picture, with letters of our own: no font, no canvas, the same pixels everywhere.

/** Red, green and blue, 0..255 each. */
export type Colour = readonly [number, number, number];

/** Colours of tasks that have none of their own. */
const OTHER_COLOURS: readonly Colour[] = VOCABULARY.filter(({ shipped }) => !shipped).map(({ colour }) => colour);
const BLACK: Colour = [0, 0, 0];
const WHITE: Colour = [255, 255, 255];

/** What else to draw. */
export interface AnnotateOptions {
  /** Regions that are not scored: drawn thin and grey. */
  ignored?: readonly Box[];
  /** false: boxes without names and scores. */
  tags?: boolean;
}

/**
 * A copy of the frame with a box, its points and a tag ("car 0.87") for each object, in a colour a task; lines and letters grow with
 * the picture. The strongest object is drawn last, so that its tag is on top.
 * @throws E_ARGUMENT for a frame whose size and data do not fit.
 */
export async function annotate(frame: Frame, objects: readonly DetectedObject[], options: AnnotateOptions = {}): Promise<Frame> {
  checkFrame(frame, "annotate");
  const picture = { data: new Uint8Array(frame.data), width: frame.width, height: frame.height };
  // 2 pixels of line at 640 x 480; the letters of 5 x 7 dots are readable from 2 pixels a dot on.
  const diagonal = Math.hypot(frame.width, frame.height);
  const line = Math.max(1, Math.round(diagonal / 400));
  const dot = Math.max(1, Math.round(diagonal / 420));
  for (const box of options.ignored ?? []) outline(picture, box, Math.max(1, line >> 1), [170, 170, 170], true);
  const order = [...objects].sort((a, b) => a.score - b.score);
  for (const { task, box } of order) outline(picture, box, line, colourOf(task), false);
  for (const { task, points = [] } of order)
    for (const { x, y } of points) {
      fill(picture, x - 2 * line, y - 2 * line, x + 2 * line, y + 2 * line, BLACK, 0.55);
      fill(picture, x - line, y - line, x + line, y + line, colourOf(task));
    }
  if (options.tags ?? true)
    for (const { task, score, box } of order) tag(picture, `${task} ${score.toFixed(2)}`, box, line, dot, colourOf(task));
  return picture;
}

/** The colour in which a task is drawn: red, green and blue, 0..255. */
export function colourOf(task: Task): Colour {
  const known = entryOfTask(task)?.colour;
  if (known) return known;
  let hash = 0;
  for (const letter of task) hash = (Math.imul(hash, 31) + letter.codePointAt(0)!) >>> 0;
  return OTHER_COLOURS[hash % OTHER_COLOURS.length]!;
}

interface Picture {
  data: Uint8Array;
  width: number;
  height: number;
}

function fill(picture: Picture, x0: number, y0: number, x1: number, y1: number, colour: Colour, opacity = 1): void {
  const [left, right] = [Math.max(0, Math.round(x0)), Math.min(picture.width, Math.round(x1))];
  const [top, bottom] = [Math.max(0, Math.round(y0)), Math.min(picture.height, Math.round(y1))];
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++) {
      const p = 4 * (y * picture.width + x);
      for (let c = 0; c < 3; c++) picture.data[p + c] = picture.data[p + c]! * (1 - opacity) + colour[c]! * opacity + 0.5;
      picture.data[p + 3] = 255;
    }
}

/** The four sides of a box, within a thin dark edge that sets it off on any ground. */
function outline(picture: Picture, box: Box, line: number, colour: Colour, dashed: boolean): void {
  const x0 = Math.round(Math.min(Math.max(box.x, 0), picture.width - line));
  const y0 = Math.round(Math.min(Math.max(box.y, 0), picture.height - line));
  const x1 = Math.round(Math.max(Math.min(box.x + box.width, picture.width), x0 + line));
  const y1 = Math.round(Math.max(Math.min(box.y + box.height, picture.height), y0 + line));
  const edge = Math.max(1, line >> 1);
  const frame = (grow: number, thick: number, paint: Colour, opacity: number) => {
    const [l, t, r, b] = [x0 - grow, y0 - grow, x1 + grow, y1 + grow];
    fill(picture, l, t, r, t + thick, paint, opacity);
    fill(picture, l, b - thick, r, b, paint, opacity);
    fill(picture, l, t + thick, l + thick, b - thick, paint, opacity);
    fill(picture, r - thick, t + thick, r, b - thick, paint, opacity);
  };
  if (!dashed) {
    frame(edge, edge, BLACK, 0.55);
    frame(0, line, colour, 1);
    return;
  }
  const dash = 5 * line;
  for (let x = x0; x < x1; x += 2 * dash)
    for (const y of [y0, y1 - line]) {
      fill(picture, x, y, Math.min(x + dash, x1), y + line, colour);
      fill(picture, x + dash, y, Math.min(x + 2 * dash, x1), y + line, BLACK);
    }
  for (let y = y0; y < y1; y += 2 * dash)
    for (const x of [x0, x1 - line]) {
      fill(picture, x, y, x + line, Math.min(y + dash, y1), colour);
      fill(picture, x, y + dash, x + line, Math.min(y + 2 * dash, y1), BLACK);
    }
}

/** The tag lies on the box's upper edge, or inside of it where there is no room above, and always within the picture. */
function tag(picture: Picture, text: string, box: Box, line: number, dot: number, colour: Colour): void {
  const width = (6 * text.length + 1) * dot + 2 * dot;
  const height = 11 * dot;
  const x = Math.max(0, Math.min(Math.round(box.x), picture.width - width));
  const above = Math.round(box.y) - height;
  const y = Math.max(0, Math.min(above >= 0 ? above : Math.round(box.y) + line, picture.height - height));
  fill(picture, x, y, x + width, y + height, colour);
  const bright = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 128;
  for (const [index, letter] of [...text].entries()) {
    const rows = GLYPHS[letter] ?? GLYPHS["?"]!;
    for (let row = 0; row < 7; row++)
      for (let column = 0; column < 5; column++)
        if ((rows[row]! >> (4 - column)) & 1) {
          const left = x + (2 + 6 * index + column) * dot;
          const top = y + (2 + row) * dot;
          fill(picture, left, top, left + dot, top + dot, bright ? BLACK : WHITE);
        }
  }
}

/** Letters of 5 x 7 dots: seven rows from the top, the leftmost dot is bit 4. */
const GLYPHS: Readonly<Record<string, readonly number[]>> = Object.fromEntries(
  `0 0e11131519110e|1 040c040404040e|2 0e11010204081f|3 1f02040201110e|4 02060a121f0202|5 1f101e0101110e|6 0608101e11110e
7 1f010204080808|8 0e11110e11110e|9 0e11110f01020c|a 00000e010f110f|b 10101619111 11e|c 00000e1010110e|d 01010d1311110f
e 00000e111f100e|f 0609081c080808|g 00000f110f010e|h 10101619111111|i 04000c0404040e|j 0200060202120c|k 10101214181412
l 0c04040404040e|m 00001a15151515|n 00001619111111|o 00000e1111110e|p 00001e111e1010|q 00000d130f0101|r 00001619101010
s 00000e100e011e|t 08081c08080906|u 0000111111130d|v 00001111110a04|w 0000111115150a|x 0000110a040a11|y 000011110f010e
z 00001f0204081f|A 0e1111111f1111|B 1e11111e11111e|C 0e11101010110e|D 1c12111111121c|E 1f10101e10101f|F 1f10101e101010
G 0e11101711110f|H 1111111f111111|I 0e04040404040e|J 0702020202120c|K 11121418141211|L 1010101010101f|M 111b1515111111
N 11111915131111|O 0e11111111110e|P 1e11111e101010|Q 0e11111115120d|R 1e11111e141211|S 0f10100e01011e|T 1f040404040404
U 1111111111110e|V 11111111110a04|W 1111111515150a|X 11110a040a1111|Y 1111110a040404|Z 1f01020408101f|. 00000000000c0c
- 0000001f000000|_ 0000000000001f|% 18190204081303|: 000c0c000c0c00|/ 00010204081000|? 0e110102040004|  00000000000000`
    .split(/[|\n]/)
    .map((entry) => [
      entry[0]!,
      entry
        .slice(2)
        .replaceAll(" ", "")
        .match(/../g)!
        .map((row) => Number.parseInt(row, 16)),
    ]),
);
