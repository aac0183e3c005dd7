// GIoU of boxes given by their distances from a point, computed on corners; derivatives by dual numbers.

/** A value and its derivative. */
export type Dual = readonly [number, number];

export const constant = (v: number): Dual => [v, 0];
const plus = (a: Dual, b: Dual): Dual => [a[0] + b[0], a[1] + b[1]];
export const minus = (a: Dual, b: Dual): Dual => [a[0] - b[0], a[1] - b[1]];
const times = (a: Dual, b: Dual): Dual => [a[0] * b[0], a[0] * b[1] + a[1] * b[0]];
const over = (a: Dual, b: Dual): Dual => [a[0] / b[0], (a[1] * b[0] - a[0] * b[1]) / (b[0] * b[0])];
const larger = (a: Dual, b: Dual): Dual => (a[0] >= b[0] ? a : b);
const smaller = (a: Dual, b: Dual): Dual => (a[0] <= b[0] ? a : b);

interface Corners {
  x0: Dual;
  y0: Dual;
  x1: Dual;
  y1: Dual;
}

/** Distances left, top, right, bottom from (0, 0) to corners. */
export function corners([left, top, right, bottom]: readonly Dual[]): Corners {
  const nothing = constant(0);
  return { x0: minus(nothing, left!), y0: minus(nothing, top!), x1: right!, y1: bottom! };
}

function area({ x0, y0, x1, y1 }: Corners): Dual {
  return times(larger(minus(x1, x0), constant(0)), larger(minus(y1, y0), constant(0)));
}

/** GIoU = I / U - (C - U) / C (Rezatofighi et al., 2019). */
export function generalisedIoU(a: Corners, b: Corners): Dual {
  const overlap = area({ x0: larger(a.x0, b.x0), y0: larger(a.y0, b.y0), x1: smaller(a.x1, b.x1), y1: smaller(a.y1, b.y1) });
  const union = minus(plus(area(a), area(b)), overlap);
  const hull = area({ x0: smaller(a.x0, b.x0), y0: smaller(a.y0, b.y0), x1: larger(a.x1, b.x1), y1: larger(a.y1, b.y1) });
  return minus(over(overlap, union), over(minus(hull, union), hull));
}
