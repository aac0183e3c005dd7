import type { Colour } from "./canvas.js";
import { addLamp, cosine, lightAt, paint, project, type Stage, type StageObject, seen, sine } from "./stage.js";

/**
 * Draws flat things that stand upright at a place on the ground and face the camera: figures, signs, lights, trees.
 * Its coordinates are metres: u to the right, v up, from the foot.
 */
export interface Pen {
  stage: Stage;
  object: StageObject | null;
  /** Pixels a metre. */
  scale: number;
  z: number;
  x: number;
  y: number;
  /** Factor of u: below 1 for what is turned away, negative for a mirror image. */
  wide: number;
  /** Turned about the foot, clockwise. */
  cos: number;
  sin: number;
  factor: Colour;
}

/** A pen at the place (x, z) of the ground. @param options.tilt in radians; `lift` in metres moves the origin up. */
export function penAt(
  stage: Stage,
  x: number,
  z: number,
  object: StageObject | null,
  options: { wide?: number; tilt?: number; lift?: number } = {},
): Pen {
  const [px, py] = project(stage.camera, x, options.lift ?? 0, z);
  const tilt = options.tilt ?? 0;
  return {
    stage,
    object,
    scale: stage.camera.focal / z,
    z,
    x: px,
    y: py,
    wide: options.wide ?? 1,
    cos: cosine(tilt),
    sin: sine(tilt),
    factor: lightAt(stage.light, x, z),
  };
}

/** Where (u, v) is seen, in pixels. */
export function spot(pen: Pen, u: number, v: number): [number, number] {
  const right = u * pen.wide * pen.scale;
  const up = v * pen.scale;
  return [pen.x + right * pen.cos + up * pen.sin, pen.y - up * pen.cos + right * pen.sin];
}

/** How a shape is filled: lit by itself (not by the scene's light), see-through, or not part of the object. */
interface Fill {
  lit?: boolean;
  opacity?: number;
  /** Drawn as no object (an umbrella in a hand). */
  apart?: boolean;
}

/** A polygon of u, v pairs. */
export function shape(pen: Pen, points: readonly number[], colour: Colour, fill: Fill = {}): void {
  const pixels: number[] = [];
  for (let i = 0; i < points.length; i += 2) pixels.push(...spot(pen, points[i]!, points[i + 1]!));
  const { stage } = pen;
  const shown = fill.lit ? colour : seen(stage.light, colour, pen.factor, pen.z);
  const opacity = fill.opacity ?? 1;
  paint(stage, pixels, shown, opacity, fill.apart ? null : pen.object, opacity < 0.6);
}

/** An upright rectangle by its lower left corner. */
export function bar(pen: Pen, u: number, v: number, width: number, height: number, colour: Colour, fill?: Fill): void {
  shape(pen, [u, v, u + width, v, u + width, v + height, u, v + height], colour, fill);
}

/** An ellipse by its middle. */
export function disc(pen: Pen, u: number, v: number, radiusU: number, radiusV: number, colour: Colour, fill?: Fill): void {
  const corners = Math.max(6, Math.min(28, Math.round(2.2 * Math.sqrt(Math.max(radiusU, radiusV) * pen.scale)) * 2));
  shape(pen, ring(u, v, radiusU, radiusV, corners), colour, fill);
}

/** Corners of a regular polygon stretched to an ellipse; `turn` moves the first corner, in corners. */
export function ring(u: number, v: number, radiusU: number, radiusV: number, corners: number, turn = 0): number[] {
  const points: number[] = [];
  for (let i = 0; i < corners; i++) {
    const angle = (2 * Math.PI * (i + turn)) / corners;
    points.push(u + radiusU * cosine(angle), v + radiusV * sine(angle));
  }
  return points;
}

/** A limb: a stroke from one point to another that may grow thinner, with round ends. */
export function limb(pen: Pen, u0: number, v0: number, u1: number, v1: number, r0: number, r1: number, colour: Colour, fill?: Fill): void {
  const [du, dv] = [u1 - u0, v1 - v0];
  const length = Math.sqrt(du * du + dv * dv) || 1e-6;
  const [nu, nv] = [-dv / length, du / length];
  const [tu, tv] = [du / length, dv / length];
  const points: number[] = [];
  const steps = r0 * pen.scale > 3 ? 4 : 2;
  for (let i = 0; i <= steps; i++) {
    const angle = (Math.PI * i) / steps;
    const [c, s] = [cosine(angle), sine(angle)];
    points.push(u0 + r0 * (nu * c - tu * s), v0 + r0 * (nv * c - tv * s));
  }
  for (let i = 0; i <= steps; i++) {
    const angle = (Math.PI * i) / steps;
    const [c, s] = [cosine(angle), sine(angle)];
    points.push(u1 + r1 * (-nu * c + tu * s), v1 + r1 * (-nv * c + tv * s));
  }
  shape(pen, points, colour, fill);
}

/** A straight stroke with flat ends, for letters and poles. */
export function stroke(pen: Pen, u0: number, v0: number, u1: number, v1: number, width: number, colour: Colour, fill?: Fill): void {
  const [du, dv] = [u1 - u0, v1 - v0];
  const length = Math.sqrt(du * du + dv * dv) || 1e-6;
  const [nu, nv] = [(-dv / length) * (width / 2), (du / length) * (width / 2)];
  shape(pen, [u0 + nu, v0 + nv, u1 + nu, v1 + nv, u1 - nu, v1 - nv, u0 - nu, v0 - nv], colour, fill);
}

/** Light around a lamp, added when all is painted, unless something nearer hides the lamp by then. */
export function glow(pen: Pen, u: number, v: number, radius: number, colour: Colour, strength: number): void {
  const [x, y] = spot(pen, u, v);
  addLamp(pen.stage, x, y, radius * pen.scale, colour, strength);
}
