import type { Colour } from "./canvas.js";
import { addLamp, between, cosine, ground, lightAt, paint, type Stage, seen, sine, tone } from "./stage.js";

// What lies behind and under the things of a scene: sky, far hills or roofs, the road with its pavements.

/** The plan of a street. Metres. */
export interface Street {
  /** Edges of the road, X. */
  left: number;
  right: number;
  /** Width of each pavement, and of the green between it and the houses. */
  pavement: number;
  green: number;
  surroundings: "city" | "suburb" | "country";
  /** Where another road crosses (its near edge), or null. */
  crossing: number | null;
  crossingWidth: number;
  /** Where street lamps stand, and on which side of the road. */
  lamps: { x: number; z: number; side: -1 | 1 }[];
}

/** How far the ground is drawn in perspective; beyond lies a flat band of one colour. */
const FAR = 260;

/** Sky with clouds, sun or stars, and what stands against it. */
export function drawSky(stage: Stage, street: Street): void {
  const { canvas, camera, light, random } = stage;
  const { width } = canvas;
  const [top, low]: [Colour, Colour] =
    light.time === "night"
      ? random.pick<[Colour, Colour]>([
          [
            [8, 10, 22],
            [30, 32, 48],
          ],
          [
            [14, 12, 20],
            [58, 44, 40],
          ],
        ])
      : light.time === "dusk"
        ? random.pick<[Colour, Colour]>([
            [
              [54, 60, 104],
              [226, 146, 98],
            ],
            [
              [70, 74, 110],
              [210, 170, 150],
            ],
            [
              [40, 44, 84],
              [190, 104, 112],
            ],
          ])
        : light.sunny
          ? random.pick<[Colour, Colour]>([
              [
                [86, 142, 214],
                [196, 220, 238],
              ],
              [
                [60, 118, 200],
                [176, 208, 236],
              ],
              [
                [110, 160, 216],
                [226, 232, 232],
              ],
            ])
          : random.pick<[Colour, Colour]>([
              [
                [176, 182, 190],
                [214, 216, 216],
              ],
              [
                [142, 150, 160],
                [196, 200, 204],
              ],
              [
                [204, 206, 208],
                [228, 228, 226],
              ],
            ]);
  const bottom = Math.ceil(camera.horizon) + 2;
  const bands = Math.max(8, Math.min(64, bottom));
  for (let i = 0; i < bands; i++) {
    const [y0, y1] = [(bottom * i) / bands, (bottom * (i + 1)) / bands + 0.5];
    paint(
      stage,
      [0, Math.floor(y0), width, Math.floor(y0), width, Math.ceil(y1), 0, Math.ceil(y1)],
      between(top, low, (i / bands) * (i / bands)),
      1,
      null,
    );
  }
  if (light.time === "night") {
    for (let i = 0; i < 30; i++) {
      const [x, y] = [random.uniform(0, width), random.uniform(0, camera.horizon)];
      paint(stage, [x, y, x + 1, y, x + 1, y + 1, x, y + 1], [200, 205, 220], random.uniform(0.1, 0.6), null);
    }
  } else {
    const clouds = random.below(light.sunny ? 6 : 12);
    for (let i = 0; i < clouds; i++)
      drawCloud(
        stage,
        random.uniform(0, width),
        random.uniform(0, camera.horizon * 0.8),
        between(low, [255, 255, 255], light.sunny ? 0.6 : 0.15),
      );
  }
  if (light.sunny && random.chance(0.3))
    addLamp(stage, random.uniform(0, width), random.uniform(0, camera.horizon * 0.5), width * 0.12, [255, 250, 220], 0.8);
  // Roofs or hills on the horizon.
  const distant = street.surroundings === "country" ? 3 : 2;
  for (let layer = 0; layer < distant; layer++) {
    const colour = between(
      between(light.air, low, 0.4),
      street.surroundings === "city" ? [70, 70, 78] : [48, 70, 52],
      (layer + 1) * (light.time === "night" ? 0.1 : 0.22),
    );
    const high = camera.horizon * random.uniform(0.08, 0.22) * (1 - layer * 0.25);
    const points = [-5, camera.horizon + 3];
    if (street.surroundings === "city") {
      for (let x = -5; x < width + 5; ) {
        const next = x + random.uniform(0.02, 0.07) * width;
        const y = camera.horizon - high * random.uniform(0.4, 1.5);
        points.push(x, y, next, y);
        x = next;
      }
    } else {
      const phase = random.uniform(0, 6);
      for (let i = 0; i <= 24; i++)
        points.push((width * i) / 24, camera.horizon - high * (0.55 + 0.3 * sine(phase + i * 0.5) + 0.15 * sine(phase * 3 + i * 1.7)));
    }
    points.push(width + 5, camera.horizon + 3);
    paint(stage, points, colour, 1, null);
  }
}

function drawCloud(stage: Stage, x: number, y: number, colour: Colour): void {
  const { random, canvas } = stage;
  const size = canvas.width * random.uniform(0.02, 0.07);
  for (let i = 0; i < 12; i++) {
    const [cx, cy, rx] = [x + random.uniform(-2.2, 2.2) * size, y + random.uniform(-0.35, 0.35) * size, size * random.uniform(0.5, 1.6)];
    const points: number[] = [];
    for (let k = 0; k < 14; k++) points.push(cx + rx * cosine((Math.PI * k) / 7), cy + rx * 0.42 * sine((Math.PI * k) / 7));
    paint(stage, points, colour, 0.13, null, true);
  }
}

/** The ground: what lies around, pavements, road, kerbs, markings, the crossing road, patches and puddles. */
export function drawGround(stage: Stage, street: Street): void {
  const { camera, light, random, canvas } = stage;
  // The nearest ground that the picture can show.
  const near = Math.max(0.7, (0.97 * camera.focal * camera.height) / Math.max(1, canvas.height - camera.horizon));
  const { left, right, pavement } = street;
  const around = random.pick<Colour>(
    street.surroundings === "city"
      ? [
          [128, 126, 122],
          [112, 110, 108],
        ]
      : [
          [92, 118, 60],
          [110, 122, 66],
          [136, 126, 84],
          [78, 104, 56],
        ],
  );
  const asphalt = random.pick<Colour>([
    [78, 80, 84],
    [92, 92, 94],
    [62, 64, 68],
    [108, 106, 104],
  ]);
  const slabs = random.pick<Colour>([
    [156, 152, 146],
    [140, 138, 134],
    [172, 162, 150],
    [150, 130, 118],
  ]);
  const beyond = seen(light, around, lightAt(light, 0, 1.5 * FAR), 1.5 * FAR);
  const { width, height } = canvas;
  paint(stage, [0, camera.horizon, width, camera.horizon, width, height, 0, height], beyond, 1, null);
  ground(stage, -400, 400, near, FAR, around);
  ground(stage, left - pavement, right + pavement, near, FAR, slabs);
  for (let z = Math.ceil(near); z < 30; z += 2) {
    // Joints between the slabs.
    ground(stage, left - pavement, left, z, z + 0.05, tone(slabs, 0.82), 0.7);
    ground(stage, right, right + pavement, z, z + 0.05, tone(slabs, 0.82), 0.7);
  }
  ground(stage, left - 0.18, right + 0.18, near, FAR, tone(slabs, 1.2));
  ground(stage, left, right, near, FAR, asphalt);
  for (let i = 0; i < 16; i++) {
    const z = near + random.uniform() * random.uniform() * 60;
    const x = random.uniform(left, right - 1);
    ground(
      stage,
      x,
      Math.min(right, x + random.uniform(0.4, 2.5)),
      z,
      z * random.uniform(1.03, 1.3),
      tone(asphalt, random.uniform(0.75, 1.2)),
      0.35,
    );
  }
  if (street.crossing !== null) {
    ground(stage, -90, 90, street.crossing, street.crossing + street.crossingWidth, asphalt);
  }
  drawMarkings(stage, street, near);
}

function drawMarkings(stage: Stage, street: Street, near: number): void {
  const { random } = stage;
  const { left, right, crossing } = street;
  const white: Colour = random.chance(0.2) ? [222, 180, 60] : [222, 222, 216];
  const worn = random.uniform(0.5, 0.95);
  const line = (x: number, wide: number, z0: number, z1: number) => ground(stage, x - wide / 2, x + wide / 2, z0, z1, white, worn);
  const free = (z: number) => crossing === null || z < crossing - 4 || z > crossing + street.crossingWidth + 2;
  const lanes = Math.max(2, Math.round((right - left) / 3.3));
  for (let lane = 1; lane < lanes; lane++) {
    const x = left + ((right - left) * lane) / lanes;
    const solid = random.chance(0.25);
    for (let z = Math.max(2, Math.floor(near / 6) * 6); z < 110; z += solid ? 3 : 6)
      if (free(z) && z + 3 > near) line(x, 0.14, Math.max(near, z), z + 3);
  }
  const zebras = crossing !== null && random.chance(0.75) ? [crossing - 3.2] : random.chance(0.3) ? [random.uniform(7, 22)] : [];
  for (const z of zebras) {
    if (z < near) continue;
    for (let x = left + 0.3; x < right - 0.4; x += 0.95) ground(stage, x, x + 0.5, z, z + 2.6, white, worn);
    if (z - 1 > near) ground(stage, left, (left + right) / 2, z - 1, z - 0.6, white, worn);
  }
}
