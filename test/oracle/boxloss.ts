// 1 - GIoU of boxes given by their distances from a centre, computed on corners; derivatives by dual numbers.

/** A value and its derivative. */
type Dual = readonly [number, number];

const constant = (v: number): Dual => [v, 0];
const plus = (a: Dual, b: Dual): Dual => [a[0] + b[0], a[1] + b[1]];
const minus = (a: Dual, b: Dual): Dual => [a[0] - b[0], a[1] - b[1]];
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
function corners([left, top, right, bottom]: readonly Dual[]): Corners {
  const nothing = constant(0);
  return { x0: minus(nothing, left!), y0: minus(nothing, top!), x1: right!, y1: bottom! };
}

function area({ x0, y0, x1, y1 }: Corners): Dual {
  return times(larger(minus(x1, x0), constant(0)), larger(minus(y1, y0), constant(0)));
}

/** GIoU = I / U - (C - U) / C (Rezatofighi et al., 2019). */
function generalisedIoU(a: Corners, b: Corners): Dual {
  const overlap = area({ x0: larger(a.x0, b.x0), y0: larger(a.y0, b.y0), x1: smaller(a.x1, b.x1), y1: smaller(a.y1, b.y1) });
  const union = minus(plus(area(a), area(b)), overlap);
  const hull = area({ x0: smaller(a.x0, b.x0), y0: smaller(a.y0, b.y0), x1: larger(a.x1, b.x1), y1: larger(a.y1, b.y1) });
  return minus(over(overlap, union), over(minus(hull, union), hull));
}

/** 1 - GIoU for log distances d[0..4) (held to -4..5) and a target's distances t[0..4); `by` names the distance to derive by. */
function loss(d: ArrayLike<number>, t: ArrayLike<number>, by?: number): Dual {
  const distances = [0, 1, 2, 3].map((side): Dual => {
    const held = Math.min(5, Math.max(-4, d[side]!));
    const distance = Math.exp(held);
    return [distance, side === by && held === d[side]! ? distance : 0];
  });
  return minus(constant(1), generalisedIoU(corners(distances), corners([0, 1, 2, 3].map((side) => constant(t[side]!)))));
}

/** Sum of weight (1 - GIoU) over the entries, times scale. distances and targets are [n, 4]. */
export function boxLoss(distances: Float64Array, targets: Float64Array, weight: Float64Array, scale: number): number {
  return weight.reduce((total, w, i) => total + scale * w * loss(distances.subarray(4 * i), targets.subarray(4 * i))[0], 0);
}

/** Gradient with respect to the log distances, [n, 4]. */
export function boxLossBackward(distances: Float64Array, targets: Float64Array, weight: Float64Array, scale: number): Float64Array {
  return distances.map((_, at) => {
    const i = Math.floor(at / 4);
    return scale * weight[i]! * loss(distances.subarray(4 * i), targets.subarray(4 * i), at % 4)[1];
  });
}
