import { FourwayError } from "../core/errors.js";
import type { Role } from "../graph/graph.js";

/** How a group of parameters is moved; plain data, so that it can be sent to worker threads. */
export interface ParameterGroup {
  /** Names that begin with this; all names where it is missing. */
  prefix?: string;
  /** Only these roles; all roles where it is missing. */
  roles?: readonly Role[];
  /** Factor of the learning rate; 0 freezes: no gradient, no moments, no backward pass below it. */
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

/** All is new: weights decay, vectors (norms, biases) do not. */
export const FRESH_GROUPS: readonly ParameterGroup[] = [
  { roles: ["weight"], lrScale: 1, decay: 5e-3 },
  { lrScale: 1, decay: 0 },
];

/** What begins with the prefix was learned before and moves slowly; all else is new. */
export function pretrainedGroups(prefix: string): readonly ParameterGroup[] {
  return [{ prefix, lrScale: 0.35, decay: 1e-4 }, ...FRESH_GROUPS];
}

/** The first group that a parameter belongs to. @throws E_ARGUMENT where there is none */
export function groupOf(groups: readonly ParameterGroup[], { name, role }: { name: string; role: Role }): ParameterGroup {
  const group = groups.find(({ prefix, roles }) => name.startsWith(prefix ?? "") && (roles?.includes(role) ?? true));
  if (!group)
    throw new FourwayError("E_ARGUMENT", `groups: expected one for "${name}" (${role}), got none; end the list with a group of all names`);
  return group;
}
