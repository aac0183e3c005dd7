import type { Colour } from "./canvas.js";
import { lightAt, paint, project, type Stage, seen, tone } from "./stage.js";
import type { Street } from "./street.js";

// The houses along a street: the flank with its windows, shops and doors bay by bay, the end that faces the camera, the roof.

/**
 * Plans houses on both sides, with a gap where a road crosses. What stands nearer than the far end of a house stands in the
 * street before it, what stands farther off is hidden by it: so each is to be painted when things at `z` are.
 */
export function planHouses(stage: Stage, street: Street): { z: number; draw: () => void }[] {
  const { random } = stage;
  const plans: { z: number; draw: () => void }[] = [];
  for (const side of [-1, 1] as const) {
    const wall = side < 0 ? street.left - street.pavement - street.green : street.right + street.pavement + street.green;
    const houses: { near: number; far: number }[] = [];
    let z = 2.5;
    while (z < 130) {
      const length = random.uniform(7, 19);
      const blocked = street.crossing !== null && z < street.crossing + street.crossingWidth + 1 && z + length > street.crossing - 1;
      if (blocked) {
        if (street.crossing! - 1 - z > 4) houses.push({ near: z, far: street.crossing! - 1 });
        z = street.crossing! + street.crossingWidth + 1;
        continue;
      }
      const gap = street.surroundings === "city" ? (random.chance(0.15) ? 5 : 0) : random.uniform(4, 22);
      if (street.surroundings !== "country" || random.chance(0.3)) houses.push({ near: z, far: z + length });
      z += length + gap;
    }
    for (const { near, far } of houses) plans.push({ z: far, draw: () => drawHouse(stage, street, side, wall, near, far) });
  }
  return plans;
}

const WALLS: readonly Colour[] = [
  [186, 168, 142],
  [158, 92, 74],
  [204, 196, 180],
  [140, 134, 128],
  [196, 150, 106],
  [176, 120, 96],
  [214, 208, 200],
  [120, 124, 132],
  [222, 196, 140],
  [150, 160, 150],
  [96, 74, 66],
];

function drawHouse(stage: Stage, street: Street, side: -1 | 1, wall: number, near: number, far: number): void {
  const { camera, light, random } = stage;
  const city = street.surroundings === "city";
  const floors = city ? 2 + random.below(6) : 1 + random.below(2);
  const storey = random.uniform(2.9, 3.4);
  const height = floors * storey + 0.6;
  const colour = tone(random.pick(WALLS), random.uniform(0.8, 1.1));
  const litFlank = light.sunny ? (side < 0 ? 1.08 : 0.74) : 1;
  const face = (points: number[], paintColour: Colour, z: number, shade = 1, lit = false) =>
    paint(
      stage,
      points,
      lit ? seen(light, paintColour, [1, 1, 1], z) : seen(light, tone(paintColour, shade), lightAt(light, wall, z), z),
      1,
      null,
    );
  const flank = (y0: number, y1: number, z0: number, z1: number, set = 0) => [
    ...project(camera, wall + side * set, y0, z0),
    ...project(camera, wall + side * set, y0, z1),
    ...project(camera, wall + side * set, y1, z1),
    ...project(camera, wall + side * set, y1, z0),
  ];
  const roofed = !city || random.chance(0.3);
  const roof = random.pick<Colour>([
    [126, 66, 50],
    [84, 78, 78],
    [104, 84, 72],
    [70, 74, 84],
  ]);
  const deep = 9;
  // The end that faces the camera, then the flank along the street.
  const end = [wall, wall + side * deep].flatMap((x, i) =>
    i === 0
      ? [...project(camera, x, 0, near), ...project(camera, x, height, near)]
      : [...project(camera, x, height, near), ...project(camera, x, 0, near)],
  );
  face(end, colour, near, light.sunny ? (side < 0 ? 0.8 : 0.95) : 0.86);
  if (roofed) {
    face(
      [
        ...project(camera, wall, height, near),
        ...project(camera, wall + side * deep, height, near),
        ...project(camera, wall + side * (deep / 2), height + 2.8, near),
      ],
      colour,
      near,
      0.82,
    );
    face(
      [
        ...project(camera, wall - side * 0.3, height, near),
        ...project(camera, wall - side * 0.3, height, far),
        ...project(camera, wall + side * (deep / 2), height + 2.8, far),
        ...project(camera, wall + side * (deep / 2), height + 2.8, near),
      ],
      roof,
      near,
      litFlank,
    );
  }
  const glass: Colour = random.pick<Colour>([
    [58, 70, 84],
    [42, 48, 56],
    [92, 112, 130],
  ]);
  const pane = (camera.focal * 1.1) / near;
  if (pane > 3 && random.chance(0.6))
    for (let floor = 0; floor < floors; floor++)
      for (const along of [0.2, 0.5, 0.8]) {
        const [x0, x1] = [wall + side * deep * (along - 0.06), wall + side * deep * (along + 0.06)];
        const [y0, y1] = [0.3 + floor * storey + storey * 0.28, 0.3 + floor * storey + storey * 0.75];
        face(
          [
            ...project(camera, x0, y0, near),
            ...project(camera, x1, y0, near),
            ...project(camera, x1, y1, near),
            ...project(camera, x0, y1, near),
          ],
          glass,
          near,
          0.9,
        );
      }
  const bays = Math.max(1, Math.round((far - near) / random.uniform(2.4, 3.6)));
  const bay = (far - near) / bays;
  const frame = tone(colour, random.chance(0.5) ? 1.25 : 0.7);
  const litShare = light.time === "day" ? 0.02 : random.uniform(0.15, 0.6);
  const lampTint: Colour = random.pick<Colour>([
    [255, 214, 140],
    [255, 236, 190],
    [220, 230, 250],
  ]);
  const shop = city && random.chance(0.7);
  const shopColour = random.pick<Colour>([
    [150, 30, 34],
    [30, 80, 60],
    [34, 56, 110],
    [40, 40, 44],
    [190, 140, 40],
    [120, 60, 110],
  ]);
  for (let b = bays - 1; b >= 0; b--) {
    const [z0, z1] = [near + b * bay, near + (b + 1) * bay];
    const z = (z0 + z1) / 2;
    if (z0 < 0.8) continue;
    face(flank(0, height, z0 * 0.999, z1), colour, z, litFlank);
    const pixels = (camera.focal * 1.2) / z;
    if (pixels < 2) continue;
    for (let floor = 0; floor < floors; floor++) {
      const base = 0.3 + floor * storey;
      const lit = random.chance(litShare);
      if (floor === 0 && shop) {
        face(
          flank(0.3, 2.4, z0 + bay * 0.06, z1 - bay * 0.06),
          lit || light.time !== "day" ? lampTint : glass,
          z,
          litFlank,
          light.time !== "day" && random.chance(0.7),
        );
        face(flank(2.45, 3.0, z0, z1), shopColour, z, litFlank, false);
        if (pixels > 8) face(flank(2.6, 2.85, z0 + bay * 0.2, z1 - bay * 0.25), [232, 228, 214], z, litFlank, light.time !== "day");
        continue;
      }
      if (floor === 0 && b % 4 === 1) {
        face(flank(0, 2.2, z0 + bay * 0.35, z1 - bay * 0.35), tone(shopColour, 0.8), z, litFlank);
        continue;
      }
      const [low, high] = [base + storey * 0.25, base + storey * 0.78];
      if (pixels > 5) face(flank(low - 0.12, high + 0.1, z0 + bay * 0.2, z1 - bay * 0.2), frame, z, litFlank);
      face(flank(low, high, z0 + bay * 0.24, z1 - bay * 0.24), lit ? lampTint : glass, z, lit ? 1 : litFlank, lit && light.time !== "day");
      if (pixels > 9) face(flank(low, high, z - 0.04, z + 0.04), frame, z, litFlank);
    }
  }
}
