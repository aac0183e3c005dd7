// Small words over v128 that every kernel speaks. No state.
// What is small Binaryen inlines by itself. "@inline" stands where that was measured not to be enough (ARCHITECTURE.md). TypeScript knows no
// decorators on functions (TS1206), so tsconfig.json here leaves checking to asc, whose language this is; editors still find their way.

/** a * b + c; one rounding where the build has relaxed SIMD (FMA), two elsewhere. */
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

/** c - a * b; rounded as in `madd`. */
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

/** v where v > 0, else slope * v; slope 1 is the identity, 0 is ReLU; slope <= 1. */
export function activate(v: v128, slope: v128): v128 {
  return f32x4.pmax(v, f32x4.mul(v, slope));
}

/** Sum of the four lanes. */
export function sum4(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** Fills n bytes with zeros; n % 4 == 0. */
export function clear(p: usize, bytes: usize): void {
  memory.fill(p, 0, bytes);
}

/** Copies n bytes that do not overlap, sixteen at a time with a short tail: faster than memory.copy below some hundred bytes. */
export function copyShort(to: usize, from: usize, bytes: i32): void {
  let i = 0;
  for (; i + 16 <= bytes; i += 16) v128.store(to + i, v128.load(from + i));
  for (; i + 4 <= bytes; i += 4) store<u32>(to + i, load<u32>(from + i));
  for (; i < bytes; i++) store<u8>(to + i, load<u8>(from + i));
}
