import type { Random } from "../../src/core/random.js";

/** n Gaussian numbers that f32 holds exactly, so that kernel and oracle see the same. */
export function normals(random: Random, n: number, deviation = 1): Float64Array {
  return Float64Array.from({ length: n }, () => Math.fround(deviation * random.normal()));
}

/** n numbers, uniform in [low, high), that f32 holds exactly. */
export function uniforms(random: Random, n: number, low: number, high: number): Float64Array {
  return Float64Array.from({ length: n }, () => Math.fround(random.uniform(low, high)));
}

/** n whole numbers in low..high. */
export function integers(random: Random, n: number, low = -127, high = 127): Float64Array {
  return Float64Array.from({ length: n }, () => low + random.below(high - low + 1));
}

/** n numbers of either sign, none nearer to 0 than `gap`: away from an activation's kink. */
export function awayFromZero(random: Random, n: number, gap = 0.05): Float64Array {
  return uniforms(random, n, gap, 2).map((v) => (random.chance(0.5) ? v : -v));
}

/** n different numbers, `gap` apart at least, in random order: away from the kinks of a maximum. */
export function distinct(random: Random, n: number, gap = 0.0625): Float64Array {
  const values = Float64Array.from({ length: n }, (_, i) => (i - n / 2) * gap);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}
