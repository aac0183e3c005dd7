import type { PlacedParam } from "../program/params.js";

/** How a group of parameters is moved. */
export interface Group {
  /** Share of the learning rate. */
  share: number;
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
export const LONGEST_GRADIENT = 10;

/**
 * A pretrained trunk moves slowly; fresh weights decay, fresh vectors (norms, biases) do not.
 * @param pretrained whether names that begin with "trunk." were learned before
 */
export function groupOf({ name, role }: Pick<PlacedParam, "name" | "role">, pretrained: boolean): Group {
  if (pretrained && name.startsWith("trunk.")) return { share: 0.35, decay: 1e-4 };
  return { share: 1, decay: role === "weight" ? 5e-3 : 0 };
}
