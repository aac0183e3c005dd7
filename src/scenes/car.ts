import type { Colour } from "./canvas.js";
import {
  addLamp,
  beginObject,
  cosine,
  endObject,
  lightAt,
  paint,
  project,
  type Stage,
  type StageObject,
  seen,
  sine,
  tone,
} from "./stage.js";
import { BUS, LORRY, type Shape } from "./vehicles.js";

// Vehicles: an outline seen from the side, drawn out across its width. Only what faces the camera is painted, far faces first.

const PAINTS: readonly Colour[] = [
  [232, 233, 236],
  [205, 208, 212],
  [150, 154, 160],
  [92, 96, 102],
  [38, 40, 44],
  [24, 26, 30],
  [168, 26, 30],
  [120, 18, 26],
  [28, 62, 128],
  [46, 100, 170],
  [120, 160, 196],
  [30, 78, 58],
  [196, 178, 140],
  [222, 176, 32],
  [214, 98, 30],
  [110, 72, 48],
];
const GLASS: Colour = [44, 52, 60];

/** Where a vehicle stands: the middle of its length and width on the ground, and where it heads (0: away, pi: towards the camera). */
interface Place {
  x: number;
  z: number;
  heading: number;
}

type Point = readonly [number, number, number];

/**
 * Paints a vehicle; as an object of the task "car" where `boxed`. Does nothing for one that reaches too near to the lens.
 * @param place metres and radians, see `Place`.
 */
export function drawVehicle(stage: Stage, shape: Shape, place: Place, boxed: boolean): void {
  const { camera, light, random } = stage;
  const colour = tone(random.pick(PAINTS), random.uniform(0.85, 1.1));
  const braking = random.chance(0.3);
  const dark = light.time !== "day";
  const lampsOn = dark || random.chance(0.15);
  const [c, s] = [cosine(place.heading), sine(place.heading)];
  const at = (along: number, across: number, up: number): Point => {
    const a = along - shape.length / 2;
    return [place.x + a * s + across * c, up, place.z + a * c - across * s];
  };
  const half = (up: number): number => {
    const t = Math.max(0, Math.min(1, (up - shape.belt) / (shape.roof - shape.belt)));
    return (shape.width / 2) * (1 - (shape === BUS || shape === LORRY ? 0.03 : 0.2) * t);
  };
  const corner = (i: number): [number, number] => [shape.outline[2 * i]!, shape.outline[2 * i + 1]!];
  const corners = [
    at(0, -shape.width / 2, 0),
    at(0, shape.width / 2, 0),
    at(shape.length, -shape.width / 2, 0),
    at(shape.length, shape.width / 2, 0),
  ];
  if (corners.some(([, , z]) => z < 1.1)) return;
  const factor = lightAt(light, place.x, place.z);
  const object: StageObject | null = boxed ? beginObject(stage, "car") : null;
  const pixels = (points: readonly Point[]) => points.flatMap(([x, y, z]) => project(camera, x, y, z));
  const face = (points: readonly Point[], paintColour: Colour, opacity = 1, lit = false) =>
    paint(stage, pixels(points), lit ? paintColour : seen(light, paintColour, factor, place.z), opacity, object, opacity < 0.6);

  shadow();
  const faces = [...stretches(), side(-1), side(1)].filter((entry) => entry !== null);
  faces.sort((a, b) => b.distance - a.distance);
  for (const entry of faces) entry.draw();
  if (object) endObject(stage, object);

  function shadow(): void {
    const dark = (grow: number, opacity: number) => {
      const w = shape.width / 2 + grow;
      const points = [at(-grow, -w, 0), at(-grow, w, 0), at(shape.length + grow, w, 0), at(shape.length + grow, -w, 0)];
      if (points.every(([, , z]) => z > 0.6)) paint(stage, pixels(points), [12, 12, 16], opacity, null, true);
    };
    dark(0.25, light.sunny ? 0.3 : 0.2);
    dark(0, light.sunny ? 0.6 : 0.5);
    const belly = corner(0)[1] + 0.08;
    for (const end of [0.5, shape.length - 0.5])
      paint(
        stage,
        pixels([
          at(end, 0.1 - shape.width / 2, 0.14),
          at(end, shape.width / 2 - 0.1, 0.14),
          at(end, shape.width / 2 - 0.1, belly),
          at(end, 0.1 - shape.width / 2, belly),
        ]),
        seen(light, [16, 16, 18], factor, place.z),
        1,
        object,
      );
    for (const end of [shape.wheels[0]! - 0.9 * shape.wheel, shape.wheels.at(-1)! + 0.9 * shape.wheel])
      for (const across of [-1, 1]) {
        const [inner, outer] = [across * (shape.width / 2 - 0.3), across * (shape.width / 2 - 0.05)];
        const low = corner(0)[1] + 0.1;
        paint(
          stage,
          pixels([at(end, inner, 0), at(end, outer, 0), at(end, outer, low), at(end, inner, low)]),
          seen(light, [20, 20, 22], factor, place.z),
          1,
          object,
        );
      }
  }

  /** The painted strips across the width: rear, boot, glass, roof, bonnet, front. */
  function stretches() {
    return shape.parts.map((part, i) => {
      const [a0, u0] = corner(i);
      const [a1, u1] = corner(i + 1);
      const [w0, w1] = [half(u0), half(u1)];
      const points = [at(a0, -w0, u0), at(a0, w0, u0), at(a1, w1, u1), at(a1, -w1, u1)];
      if (!facesCamera(pixels(points))) return null;
      /** A patch of the strip: across from -1 to 1, along from 0 to 1. */
      const patch = (x0: number, x1: number, t0: number, t1: number, tint: Colour, opacity = 1, lit = false) => {
        const on = (x: number, t: number): Point => at(a0 + (a1 - a0) * t, x * (w0 + (w1 - w0) * t), u0 + (u1 - u0) * t);
        face([on(x0, t0), on(x1, t0), on(x1, t1), on(x0, t1)], tint, opacity, lit);
      };
      const draw = () => {
        const bright = { rear: 0.82, boot: 1.05, rearGlass: 0.95, roof: 1.1, windscreen: 1, bonnet: 1.08, front: 0.86 }[part];
        face(points, tone(colour, bright));
        if (part === "rearGlass" || part === "windscreen") {
          if (shape === LORRY && part === "rearGlass") return;
          patch(-0.86, 0.86, 0.06, 0.92, GLASS);
          patch(-0.86, -0.1, 0.5, 0.92, [120, 140, 160], 0.35);
        } else if (part === "rear" && i === 0) {
          patch(-1, 1, 0, 0.55, tone(colour, 0.55));
          patch(-0.28, 0.28, 0.5, 0.95, [225, 222, 205]);
        } else if (part === "rear") {
          tails(patch);
        } else if (part === "front" && i === shape.parts.length - 1) {
          patch(-1, 1, 0.55, 1, tone(colour, 0.6));
          patch(-0.26, 0.26, 0.2, 0.6, [230, 230, 225]);
        } else if (part === "front") {
          patch(-0.55, 0.55, 0.1, 0.85, [26, 27, 30]);
          heads(patch);
        }
      };
      return { distance: distanceOf(points), draw };
    });
  }

  type Patch = (x0: number, x1: number, t0: number, t1: number, tint: Colour, opacity?: number, lit?: boolean) => void;

  function tails(patch: Patch): void {
    const on = lampsOn || braking;
    for (const across of [-1, 1]) {
      patch(across * 0.68, across * 0.97, 0.15, 0.85, on ? [230, 34, 26] : [140, 20, 20], 1, on && dark);
      const [x, y, z] = at(0, across * 0.82 * half(0.8), corner(1)[1] + 0.18);
      if (on && dark) addLight(x, y, z, braking ? 0.8 : 0.45, [255, 40, 24], 0.6);
    }
  }

  function heads(patch: Patch): void {
    for (const across of [-1, 1]) {
      patch(across * 0.6, across * 0.96, 0.1, 0.8, lampsOn ? [255, 252, 235] : [196, 204, 210], 1, lampsOn);
      const [x, y, z] = at(shape.length, across * 0.78 * half(0.7), corner(7)[1] + 0.1);
      if (lampsOn && dark) addLight(x, y, z, 0.85, [255, 246, 214], light.time === "night" ? 0.75 : 0.45);
    }
  }

  function addLight(x: number, y: number, z: number, radius: number, tint: Colour, strength: number): void {
    const [px, py] = project(camera, x, y, z);
    addLamp(stage, px, py, (radius * camera.focal) / z, tint, strength);
  }

  /** One flank, -1 or 1 across: body, glass, wheels. */
  function side(across: -1 | 1) {
    const on = (along: number, up: number): Point => at(along, across * half(up), up);
    const outline = Array.from({ length: shape.outline.length / 2 }, (_, i) => on(...corner(i)));
    const ordered = across < 0 ? outline : [...outline].reverse();
    if (!facesCamera(pixels(ordered))) return null;
    const draw = () => {
      face(outline, tone(colour, 0.92));
      const [low, high] = [corner(0)[1], shape.belt];
      face([on(0.1, low), on(shape.length - 0.1, low), on(shape.length - 0.08, low + 0.2), on(0.08, low + 0.2)], tone(colour, 0.6));
      face(
        [on(0.1, high - 0.1), on(shape.length * 0.8, high - 0.12), on(shape.length * 0.8, high - 0.16), on(0.1, high - 0.15)],
        tone(colour, 1.15),
      );
      const top = shape.roof - (shape.roof - shape.belt) * 0.14;
      for (let i = 0; i < shape.glass.length; i += 4) {
        const [b0, b1, t0, t1] = shape.glass.slice(i, i + 4) as [number, number, number, number];
        face([on(b0, high + 0.03), on(b1, high + 0.03), on(t1, top), on(t0, top)], GLASS);
        face(
          [
            on(b0 + (b1 - b0) * 0.1, high + 0.05),
            on(b0 + (b1 - b0) * 0.3, high + 0.05),
            on(t0 + (t1 - t0) * 0.7, top),
            on(t0 + (t1 - t0) * 0.4, top),
          ],
          [150, 170, 190],
          0.35,
        );
      }
      if (camera.focal / place.z > 14)
        for (let i = 1; i < shape.glass.length - 4; i += 4) {
          const b1 = shape.glass[i]!;
          face([on(b1 + 0.03, 0.4), on(b1 + 0.06, 0.4), on(b1 + 0.06, high), on(b1 + 0.03, high)], tone(colour, 0.55));
        }
      for (const wheel of shape.wheels) {
        face(circle(wheel, shape.wheel * 1.18, across), [18, 18, 20]);
        face(circle(wheel, shape.wheel, across), [32, 32, 35]);
        face(circle(wheel, shape.wheel * 0.62, across), [150, 152, 156]);
        face(circle(wheel, shape.wheel * 0.22, across), [70, 72, 76]);
      }
      face([on(0.02, 0.68), on(0.3, 0.72), on(0.3, 0.9), on(0.05, 0.92)], lampsOn ? [230, 40, 30] : [150, 24, 22]);
      face(
        [on(shape.length - 0.35, 0.62), on(shape.length - 0.05, 0.6), on(shape.length - 0.12, 0.74), on(shape.length - 0.4, 0.76)],
        lampsOn ? [255, 250, 230] : [200, 206, 210],
      );
    };
    return { distance: distanceOf(outline), draw };
  }

  function circle(along: number, radius: number, across: -1 | 1): Point[] {
    const count = (radius * camera.focal) / place.z > 8 ? 18 : 10;
    return Array.from({ length: count }, (_, i) => {
      const angle = (2 * Math.PI * i) / count;
      return at(along + radius * cosine(angle), across * (shape.width / 2 + 0.01), Math.max(0, shape.wheel + radius * sine(angle)));
    });
  }
}

/** Whether a polygon shows its outer side: its corners then run one way round on the screen. */
function facesCamera(points: readonly number[]): boolean {
  let area = 0;
  for (let i = 0; i < points.length; i += 2) {
    const j = (i + 2) % points.length;
    area += points[i]! * points[j + 1]! - points[j]! * points[i + 1]!;
  }
  return area < 0;
}

function distanceOf(points: readonly Point[]): number {
  return points.reduce((sum, [x, , z]) => sum + x * x + z * z, 0) / points.length;
}
