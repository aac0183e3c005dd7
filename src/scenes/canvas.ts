// An RGBA picture on which filled polygons are drawn with smooth edges, and beside it, for each pixel, which object it shows.
// Coverage is exact: signed areas of trapezoids are added up per pixel and summed along the row, as in font-rs
// (https://medium.com/@raphlinus/inside-the-fastest-font-renderer-in-the-world-75ae5270c445).
// Only + - * / and square roots are used, which every runtime computes alike, so the bytes are the same everywhere.

/** Red, green and blue, 0..255; fractions are kept until a pixel is written. */
export type Colour = readonly [number, number, number];

/** Passed as `id`: the pixels keep the object they show (shadows, glass, glows). */
export const KEEP = -1;
/** Passed as `id`: the pixels show no object; what lay there is hidden. */
export const NOTHING = 0;

/** Part of a pixel that a shape must cover for the pixel to count as the shape's own. Below a half, so that thin limbs count. */
const OWN_COVERAGE = 0.4;

/** A picture that is being drawn, and which object each of its pixels shows. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** RGBA, alpha always 255. */
  readonly data: Uint8Array;
  /** The object that each pixel shows, 0 for none. */
  readonly ids: Uint16Array;
  /** Working memory of `fillPolygon`, all zero between calls. */
  readonly areas: Float64Array;
}

/** A black canvas without objects, `width` x `height` pixels. */
export function createCanvas(width: number, height: number): Canvas {
  const data = new Uint8Array(4 * width * height).fill(255);
  return { width, height, data, ids: new Uint16Array(width * height), areas: new Float64Array((width + 3) * height) };
}

/**
 * Fills a polygon.
 * @param points x, y of each corner in pixels (the top left pixel spans 0..1); either winding, no self-intersection.
 * @param opacity 0..1.
 * @param id the object that is painted, or NOTHING, or KEEP.
 */
export function fillPolygon(canvas: Canvas, points: readonly number[], colour: Colour, opacity = 1, id: number = NOTHING): void {
  const clipped = clipToCanvas(points, canvas.width, canvas.height);
  const corners = clipped.length;
  if (corners < 6) return;
  let [left, top, right, bottom] = [clipped[0]!, clipped[1]!, clipped[0]!, clipped[1]!];
  for (let i = 2; i < corners; i += 2) {
    const [x, y] = [clipped[i]!, clipped[i + 1]!];
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  const x0 = Math.floor(left);
  const x1 = Math.min(canvas.width, Math.ceil(right));
  const y0 = Math.floor(top);
  const y1 = Math.min(canvas.height, Math.ceil(bottom));
  if (x1 <= x0 || y1 <= y0) return;
  const stride = x1 - x0 + 2;
  for (let i = 0; i < corners; i += 2) {
    const j = i + 2 < corners ? i + 2 : 0;
    addEdge(canvas.areas, stride, clipped[i]! - x0, clipped[i + 1]! - y0, clipped[j]! - x0, clipped[j + 1]! - y0);
  }
  const { data, ids, areas } = canvas;
  const [red, green, blue] = colour;
  for (let y = y0; y < y1; y++) {
    let sum = 0;
    let a = (y - y0) * stride;
    let p = y * canvas.width + x0;
    for (let x = x0; x < x1; x++, a++, p++) {
      sum += areas[a]!;
      areas[a] = 0;
      const coverage = sum < 0 ? -sum : sum;
      if (coverage < 0.004) continue;
      const alpha = Math.min(coverage, 1) * opacity;
      const q = 4 * p;
      data[q] = data[q]! + (red - data[q]!) * alpha + 0.5;
      data[q + 1] = data[q + 1]! + (green - data[q + 1]!) * alpha + 0.5;
      data[q + 2] = data[q + 2]! + (blue - data[q + 2]!) * alpha + 0.5;
      if (id >= 0 && coverage >= OWN_COVERAGE) ids[p] = id;
    }
    areas[a] = 0;
    areas[a + 1] = 0;
  }
}

/** Adds one edge's signed areas: what lies right of it in each row, by pixel. */
function addEdge(areas: Float64Array, stride: number, xa: number, ya: number, xb: number, yb: number): void {
  if (ya === yb) return;
  const down = ya < yb;
  let x = down ? xa : xb;
  const [top, bottom] = down ? [ya, yb] : [yb, ya];
  const slope = (xb - xa) / (yb - ya);
  for (let row = Math.floor(top); row < bottom; row++) {
    const height = Math.min(row + 1, bottom) - Math.max(row, top);
    const next = x + slope * height;
    const area = down ? height : -height;
    const [low, high] = x < next ? [x, next] : [next, x];
    const first = Math.floor(low);
    const last = Math.ceil(high);
    const at = row * stride + first;
    if (last <= first + 1) {
      const middle = (low + high) / 2 - first;
      areas[at] = areas[at]! + area * (1 - middle);
      areas[at + 1] = areas[at + 1]! + area * middle;
    } else {
      const part = 1 / (high - low);
      const start = 1 - (low - first);
      const end = high - last + 1;
      const before = (part * start * start) / 2;
      const after = (part * end * end) / 2;
      areas[at] = areas[at]! + area * before;
      if (last === first + 2) {
        areas[at + 1] = areas[at + 1]! + area * (1 - before - after);
      } else {
        const second = part * (start + 0.5);
        areas[at + 1] = areas[at + 1]! + area * (second - before);
        for (let k = 2; k < last - first - 1; k++) areas[at + k] = areas[at + k]! + area * part;
        areas[at + last - first - 1] = areas[at + last - first - 1]! + area * (1 - (second + (last - first - 3) * part) - after);
      }
      areas[at + last - first] = areas[at + last - first]! + area * after;
    }
    x = next;
  }
}

/** Sutherland and Hodgman, 1974: cuts a polygon to the picture. */
function clipToCanvas(points: readonly number[], width: number, height: number): readonly number[] {
  let inside = true;
  for (let i = 0; i < points.length && inside; i += 2)
    inside = points[i]! >= 0 && points[i]! <= width && points[i + 1]! >= 0 && points[i + 1]! <= height;
  if (inside) return points;
  let result = cut(points, 0, 0, 1);
  result = cut(result, 0, width, -1);
  result = cut(result, 1, 0, 1);
  return cut(result, 1, height, -1);
}

/** Keeps what has `sign * (coordinate - limit) >= 0` on one axis (0: x, 1: y). */
function cut(points: readonly number[], axis: 0 | 1, limit: number, sign: 1 | -1): number[] {
  const result: number[] = [];
  const count = points.length;
  for (let i = 0; i < count; i += 2) {
    const j = i + 2 < count ? i + 2 : 0;
    const here = sign * (points[i + axis]! - limit);
    const there = sign * (points[j + axis]! - limit);
    if (here >= 0) result.push(points[i]!, points[i + 1]!);
    if (here >= 0 !== there >= 0) {
      const t = here / (here - there);
      const x = points[i]! + t * (points[j]! - points[i]!);
      const y = points[i + 1]! + t * (points[j + 1]! - points[i + 1]!);
      // Exactly on the limit, so that rounding never leaves the picture.
      if (axis === 0) result.push(limit, y);
      else result.push(x, limit);
    }
  }
  return result;
}

/** Adds light: brightest at the middle, none from `radius` on. */
export function addGlow(canvas: Canvas, x: number, y: number, radius: number, colour: Colour, strength: number): void {
  const { data, width, height } = canvas;
  const [top, bottom] = [Math.max(0, Math.floor(y - radius)), Math.min(height, Math.ceil(y + radius))];
  const [left, right] = [Math.max(0, Math.floor(x - radius)), Math.min(width, Math.ceil(x + radius))];
  for (let row = top; row < bottom; row++)
    for (let column = left; column < right; column++) {
      const dx = (column + 0.5 - x) / radius;
      const dy = (row + 0.5 - y) / radius;
      const fall = 1 - dx * dx - dy * dy;
      if (fall <= 0) continue;
      const light = strength * fall * fall * fall;
      const q = 4 * (row * width + column);
      for (let c = 0; c < 3; c++) {
        const value = data[q + c]! + light * colour[c]!;
        data[q + c] = Math.min(value, 255);
      }
    }
}
