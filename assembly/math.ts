// Elementary functions on four floats at once.
// source: range reduction by ln 2 split in two (Cody and Waite), polynomial of Cephes' expf; log1p by the series of atanh.

const LOG2E: f32 = 1.44269504088896341;
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.12194440e-4;

/** e^x, relative error below 2e-7; x is held to -87..88. */
export function exp4(x: v128): v128 {
  x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88)), f32x4.splat(-87));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(LOG2E)));
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(LN2_HIGH)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(LN2_LOW)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}

/** 1 / (1 + e^-x) */
export function sigmoid4(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(f32x4.neg(x))));
}

/** log(1 + u) for u in 0..1: 2 atanh(u / (2 + u)). */
export function log1p4(u: v128): v128 {
  const z = f32x4.div(u, f32x4.add(u, f32x4.splat(2)));
  const s = f32x4.mul(z, z);
  let p = f32x4.splat(0.15384615384);
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(0.18181818182));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(0.22222222222));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(0.28571428571));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(0.4));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(0.66666666667));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(2));
  return f32x4.mul(p, z);
}

/** Logistic loss of logit x for target t in 0..1: max(x, 0) - x t + log(1 + e^-|x|). */
export function logistic4(x: v128, t: v128): v128 {
  const tail = log1p4(exp4(f32x4.neg(f32x4.abs(x))));
  return f32x4.add(f32x4.sub(f32x4.pmax(x, f32x4.splat(0)), f32x4.mul(x, t)), tail);
}
