import type { Box } from "../core/box.js";
import type { Random } from "../core/random.js";
import type { Task } from "../core/task.js";
import { type Canvas, type Colour, fillPolygon, KEEP, NOTHING } from "./canvas.js";

// What every painter of a scene is handed: the canvas, the camera, the light, the random source and the list of objects.
// World: metres; X to the right of the camera's foot, Y up from the ground, Z away from it.

/** A pinhole camera that looks along the street, level. */
interface Camera {
  /** Focal length in pixels. */
  focal: number;
  /** Column and row of the point straight ahead (the vanishing point). */
  centre: number;
  horizon: number;
  /** Of the lens above the ground, metres. */
  height: number;
  /** The street bends to the side by this many metres at one metre's distance squared. */
  bend: number;
}

/** Light and air. Factors multiply a thing's own colour. */
export interface Light {
  time: "day" | "dusk" | "night";
  ambient: Colour;
  /** Colour of the far air, and the distance in metres at which half of a thing's colour is lost to it. */
  air: Colour;
  airDistance: number;
  sunny: boolean;
  /** Street lamps that are lit, where they stand. */
  lamps: { x: number; z: number }[];
  lampColour: Colour;
  /** The camera's car throws light ahead of it. */
  headlights: boolean;
}

/** A thing of one of the tasks, from the moment it is begun. */
export interface StageObject {
  id: number;
  task: Task;
  /** Extent of all its points, in pixels, also outside of the picture. */
  left: number;
  top: number;
  right: number;
  bottom: number;
  /** Pixels that it covered when it was painted, before nearer things. */
  painted: number;
}

/** Light that is added when all is painted, unless something nearer was painted over its middle by then. */
interface Glow {
  x: number;
  y: number;
  radius: number;
  colour: Colour;
  strength: number;
  /** What the pixel at its middle looked like, see `pixelAt`. */
  under: number;
}

/** All that drawing needs: where it goes, how it is seen and lit, and what was drawn so far. */
export interface Stage {
  canvas: Canvas;
  camera: Camera;
  light: Light;
  random: Random;
  objects: StageObject[];
  glows: Glow[];
}

/** Where a point of the world is seen: x, y in pixels. Z must be positive. */
export function project(camera: Camera, x: number, y: number, z: number): [number, number] {
  const scale = camera.focal / z;
  return [camera.centre + (x + camera.bend * z * z) * scale, camera.horizon + (camera.height - y) * scale];
}

/** The light that falls on a thing at (x, z), as a factor for each colour. */
export function lightAt(light: Light, x: number, z: number): Colour {
  let [r, g, b] = light.ambient;
  for (const lamp of light.lamps) {
    const dx = x - lamp.x;
    const dz = z - lamp.z;
    const k = 0.5 / (1 + (dx * dx + dz * dz) / 22);
    r += k * light.lampColour[0];
    g += k * light.lampColour[1];
    b += k * light.lampColour[2];
  }
  if (light.headlights) {
    const side = 1 + z / 4;
    const k = (0.55 / (1 + (x * x) / (side * side))) * Math.max(0, 1 - z / 45);
    r += k;
    g += k;
    b += 0.9 * k;
  }
  return [Math.min(r, 1.15), Math.min(g, 1.15), Math.min(b, 1.15)];
}

/** A colour as it looks under a light, at a distance. */
export function seen(light: Light, colour: Colour, factor: Colour, z: number): Colour {
  const t = z / (z + light.airDistance);
  const mix = (c: number, f: number, air: number) => Math.min(255, c * f) * (1 - t) + air * t;
  return [mix(colour[0], factor[0], light.air[0]), mix(colour[1], factor[1], light.air[1]), mix(colour[2], factor[2], light.air[2])];
}

/** Begins a thing that is to be boxed: what is painted with its id until `endObject` is its own. */
export function beginObject(stage: Stage, task: Task): StageObject {
  const object = { id: stage.objects.length + 1, task, left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity, painted: 0 };
  stage.objects.push(object);
  return object;
}

/** Ends it: counts the pixels that it covers now. */
export function endObject(stage: Stage, object: StageObject): void {
  object.painted = visiblePixels(stage.canvas, object).count;
}

/** How many pixels show an object, and the tight box around them (null where there are none). */
export function visiblePixels(canvas: Canvas, object: StageObject): { count: number; box: Box | null } {
  const [top, bottom] = [Math.max(0, Math.floor(object.top)), Math.min(canvas.height, Math.ceil(object.bottom))];
  const [left, right] = [Math.max(0, Math.floor(object.left)), Math.min(canvas.width, Math.ceil(object.right))];
  let [count, x0, y0, x1, y1] = [0, canvas.width, canvas.height, -1, -1];
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++)
      if (canvas.ids[y * canvas.width + x] === object.id) {
        count++;
        if (x < x0) x0 = x;
        if (x > x1) x1 = x;
        if (y < y0) y0 = y;
        if (y > y1) y1 = y;
      }
  return { count, box: count > 0 ? { x: x0, y: y0, width: x1 - x0 + 1, height: y1 - y0 + 1 } : null };
}

/** The colour of a pixel as one number; -1 outside of the picture. */
export function pixelAt({ data, width, height }: Canvas, x: number, y: number): number {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  if (column < 0 || row < 0 || column >= width || row >= height) return -1;
  const q = 4 * (row * width + column);
  return data[q]! * 65536 + data[q + 1]! * 256 + data[q + 2]!;
}

/** Lights a lamp whose glass has just been painted: see `Glow`. A lamp outside of the picture adds nothing. */
export function addLamp(stage: Stage, x: number, y: number, radius: number, colour: Colour, strength: number): void {
  const under = pixelAt(stage.canvas, x, y);
  // A lamp right before the lens would drown the picture.
  const most = 0.14 * Math.max(stage.canvas.width, stage.canvas.height);
  if (under >= 0) stage.glows.push({ x, y, radius: Math.max(2, Math.min(radius, most)), colour, strength, under });
}

/** Fills a polygon in pixels with a colour that is already as it is seen, and widens the object's extent. */
export function paint(
  stage: Stage,
  points: readonly number[],
  colour: Colour,
  opacity: number,
  object: StageObject | null,
  keep = false,
): void {
  fillPolygon(stage.canvas, points, colour, opacity, keep ? KEEP : object === null ? NOTHING : object.id);
  if (object === null || keep) return;
  for (let i = 0; i < points.length; i += 2) {
    const [x, y] = [points[i]!, points[i + 1]!];
    if (x < object.left) object.left = x;
    if (x > object.right) object.right = x;
    if (y < object.top) object.top = y;
    if (y > object.bottom) object.bottom = y;
  }
}

/** A flat patch on the ground, cut along Z so that light and air change over it. */
export function ground(stage: Stage, x0: number, x1: number, z0: number, z1: number, colour: Colour, opacity = 1): void {
  const { camera, light } = stage;
  const pieces = z1 / z0 > 1.35 ? Math.min(18, Math.ceil((z1 / z0 - 1) * 2.5)) : 1;
  const middle = Math.max(-6, Math.min(6, (x0 + x1) / 2));
  for (let i = 0; i < pieces; i++) {
    // Steps even in 1/Z, that is on the screen.
    const at = (t: number) => 1 / ((1 - t) / z0 + t / z1);
    const [near, far] = [at(i / pieces), at((i + 1) / pieces)];
    const nearEdge = i === 0 ? near : near * 0.995;
    const points = [
      ...project(camera, x0, 0, nearEdge),
      ...project(camera, x1, 0, nearEdge),
      ...project(camera, x1, 0, far),
      ...project(camera, x0, 0, far),
    ];
    const z = (near + far) / 2;
    paint(stage, points, seen(light, colour, lightAt(light, middle, z), z), opacity, null, opacity < 1);
  }
}

/** Sine by its series after reduction to a quarter turn: the same bits on every runtime, error below 4e-6. */
export function sine(angle: number): number {
  const turns = angle / (2 * Math.PI);
  let x = (turns - Math.floor(turns + 0.5)) * 2 * Math.PI;
  if (x > Math.PI / 2) x = Math.PI - x;
  else if (x < -Math.PI / 2) x = -Math.PI - x;
  const s = x * x;
  return x * (1 - (s / 6) * (1 - (s / 20) * (1 - (s / 42) * (1 - s / 72))));
}

/** Cosine, as `sine`. */
export function cosine(angle: number): number {
  return sine(angle + Math.PI / 2);
}

/** A colour made brighter (factor above 1) or darker. */
export function tone(colour: Colour, factor: number): Colour {
  return [Math.min(255, colour[0] * factor), Math.min(255, colour[1] * factor), Math.min(255, colour[2] * factor)];
}

/** A colour between two. */
export function between(a: Colour, b: Colour, t: number): Colour {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
}
