/** Constants of AdamW; `step` counts from 1. */
export interface AdamW {
  clip: number;
  rate: number;
  decay: number;
  b1: number;
  b2: number;
  c1: number;
  c2: number;
  epsilon: number;
}

/** One step of algorithm 2 of Loshchilov and Hutter (arXiv 1711.05101), rate and decay as in PyTorch: w, m and v are moved. */
export function adamw(w: Float64Array, dw: Float64Array, m: Float64Array, v: Float64Array, k: AdamW): void {
  for (let i = 0; i < w.length; i++) {
    const g = k.clip * dw[i]!;
    m[i] = k.b1 * m[i]! + (1 - k.b1) * g;
    v[i] = k.b2 * v[i]! + (1 - k.b2) * g * g;
    w[i] = w[i]! - k.rate * k.decay * w[i]! - (k.rate * (m[i]! / k.c1)) / (Math.sqrt(v[i]! / k.c2) + k.epsilon);
  }
}
