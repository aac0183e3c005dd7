/** Something to time: a run may be asynchronous. */
export interface Contender {
  name: string;
  run(): void | Promise<void>;
  /** Timed runs a round, of which the quickest counts; before them one that is not timed. */
  repeats: number;
}

/** A median and how far the middle 80 % of the rounds lie apart. */
export interface Spread {
  median: number;
  p10: number;
  p90: number;
}

/** Runs everything this long before it counts, so that the runtimes have compiled their last tier. */
const WARM_UP_MS = 700;

/**
 * Milliseconds of each round's quickest run, by name. Contenders take turns, in another order each round, so that what else the machine
 * does hits all of them alike.
 */
export async function interleave(contenders: readonly Contender[], rounds: number, warmUpMs = WARM_UP_MS): Promise<Map<string, number[]>> {
  const times = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (const { run } of contenders)
    for (const end = performance.now() + warmUpMs; performance.now() < end; ) {
      const pending = run();
      if (pending) await pending;
    }
  for (let round = 0; round < rounds; round++)
    for (let i = 0; i < contenders.length; i++) {
      const { name, run, repeats } = contenders[(i + round) % contenders.length]!;
      const warm = run();
      if (warm) await warm;
      let quickest = Number.POSITIVE_INFINITY;
      for (let k = 0; k < repeats; k++) {
        const start = performance.now();
        const pending = run();
        if (pending) await pending;
        quickest = Math.min(quickest, performance.now() - start);
      }
      times.get(name)!.push(quickest);
    }
  return times;
}

/** Median, 10th and 90th percentile, linear between ranks. @throws RangeError for no values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("spreadOf: expected values, got none; run at least one round");
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => {
    const rank = share * (sorted.length - 1);
    const low = sorted[Math.floor(rank)]!;
    return low + (rank - Math.floor(rank)) * (sorted[Math.ceil(rank)]! - low);
  };
  return { median: at(0.5), p10: at(0.1), p90: at(0.9) };
}

/** a / b round by round: what both met in one round cancels out. */
export function ratioOf(a: readonly number[], b: readonly number[]): Spread {
  return spreadOf(a.map((value, round) => value / b[round]!));
}
