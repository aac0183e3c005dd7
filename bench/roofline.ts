import type { Engine } from "../src/wasm/load.js";
import { spreadOf } from "./timing.js";

/** Sizes whose operands lie in the first-level cache, or nearly: rows, input channels, output channels. */
const SHAPES = [
  [32, 64, 32],
  [32, 64, 64],
  [16, 128, 64],
  [64, 32, 32],
] as const;
const ROUNDS = 15;
const CALLS = 300;

/** 10^9 multiply-accumulates a second of the bare 1x1 kernels on operands in the first-level cache: the best shape's 10th percentile of times. */
export interface Roofline {
  f32: number;
  int8: number;
}

/** Measures the roofline on this machine, one thread. */
export function measureRoofline({ kernels, memory, byteFlip }: Engine): Roofline {
  const mark = memory.mark;
  const [y, x, w, bias, scale, wide] = Array.from({ length: 6 }, () => memory.reserve(65536)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  memory.u8.fill(0, y, memory.mark);
  const best = { f32: 0, int8: 0 };
  for (const [m, ci, co] of SHAPES) {
    const runs = {
      f32: () => kernels.conv1x1(y, x, w, bias, m, ci, co, 0),
      int8: () => kernels.conv1x1I8(y, x, w, bias, scale, wide, m, m, ci, co, 0, byteFlip),
    };
    for (const kind of ["f32", "int8"] as const) best[kind] = Math.max(best[kind], (m * ci * co) / 1e6 / quickMs(runs[kind]));
  }
  memory.release(mark);
  return best;
}

function quickMs(run: () => void): number {
  const times: number[] = [];
  for (let round = -5; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < CALLS; i++) run();
    if (round >= 0) times.push((performance.now() - start) / CALLS);
  }
  return spreadOf(times).p10;
}
