// The arithmetic that turns int32 sums into int8: f32 at each step, round half to even. Exact, so kernels must agree bit for bit.

/** The nearest whole number, the even one of two that are equally near. */
export function halfToEven(v: number): number {
  const below = Math.floor(v);
  const rest = v - below;
  if (rest < 0.5) return below;
  if (rest > 0.5) return below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** v held to low..high. */
export function clamped(v: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, v));
}

/** act(float(sum) scale) in f32; act(v) = max(v, slope v). */
export function rescaled(sum: number, scale: number, slope: number): number {
  const v = Math.fround(Math.fround(sum) * Math.fround(scale));
  return v > 0 ? v : Math.fround(Math.fround(slope) * v);
}

/** The nearest int8: held to -128..127, then rounded half to even. */
export function toInt8(v: number): number {
  return halfToEven(clamped(v, -128, 127));
}

/** `rescaled` as int8. */
export function requantized(sum: number, scale: number, slope: number): number {
  return toInt8(rescaled(sum, scale, slope));
}
