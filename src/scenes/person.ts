import type { Colour } from "./canvas.js";
import { type Carry, drawSitting, drawUpright, type Facing, type Head, type Look, type Pose, type Wear } from "./figure.js";
import { bar, type Pen, penAt, spot } from "./pen.js";
import { beginObject, cosine, endObject, paint, type Stage, sine, tone } from "./stage.js";

// People: who they are, chosen at random; figure.ts draws them.

const SKINS: readonly Colour[] = [
  [244, 208, 180],
  [230, 184, 150],
  [205, 152, 112],
  [160, 108, 74],
  [112, 72, 50],
  [78, 52, 38],
];
const HAIRS: readonly Colour[] = [
  [28, 22, 20],
  [52, 36, 26],
  [92, 62, 38],
  [168, 128, 74],
  [210, 184, 130],
  [150, 150, 150],
  [130, 56, 28],
];
const TOPS: readonly Colour[] = [
  [36, 40, 52],
  [24, 24, 28],
  [210, 208, 200],
  [150, 36, 40],
  [44, 74, 130],
  [70, 110, 76],
  [186, 150, 88],
  [120, 124, 130],
  [226, 190, 60],
  [206, 110, 150],
  [94, 60, 120],
  [232, 120, 44],
  [60, 130, 140],
  [112, 84, 60],
];
const LEGS: readonly Colour[] = [
  [34, 44, 74],
  [58, 74, 112],
  [26, 26, 30],
  [92, 84, 74],
  [150, 136, 112],
  [70, 72, 78],
];

/** How a figure is drawn; what is left out is chosen at random. */
interface Figure {
  pose?: Pose;
  facing?: Facing;
  /** Metres. */
  height?: number;
  /** All of one stone, on a plinth, and not boxed: a statue. */
  statue?: boolean;
}

/** Paints a person who stands at (x, z), boxed as "pedestrian" unless it is a statue. */
export function drawPerson(stage: Stage, x: number, z: number, figure: Figure = {}): void {
  const { random } = stage;
  const child = random.chance(0.14);
  const height = figure.height ?? (child ? random.uniform(1.0, 1.4) : random.uniform(1.52, 1.94));
  const statue = figure.statue === true;
  const object = statue ? null : beginObject(stage, "pedestrian");
  const facing = figure.facing ?? random.pick<Facing>(["front", "back", "side", "side"]);
  const pen = penAt(stage, x, z, object, {
    wide: (random.chance(0.5) ? 1 : -1) * random.uniform(0.92, 1.14),
    tilt: random.uniform(-0.04, 0.04),
    lift: statue ? 0.9 : 0,
  });
  if (statue) plinth(stage, x, z);
  else if (figure.pose !== "sit") footShadow(pen, height);
  // From here on the pen's unit is the figure's height.
  pen.scale *= height;
  const stone = tone([150, 148, 138], random.uniform(0.6, 1.1));
  const dyed = (colour: Colour, spread = 0.2): Colour =>
    statue ? tone(stone, random.uniform(0.92, 1.06)) : tone(colour, random.uniform(1 - spread, 1 + spread));
  const look: Look = {
    pose: figure.pose ?? random.pick<Pose>(["walk", "walk", "walk", "stand", "stand", "run"]),
    facing,
    child,
    phase: random.uniform(-1, 1),
    build: random.uniform(0.85, 1.3),
    skin: dyed(random.pick(SKINS), 0.08),
    hair: dyed(random.pick(HAIRS)),
    top: dyed(random.pick(TOPS)),
    legs: dyed(random.pick(LEGS)),
    shoes: dyed(
      random.pick<Colour>([
        [24, 22, 22],
        [200, 198, 194],
        [92, 60, 40],
      ]),
    ),
    wear: random.pick<Wear>(["jacket", "jacket", "shirt", "shirt", "coat", "dress", "shorts"]),
    head: random.pick<Head>(["short", "short", "long", "long", "bald", "cap", "hood", "hat"]),
    carry: statue ? "nothing" : random.pick<Carry>(["nothing", "nothing", "nothing", "backpack", "bag", "phone", "wave", "umbrella"]),
    accent: dyed(random.pick(TOPS)),
  };
  if (look.pose === "sit") drawSitting(pen, look);
  else drawUpright(pen, look);
  if (object) endObject(stage, object);
}

function footShadow(pen: Pen, height: number): void {
  const { stage } = pen;
  const [x, y] = spot(pen, 0, 0);
  const [r, flat] = [0.26 * pen.scale, 0.26 * pen.scale * Math.min(0.5, stage.camera.height / pen.z)];
  const blob: number[] = [];
  for (let i = 0; i < 12; i++) blob.push(x + r * cosine((Math.PI * i) / 6), y + flat * sine((Math.PI * i) / 6));
  paint(stage, blob, [10, 10, 14], 0.4, null, true);
  if (!stage.light.sunny) return;
  const long = 0.7 * height * pen.scale;
  paint(stage, [x - r * 0.6, y, x + r * 0.6, y, x + long, y - flat * 1.2, x + long * 0.8, y - flat * 1.9], [10, 10, 20], 0.35, null, true);
}

function plinth(stage: Stage, x: number, z: number): void {
  const pen = penAt(stage, x, z, null);
  bar(pen, -0.55, 0, 1.1, 0.2, [120, 118, 112]);
  bar(pen, -0.42, 0.2, 0.84, 0.6, [140, 138, 130]);
  bar(pen, -0.5, 0.78, 1.0, 0.14, [126, 124, 116]);
}
