/** Floats that replicas exchange a step: the gradients, then the running statistics. */
export function exchangeLength(gradients: Float32Array, state: Float32Array): number {
  return gradients.length + state.length;
}

/** Copies a replica's part to where the others read it. */
export function publish(slot: Float32Array, gradients: Float32Array, state: Float32Array): void {
  slot.set(gradients);
  slot.set(state, gradients.length);
}

/** The mean over all replicas' parts, summed in their order, so that every replica ends with the same bits. */
export function allReduce(slots: readonly Float32Array[], gradients: Float32Array, state: Float32Array): void {
  if (slots.length === 1) return;
  const share = 1 / slots.length;
  const mean = (to: Float32Array, from: number): void => {
    for (let i = 0; i < to.length; i++) {
      let sum = 0;
      for (let s = 0; s < slots.length; s++) sum += slots[s]![from + i]!;
      to[i] = sum * share;
    }
  };
  mean(gradients, 0);
  mean(state, gradients.length);
}
