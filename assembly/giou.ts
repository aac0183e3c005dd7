// Generalised IoU of two boxes around one point, each given by its distances left, top, right, bottom: the four lanes; the other axis is two
// lanes away. I = overlap, U = union, C = hull;  GIoU = I / U - (C - U) / C, so that 1 - GIoU = 2 - I / U - U / C.
//   source     arXiv 1902.09630

/** Lanes (left + right, top + bottom) twice over. */
function across(v: v128): v128 {
  return f32x4.add(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
}

/** Width and height exchanged. */
function turned(v: v128): v128 {
  return v128.shuffle<f32>(v, v, 1, 0, 3, 2);
}

/** Areas in all lanes: I, U and C. */
function overlapOf(p: v128, t: v128): v128 {
  const inner = f32x4.pmax(across(f32x4.min(p, t)), f32x4.splat(0));
  return f32x4.mul(inner, turned(inner));
}

function unionOf(p: v128, t: v128, overlap: v128): v128 {
  const size = across(p), wanted = across(t);
  return f32x4.pmax(f32x4.sub(f32x4.add(f32x4.mul(size, turned(size)), f32x4.mul(wanted, turned(wanted))), overlap), f32x4.splat(1e-6));
}

function hullOf(p: v128, t: v128): v128 {
  const outer = across(f32x4.max(p, t));
  return f32x4.pmax(f32x4.mul(outer, turned(outer)), f32x4.splat(1e-6));
}

/** 1 - GIoU of distances p, none below 0, for a target t. */
export function giouLoss(p: v128, t: v128): f32 {
  const overlap = overlapOf(p, t), union = unionOf(p, t, overlap);
  const ratio = f32x4.div(overlap, union), fill = f32x4.div(union, hullOf(p, t));
  return 2 - f32x4.extract_lane(ratio, 0) - f32x4.extract_lane(fill, 0);
}

/** The derivative of GIoU by each distance of p. */
export function giouSlope(p: v128, t: v128): v128 {
  const zero = f32x4.splat(0);
  const size = across(p);
  const inner = f32x4.pmax(across(f32x4.min(p, t)), zero), outer = across(f32x4.max(p, t));
  const overlap = overlapOf(p, t), union = unionOf(p, t, overlap), hull = hullOf(p, t);
  const ratio = f32x4.div(overlap, union), fill = f32x4.div(union, hull);
  // by a side: the overlap grows with the other axis' overlap while p < t, the hull with the other axis' hull while p > t
  const dOverlap = v128.and(v128.and(turned(inner), f32x4.lt(p, t)), f32x4.gt(inner, zero));
  const dUnion = f32x4.sub(turned(size), dOverlap);
  const dHull = v128.and(turned(outer), f32x4.gt(p, t));
  const dRatio = f32x4.div(f32x4.sub(dOverlap, f32x4.mul(ratio, dUnion)), union);
  const dFill = f32x4.div(f32x4.sub(dUnion, f32x4.mul(fill, dHull)), hull);
  return f32x4.add(dRatio, dFill);
}
