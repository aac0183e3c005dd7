import { requantized, rescaled } from "./requantize.js";

// Weights are [co, ci], the order of ONNX; x is [m, ci], y is [m, co].

/** y[i,o] = act(bias[o] + sum_k x[i,k] w[o,k]). */
export function conv1x1(x: Float64Array, w: Float64Array, bias: Float64Array, ci: number, slope: number): Float64Array {
  const co = bias.length;
  const m = x.length / ci;
  const y = new Float64Array(m * co);
  for (let i = 0; i < m; i++)
    for (let o = 0; o < co; o++) {
      let total = bias[o]!;
      for (let k = 0; k < ci; k++) total += x[i * ci + k]! * w[o * ci + k]!;
      y[i * co + o] = total > 0 ? total : slope * total;
    }
  return y;
}

/** Gradients of sum(y dy) without an activation. */
export function conv1x1Backward(x: Float64Array, w: Float64Array, dy: Float64Array, ci: number, co: number) {
  const m = x.length / ci;
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  const db = new Float64Array(co);
  for (let i = 0; i < m; i++)
    for (let o = 0; o < co; o++) {
      const d = dy[i * co + o]!;
      db[o]! += d;
      for (let k = 0; k < ci; k++) {
        dx[i * ci + k]! += d * w[o * ci + k]!;
        dw[o * ci + k]! += d * x[i * ci + k]!;
      }
    }
  return { dx, dw, db };
}

function sums(x: ArrayLike<number>, w: ArrayLike<number>, bias: ArrayLike<number>, ci: number): number[] {
  const co = bias.length;
  return Array.from({ length: (x.length / ci) * co }, (_, at) => {
    const i = Math.floor(at / co);
    const o = at % co;
    let total = bias[o]!;
    for (let k = 0; k < ci; k++) total += x[i * ci + k]! * w[o * ci + k]!;
    return total;
  });
}

/** int8 in, int8 out; scale [co]. */
export function conv1x1I8(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  bias: ArrayLike<number>,
  scale: ArrayLike<number>,
  ci: number,
  slope: number,
): Int8Array {
  return Int8Array.from(sums(x, w, bias, ci), (total, at) => requantized(total, scale[at % scale.length]!, slope));
}

/** int8 in, f32 out; scale [co]. */
export function conv1x1I8F32(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  bias: ArrayLike<number>,
  scale: ArrayLike<number>,
  ci: number,
  slope: number,
): Float32Array {
  return Float32Array.from(sums(x, w, bias, ci), (total, at) => rescaled(total, scale[at % scale.length]!, slope));
}
