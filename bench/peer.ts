/** An engine that runs the net: `run` is what is timed, from an input in its own form to results that its caller can read. */
export interface Peer {
  name: string;
  run(): void | Promise<void>;
  /** The last run's outputs by name, channels last. */
  outputs(): Map<string, Float32Array>;
  dispose(): void | Promise<void>;
}

/** Outputs that lie further apart than this, of the largest value, are another function. */
const LARGEST_DIFFERENCE = 1e-3;

/** The largest difference between outputs over the largest value; outputs of other names or sizes are infinitely far. */
export function distance(expected: ReadonlyMap<string, Float32Array>, got: ReadonlyMap<string, Float32Array>): number {
  let largest = 0;
  for (const [name, values] of expected) {
    const others = got.get(name);
    if (others?.length !== values.length) return Number.POSITIVE_INFINITY;
    const peak = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    for (const [i, v] of values.entries()) {
      const difference = Math.abs(v - others[i]!) / peak;
      if (!(difference <= largest)) largest = difference;
    }
  }
  return largest;
}

/** Throws where a peer computes something else than Fourway: its time would say nothing. Both have run. */
export function checkPeer(own: Peer, peer: Peer, largest = LARGEST_DIFFERENCE): void {
  const apart = distance(own.outputs(), peer.outputs());
  if (!(apart <= largest)) throw new Error(`expected our outputs to ${largest} of the largest value, got ${apart.toExponential(1)}`);
}
