import type { Colour } from "./canvas.js";
import { bar, disc, glow, limb, type Pen, penAt, ring, shape, stroke } from "./pen.js";
import { type Stage, tone } from "./stage.js";

// Things of the street that nobody asks for, but that hide what is asked for or look a little like it.

const LEAVES: readonly Colour[] = [
  [62, 96, 44],
  [84, 116, 52],
  [48, 84, 52],
  [120, 126, 56],
  [158, 110, 44],
  [96, 130, 76],
];
const METAL: Colour = [96, 100, 104];

/** A tree with a crown of blobs; in winter the branches alone. */
export function drawTree(stage: Stage, x: number, z: number, bare: boolean): void {
  const { random } = stage;
  const pen = penAt(stage, x, z, null);
  const height = random.uniform(4.5, 9);
  const trunk: Colour = tone([92, 74, 58], random.uniform(0.7, 1.2));
  const stem = height * random.uniform(0.3, 0.45);
  limb(pen, 0, 0, random.uniform(-0.15, 0.15), stem, 0.17, 0.12, trunk);
  const spread = height * random.uniform(0.2, 0.32);
  for (let i = 0; i < (bare ? 14 : 5); i++) {
    const [u, v] = [random.uniform(-1, 1) * spread, stem + random.uniform(0.15, 1) * (height - stem)];
    limb(pen, 0, stem * random.uniform(0.8, 1), u, v, 0.07, 0.02, trunk);
  }
  if (bare) return;
  const leaf = random.pick(LEAVES);
  const blobs = pen.scale > 30 ? 70 : pen.scale > 12 ? 40 : 14;
  const middle = (height + stem) / 2;
  for (let i = 0; i < blobs; i++) {
    const t = i / blobs;
    const [a, b] = [random.uniform(-1, 1), random.uniform(-1, 1)];
    const round = Math.sqrt(1 - b * b * 0.75);
    // The first are large and dark and hold the crown together, the later ones are leaves in the light.
    const radius = spread * (0.5 - 0.36 * t) * random.uniform(0.8, 1.3);
    disc(
      pen,
      a * round * spread * (0.55 + 0.4 * t),
      middle + b * (height - stem) * 0.5,
      radius,
      radius * 0.85,
      tone(leaf, 0.55 + 0.5 * t + 0.16 * b + random.uniform(-0.08, 0.08)),
    );
  }
}

/** A bush that stands at x, z metres. */
export function drawBush(stage: Stage, x: number, z: number): void {
  const { random } = stage;
  const pen = penAt(stage, x, z, null);
  const leaf = random.pick(LEAVES);
  const [wide, high] = [random.uniform(0.5, 1.3), random.uniform(0.5, 1.2)];
  const blobs = pen.scale > 40 ? 40 : 16;
  for (let i = 0; i < blobs; i++) {
    const t = i / blobs;
    const u = random.uniform(-1, 1) * wide * 0.85;
    const r = (0.42 - 0.3 * t) * random.uniform(0.8, 1.2) * high;
    const v = random.uniform(0.1, 1) * high * (1 - 0.5 * (u / wide) * (u / wide));
    disc(pen, u, Math.max(r * 0.6, v - r), r * 1.2, r, tone(leaf, 0.5 + 0.35 * t + (0.25 * v) / high));
  }
}

/** A street lamp on the given side (-1 or 1); lit at dusk and night. */
export function drawLamp(stage: Stage, x: number, z: number, side: number): void {
  const pen = penAt(stage, x, z, null);
  bar(pen, -0.06, 0, 0.12, 6.2, METAL);
  limb(pen, 0, 6.2, -side * 1.2, 6.6, 0.05, 0.04, METAL);
  const on = stage.light.time !== "day";
  bar(pen, -side * 1.2 - 0.3, 6.52, 0.6, 0.14, on ? [255, 244, 214] : [180, 184, 188], { lit: on });
  if (on) glow(pen, -side * 1.2, 6.55, 1.9, [255, 224, 170], 0.85);
}

/** Poles with wires that run along the street, between two places. */
export function drawWires(stage: Stage, x: number, z: number): void {
  const pen = penAt(stage, x, z, null);
  bar(pen, -0.12, 0, 0.24, 8.5, [98, 84, 70]);
  bar(pen, -0.9, 7.8, 1.8, 0.12, [98, 84, 70]);
  for (const u of [-0.85, 0, 0.85]) stroke(pen, u, 7.9, u * 0.4 - x * 0.7, 3.5 + (stage.camera.height - 3.5) * 0.5, 0.02, [40, 40, 42]);
}

const SMALL = [
  "bin",
  "bench",
  "bollard",
  "hydrant",
  "postbox",
  "bicycle",
  "cone",
  "board",
  "planter",
  "cabinet",
  "meter",
  "barrier",
] as const;

/** One of many small things of the pavement; without a kind any of them. */
export function drawSmallThing(stage: Stage, x: number, z: number, kind?: (typeof SMALL)[number]): void {
  const { random } = stage;
  const pen = penAt(stage, x, z, null, { wide: random.uniform(0.85, 1.15) });
  const bright = random.pick<Colour>([
    [176, 30, 32],
    [34, 76, 140],
    [40, 96, 60],
    [204, 150, 30],
    [90, 90, 94],
  ]);
  switch (kind ?? random.pick(SMALL)) {
    case "bin":
      shape(pen, [-0.25, 0, 0.25, 0, 0.32, 1.0, -0.32, 1.0], tone(bright, 0.7));
      bar(pen, -0.34, 1.0, 0.68, 0.1, tone(bright, 0.5));
      break;
    case "bench":
      bar(pen, -0.8, 0.4, 1.6, 0.07, [124, 86, 52]);
      bar(pen, -0.8, 0.6, 1.6, 0.22, [112, 76, 46]);
      for (const u of [-0.7, 0.62]) bar(pen, u, 0, 0.08, 0.8, METAL);
      break;
    case "bollard":
      bar(pen, -0.09, 0, 0.18, 0.95, [60, 62, 64]);
      bar(pen, -0.09, 0.72, 0.18, 0.1, [230, 230, 226]);
      break;
    case "hydrant":
      bar(pen, -0.13, 0, 0.26, 0.6, bright);
      disc(pen, 0, 0.62, 0.14, 0.14, tone(bright, 1.1));
      bar(pen, -0.24, 0.36, 0.48, 0.12, tone(bright, 0.85));
      break;
    case "postbox":
      bar(pen, -0.24, 0, 0.48, 1.35, [186, 24, 30]);
      disc(pen, 0, 1.35, 0.26, 0.12, [160, 18, 26]);
      bar(pen, -0.15, 1.08, 0.3, 0.06, [30, 20, 20]);
      break;
    case "bicycle":
      drawBicycle(pen, bright);
      break;
    case "cone":
      shape(pen, [-0.2, 0, 0.2, 0, 0.04, 0.7, -0.04, 0.7], [232, 96, 30]);
      shape(pen, [-0.13, 0.28, 0.13, 0.28, 0.09, 0.46, -0.09, 0.46], [236, 236, 230]);
      break;
    case "board":
      // A tall board with a poster; it may show a figure or a red disc.
      bar(pen, -0.65, 0.4, 1.3, 1.9, [50, 52, 56]);
      bar(
        pen,
        -0.57,
        0.48,
        1.14,
        1.74,
        random.pick<Colour>([
          [226, 214, 190],
          [190, 206, 220],
          [236, 190, 190],
          [60, 80, 120],
        ]),
      );
      bar(pen, -0.06, 0, 0.12, 0.4, METAL);
      if (random.chance(0.5)) disc(pen, 0, 1.5, 0.36, 0.36, [196, 36, 40]);
      for (let i = 0; i < 4; i++) bar(pen, -0.42, 0.66 + 0.14 * i, random.uniform(0.3, 0.84), 0.06, [70, 66, 70]);
      break;
    case "planter":
      shape(pen, [-0.4, 0, 0.4, 0, 0.48, 0.5, -0.48, 0.5], [140, 120, 104]);
      for (let i = 0; i < 7; i++)
        disc(pen, -0.36 + 0.12 * i, 0.55 + 0.06 * (i % 2), 0.13, 0.13, i % 3 === 0 ? [206, 60, 90] : [76, 112, 54]);
      break;
    case "cabinet":
      bar(pen, -0.45, 0, 0.9, 1.2, [122, 128, 120]);
      bar(pen, -0.02, 0.05, 0.04, 1.1, [90, 94, 90]);
      break;
    case "meter":
      bar(pen, -0.04, 0, 0.08, 1.1, METAL);
      disc(pen, 0, 1.25, 0.13, 0.2, [80, 84, 90]);
      break;
    case "barrier":
      for (const u of [-0.9, 0.8]) bar(pen, u, 0, 0.1, 1, METAL);
      for (let i = 0; i < 6; i++) bar(pen, -0.9 + i * 0.3, 0.65, 0.3, 0.28, i % 2 ? [230, 230, 226] : [200, 36, 34]);
      break;
  }
}

function drawBicycle(pen: Pen, colour: Colour): void {
  for (const u of [-0.5, 0.5]) {
    for (let i = 0; i < 14; i++) {
      const points = ring(u, 0.34, 0.33, 0.33, 14, i);
      stroke(pen, points[0]!, points[1]!, points[2]!, points[3]!, 0.04, [28, 28, 30]);
    }
    stroke(pen, u - 0.3, 0.34, u + 0.3, 0.34, 0.012, [120, 120, 124]);
  }
  for (const [a, b, c, d] of [
    [-0.5, 0.34, -0.15, 0.85],
    [-0.15, 0.8, 0.38, 0.82],
    [-0.02, 0.32, -0.2, 0.95],
    [-0.02, 0.32, 0.38, 0.82],
    [0.5, 0.34, 0.36, 0.98],
    [-0.5, 0.34, -0.02, 0.32],
  ] as const)
    stroke(pen, a, b, c, d, 0.045, colour);
  bar(pen, -0.32, 0.94, 0.26, 0.05, [24, 24, 24]);
  stroke(pen, 0.26, 1.0, 0.46, 1.02, 0.04, [30, 30, 32]);
}
