import { spreadOf } from "../src/engines/timing.js";
import type { Engine } from "../src/wasm/load.js";

/** Sizes whose operands lie in the first-level cache, or nearly. */
type Sizes = readonly [rows: number, ci: number, co: number];
const SHAPES: readonly Sizes[] = [
  [32, 64, 32],
  [32, 64, 64],
  [16, 128, 64],
  [64, 32, 32],
];
const ROUNDS = 15;
const CALLS = 300;

/** A bare 1x1 kernel on operands in the first-level cache: a run is so many multiply-accumulates. */
export interface Bare {
  run(): void;
  macs: number;
}

/** The bare kernels on those sizes on which they are fastest, so many calls a run, one thread, on memory of the engine's that they keep. */
export function bareKernels(
  { kernels, memory, byteFlip }: Engine,
  calls = CALLS,
  shapes: readonly Sizes[] = SHAPES,
): Record<"f32" | "int8", Bare> {
  const [y, x, w, bias, scale, wide] = Array.from({ length: 6 }, () => memory.reserve(65536)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  memory.u8.fill(0, y, memory.mark);
  const many = (call: () => void) => (): void => {
    for (let i = 0; i < calls; i++) call();
  };
  const fastest = (of: (m: number, ci: number, co: number) => () => void): Bare =>
    shapes
      .map(([m, ci, co]) => {
        const bare = { run: many(of(m, ci, co)), macs: calls * m * ci * co };
        return { bare, rate: rateOf(bare) };
      })
      .sort((a, b) => b.rate - a.rate)[0]!.bare;
  return {
    f32: fastest((m, ci, co) => () => kernels.conv1x1(y, x, w, bias, m, ci, co, 0)),
    int8: fastest((m, ci, co) => () => kernels.conv1x1I8(y, x, w, bias, scale, wide, m, m, ci, co, 0, byteFlip)),
  };
}

/** 10^9 multiply-accumulates a second: the 10th percentile of times. */
export function rateOf({ run, macs }: Bare): number {
  const times: number[] = [];
  for (let round = -5; round < ROUNDS; round++) {
    const start = performance.now();
    run();
    if (round >= 0) times.push(performance.now() - start);
  }
  return macs / 1e6 / spreadOf(times).p10;
}
