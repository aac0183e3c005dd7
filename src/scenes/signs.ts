import type { Colour } from "./canvas.js";
import { bar, disc, glow, limb, type Pen, penAt, ring, shape, stroke } from "./pen.js";
import { beginObject, endObject, type Stage, tone } from "./stage.js";

// Signs and lights on poles. Only the octagon of a stop sign and the housing of a traffic light are boxed.

const WHITE: Colour = [238, 238, 234];
const RED: Colour = [190, 24, 34];
const GREY: Colour = [128, 130, 132];

/** Strokes of letters and digits in a unit square: pairs of points, u to the right and v up. */
const STROKES: Readonly<Record<string, readonly number[]>> = {
  S: [0.9, 0.9, 0.1, 0.9, 0.1, 0.9, 0.1, 0.5, 0.1, 0.5, 0.9, 0.5, 0.9, 0.5, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1],
  T: [0.1, 0.9, 0.9, 0.9, 0.5, 0.9, 0.5, 0.1],
  O: [0.1, 0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1],
  P: [0.1, 0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.45, 0.9, 0.45, 0.1, 0.45],
  "0": [0.1, 0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1],
  "3": [0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1, 0.2, 0.5, 0.9, 0.5],
  "5": [0.9, 0.9, 0.1, 0.9, 0.1, 0.9, 0.1, 0.5, 0.1, 0.5, 0.9, 0.5, 0.9, 0.5, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1],
  "6": [0.9, 0.9, 0.1, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.9, 0.1, 0.9, 0.1, 0.9, 0.5, 0.9, 0.5, 0.1, 0.5],
  "8": [0.1, 0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.5, 0.9, 0.5],
};

/** Letters in a row, centred on (u, v), of the given height. */
function letters(pen: Pen, text: string, u: number, v: number, height: number, colour: Colour): void {
  const [width, gap, thick] = [height * 0.46, height * 0.24, height * 0.17];
  const total = text.length * (width + gap) - gap;
  for (const [index, letter] of [...text].entries()) {
    const strokes = STROKES[letter] ?? [];
    const left = u - total / 2 + index * (width + gap);
    for (let i = 0; i < strokes.length; i += 4) {
      const [a, b, c, d] = strokes.slice(i, i + 4) as [number, number, number, number];
      // Longer by half the stroke's width at both ends, so that corners are whole.
      const [eu, ev] = [a === c ? 0 : (Math.sign(c - a) * thick) / 2, b === d ? 0 : (Math.sign(d - b) * thick) / 2];
      stroke(pen, left + a * width - eu, v + (b - 0.5) * height - ev, left + c * width + eu, v + (d - 0.5) * height + ev, thick, colour);
    }
  }
}

function pole(pen: Pen, top: number, width = 0.07, colour: Colour = GREY): void {
  bar(pen, -width / 2, 0, width, top, colour);
  bar(pen, -width / 2, 0, width * 0.4, top, tone(colour, 0.75));
}

/** Paints a stop sign whose foot is at (x, z), boxed as "stopSign". */
export function drawStopSign(stage: Stage, x: number, z: number): void {
  const { random } = stage;
  const radius = random.uniform(0.38, 0.5);
  const middle = random.uniform(1.9, 2.6);
  const tilt = random.chance(0.3) ? random.uniform(-0.22, 0.22) : random.uniform(-0.03, 0.03);
  const post = penAt(stage, x, z, null, { tilt });
  pole(post, middle + radius * 0.6, 0.07, random.pick<Colour>([GREY, [92, 96, 88], [150, 150, 150], [104, 76, 52]]));
  const object = beginObject(stage, "stopSign");
  const pen = { ...post, object, wide: random.chance(0.3) ? random.uniform(0.6, 0.85) : random.uniform(0.9, 1) };
  const fade = random.uniform(0, 0.3);
  const red: Colour = [198 + 20 * fade, 22 + 90 * fade, 34 + 80 * fade];
  const corner = radius / 0.9239; // the flat sides of an octagon lie at cos(22.5 degrees) of its corners
  shape(pen, ring(0, middle, corner, corner, 8, 0.5), tone(WHITE, 1 - fade * 0.25));
  shape(pen, ring(0, middle, corner * 0.92, corner * 0.92, 8, 0.5), red);
  letters(pen, "STOP", 0, middle, radius * 0.62, tone(WHITE, 1 - fade * 0.2));
  endObject(stage, object);
  if (random.chance(0.15)) {
    // A plate below, not part of the sign.
    bar({ ...pen, object: null }, -radius * 0.6, middle - radius * 1.55, radius * 1.2, radius * 0.36, RED);
  }
}

/** Where a traffic light hangs. */
export type LightMount = "post" | "arm" | "wire";

/**
 * Paints a traffic light, boxed as "trafficLight": a housing with three lamps, of which one is lit (at times two, or none).
 * @param lit 0 red, 1 yellow, 2 green; lights that face the same road show the same.
 */
export function drawTrafficLight(stage: Stage, x: number, z: number, mount: LightMount, lit: number): void {
  const { random } = stage;
  const lampRadius = random.uniform(0.1, 0.13);
  const step = lampRadius * 2.45;
  const level = mount !== "post" && random.chance(0.3);
  const bottom = mount === "post" ? random.uniform(2.2, 3.1) : random.uniform(4.6, 5.6);
  const body = random.pick<Colour>([
    [22, 24, 24],
    [34, 38, 36],
    [28, 48, 36],
    [206, 160, 30],
    [52, 54, 58],
  ]);
  const post = penAt(stage, x, z, null);
  if (mount === "post") pole(post, bottom + 0.2, 0.11, random.pick<Colour>([GREY, [70, 74, 76], [206, 160, 30]]));
  if (mount === "wire") bar(post, -12, bottom + 0.98, 24, 0.03, [40, 40, 44]);
  if (mount === "wire") bar(post, -0.015, bottom + 0.7, 0.03, 0.3, [40, 40, 44]);
  if (mount === "arm") arm(post, x, bottom + 0.5);

  const object = beginObject(stage, "trafficLight");
  const turned = random.chance(0.25) ? random.uniform(0.5, 0.8) : random.uniform(0.9, 1);
  const pen: Pen = { ...post, object, wide: turned };
  const [halfU, halfV] = level ? [step * 1.55, step * 0.6] : [step * 0.6, step * 1.55];
  const v = bottom + (mount === "post" ? halfV : 0.5);
  if (random.chance(0.35)) {
    const rim = lampRadius * 0.9;
    bar(pen, -halfU - rim, v - halfV - rim, 2 * (halfU + rim), 2 * (halfV + rim), random.chance(0.4) ? WHITE : [20, 22, 22]);
    bar(pen, -halfU - rim * 0.75, v - halfV - rim * 0.75, 2 * (halfU + rim * 0.75), 2 * (halfV + rim * 0.75), [18, 20, 20]);
  }
  bar(pen, -halfU, v - halfV, 2 * halfU, 2 * halfV, body);
  const on = random.chance(0.05) ? -1 : lit;
  for (let lamp = 0; lamp < 3; lamp++) {
    const [lu, lv] = level ? [(lamp - 1) * step, v] : [0, v + (1 - lamp) * step];
    const bright = lamp === on || (lamp === 1 && on === 0 && random.chance(0.08));
    const hue = (["red", "yellow", "green"] as const)[lamp]!;
    disc(pen, lu, lv, lampRadius * 1.1, lampRadius * 1.1, [12, 12, 12]);
    disc(pen, lu, lv, lampRadius, lampRadius, bright ? LIT[hue] : UNLIT[hue], { lit: bright });
    if (bright) {
      disc(pen, lu, lv, lampRadius * 0.55, lampRadius * 0.55, CORE[hue], { lit: true });
      glow(pen, lu, lv, stage.light.time === "day" ? 0.3 : 1.1, LIT[hue], stage.light.time === "day" ? 0.25 : 0.7);
    }
    // The visor above the lamp.
    shape(
      pen,
      [
        lu - lampRadius * 1.2,
        lv + lampRadius * 0.4,
        lu - lampRadius * 0.8,
        lv + lampRadius * 1.15,
        lu + lampRadius * 0.8,
        lv + lampRadius * 1.15,
        lu + lampRadius * 1.2,
        lv + lampRadius * 0.4,
        lu + lampRadius * 0.7,
        lv + lampRadius * 0.85,
        lu - lampRadius * 0.7,
        lv + lampRadius * 0.85,
      ],
      tone(body, 0.6),
    );
  }
  endObject(stage, object);
}

const LIT = { red: [255, 52, 36], yellow: [255, 196, 32], green: [40, 240, 140] } as const satisfies Record<string, Colour>;
const CORE = { red: [255, 130, 104], yellow: [255, 232, 140], green: [170, 255, 214] } as const satisfies Record<string, Colour>;
const UNLIT = { red: [66, 16, 14], yellow: [70, 54, 14], green: [14, 54, 34] } as const satisfies Record<string, Colour>;

/** A mast beside the road with an arm that reaches over to the light. */
function arm(pen: Pen, x: number, v: number): void {
  const side = x >= 0 ? 1 : -1;
  const foot = side * 4.4;
  bar(pen, foot - 0.09, 0, 0.18, v + 0.15, [96, 100, 102]);
  limb(pen, foot, v, -side * 0.3, v + 0.1, 0.07, 0.045, [96, 100, 102]);
}

/** The signs that are not boxed. */
const OTHER_SIGNS = ["limit", "noEntry", "giveWay", "warning", "priority", "arrow", "parking", "plate", "disc", "hexagon", "back"] as const;

/** Paints a sign that is not a stop sign, with its foot at (x, z). */
export function drawOtherSign(stage: Stage, x: number, z: number): void {
  const { random } = stage;
  const kind = random.pick(OTHER_SIGNS);
  const r = random.uniform(0.3, 0.45);
  const v = random.uniform(1.9, 2.7);
  const pen = penAt(stage, x, z, null, { tilt: random.uniform(-0.05, 0.05) });
  pole(pen, v + r * 0.5, 0.06);
  pen.wide = random.uniform(0.75, 1);
  const disk = (part: number, colour: Colour) => disc(pen, 0, v, r * part, r * part, colour);
  const triangle = (part: number, down: boolean, colour: Colour) => {
    const [s, h] = [r * 1.1 * part, (down ? -1 : 1) * r * 1.1 * part];
    shape(pen, [-s, v - h * 0.6, s, v - h * 0.6, 0, v + h], colour);
  };
  if (kind === "limit") {
    disk(1, RED);
    disk(0.78, WHITE);
    letters(pen, random.pick(["30", "50", "60", "80"]), 0, v, r * 0.75, [22, 22, 24]);
  } else if (kind === "noEntry") {
    disk(1, RED);
    bar(pen, -r * 0.7, v - r * 0.16, r * 1.4, r * 0.32, WHITE);
  } else if (kind === "giveWay" || kind === "warning") {
    triangle(1, kind === "giveWay", RED);
    triangle(0.66, kind === "giveWay", WHITE);
    if (kind === "warning") bar(pen, -r * 0.07, v - r * 0.25, r * 0.14, r * 0.5, [22, 22, 24]);
  } else if (kind === "priority") {
    shape(pen, ring(0, v, r, r, 4), WHITE);
    shape(pen, ring(0, v, r * 0.75, r * 0.75, 4), [240, 190, 30]);
  } else if (kind === "arrow") {
    disk(1, [24, 84, 176]);
    shape(pen, [-r * 0.12, v - r * 0.6, r * 0.12, v - r * 0.6, r * 0.12, v, r * 0.4, v, 0, v + r * 0.65, -r * 0.4, v, -r * 0.12, v], WHITE);
  } else if (kind === "parking") {
    bar(pen, -r, v - r, 2 * r, 2 * r, [24, 84, 176]);
    letters(pen, "P", 0, v, r * 1.3, WHITE);
  } else if (kind === "plate") {
    const colour = random.pick<Colour>([
      [30, 110, 70],
      [230, 230, 226],
      [236, 190, 40],
      [30, 76, 150],
    ]);
    bar(pen, -r * 2, v - r * 0.6, r * 4, r * 1.2, colour);
    for (let i = 0; i < 2; i++)
      bar(pen, -r * 1.7, v - r * 0.35 + i * r * 0.45, r * random.uniform(1.6, 3.2), r * 0.22, colour[0] > 200 ? [30, 30, 30] : WHITE);
  } else if (kind === "disc") {
    disk(1, random.pick<Colour>([RED, [214, 40, 30], [160, 30, 90]]));
    bar(pen, -r * 0.6, v - r * 0.25, r * 1.2, r * 0.12, WHITE);
    bar(pen, -r * 0.45, v + r * 0.1, r * 0.9, r * 0.12, WHITE);
  } else if (kind === "hexagon") {
    shape(
      pen,
      ring(0, v, r, r, 6),
      random.pick<Colour>([
        [30, 120, 90],
        [190, 90, 30],
        [60, 60, 140],
      ]),
    );
    shape(pen, ring(0, v, r * 0.8, r * 0.8, 6), WHITE);
  } else {
    disk(1, [140, 142, 144]);
    bar(pen, -0.03, v - r, 0.06, r * 2, [110, 112, 114]);
  }
}
