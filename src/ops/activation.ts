import type { Activation } from "../graph/graph.js";

/** What quantization must know of each activation. The mapped type makes the table total. */
export const ACTIVATIONS: { [K in Activation["kind"]]: { homogeneous: boolean } } = {
  none: { homogeneous: true },
  relu: { homogeneous: true },
  leaky: { homogeneous: true },
};

/** An activation as kernels take it: its slope below 0. */
export function slopeOf(activation: Activation): number {
  return activation.kind === "none" ? 1 : activation.kind === "relu" ? 0 : activation.slope;
}

/** The activation of a slope below 0: 1 none, 0 ReLU, between LeakyReLU. */
export function activationOf(slope: number): Activation {
  return slope === 1 ? { kind: "none" } : slope === 0 ? { kind: "relu" } : { kind: "leaky", slope };
}
