/**
 * A seeded source of random numbers: the same numbers on every runtime. Not for secrets.
 * sfc32 by Chris Doty-Humphrey (PractRand), 128 bits of state, seeded through splitmix32.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** @param keys whole numbers; other keys, other numbers: `new Random(seed, epoch, step)`. */
  constructor(...keys: number[]) {
    let h = 0x9e3779b9;
    const mix = (key: number): number => {
      h = (h + 0x9e3779b9 + (key | 0)) | 0;
      let t = h ^ (h >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      h = (h ^ t) | 0;
      return (t ^ (t >>> 15)) | 0;
    };
    for (const key of keys) mix(key);
    this.a = mix(1);
    this.b = mix(2);
    this.c = mix(3);
    this.d = 1;
    for (let i = 0; i < 12; i++) this.bits();
  }

  /** 32 random bits, unsigned. */
  bits(): number {
    const t = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + t) | 0;
    return t >>> 0;
  }

  /** Uniform in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.bits() / 4294967296);
  }

  /** A whole number in 0..n-1. */
  below(n: number): number {
    return Math.floor(this.uniform(0, n));
  }

  /** True with probability p. */
  chance(p: number): boolean {
    return this.uniform() < p;
  }

  /** Gaussian with mean 0 and deviation 1 (Box and Muller, 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}
