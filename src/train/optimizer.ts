import type { PlacedParam } from "../program/params.js";

/** How a group of parameters is moved. */
export interface ParameterGroup {
  /** Share of the learning rate. */
  lrScale: number;
  /** Decoupled weight decay. */
  decay: number;
}

/** How weights move: AdamW, or stochastic gradient descent with momentum. */
export type OptimizerName = "adamw" | "sgd";

/** The optimizers by name. */
export const OPTIMIZERS: readonly OptimizerName[] = ["adamw", "sgd"];

/** The momentum of stochastic gradient descent. */
export const SGD = { momentum: 0.9 };

/** AdamW's constants. */
export const ADAMW = { b1: 0.9, b2: 0.999, epsilon: 1e-8 };

/** Gradients longer than this (Euclidean norm over all parameters) are scaled down to it. */
export const MAX_GRADIENT_NORM = 10;

/**
 * A pretrained trunk moves slowly; fresh weights decay, fresh vectors (norms, biases) do not.
 * @param pretrained whether names that begin with "trunk." were learned before
 */
export function groupOf({ name, role }: Pick<PlacedParam, "name" | "role">, pretrained: boolean): ParameterGroup {
  if (pretrained && name.startsWith("trunk.")) return { lrScale: 0.35, decay: 1e-4 };
  return { lrScale: 1, decay: role === "weight" ? 5e-3 : 0 };
}
