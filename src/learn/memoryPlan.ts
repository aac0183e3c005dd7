import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Graph } from "../graph/graph.js";
import type { Model } from "../model/model.js";
import { paramBytes } from "../program/params.js";
import { elements, planForward } from "../program/plan.js";
import { planTraining } from "../program/training.js";
import { lossBytes } from "../train/loss.js";
import type { Engine } from "../wasm/load.js";
import { roomFor } from "../wasm/memory.js";
import { cutBefore, PARTS, type Part } from "./cut.js";
import { largestInput, type Size } from "./passes.js";

// What is learned is chosen so that it fits. Phases take turns in the same memory, so that the largest of them counts:
//   features   the frozen part in int8, a frame at a time
//   training   weights, gradients, moments; values and gradients of one picture
//   reach      all values of one picture, to see whether their scales still fit
//   answers    the whole network in int8, a picture at a time
// Beside the kernels' memory there are the features of frames and of rehearsed scenes, a byte a value.

/** The bottom of the kernels' memory, and what it grows by. */
const BOTTOM = 1024;
const PAGE = 65536;
/** Rehearsed scenes, where half of the room for features holds them, and at least. docs/learning.md has figures of fewer and more. */
const SCENES = { most: 64, least: 8 } as const;
/** Frames that must find room. */
const LEAST_FRAMES = 16;

/** How memory is used while learning; all in bytes. */
export interface MemoryPlan {
  /** What learns. */
  what: Part;
  /** Of the learned weights, in f32: they, their gradients and both moments take four times as many. */
  parameters: number;
  /** Kernels' memory in each phase; the largest counts. */
  phases: { features: number; training: number; reach: number; answers: number };
  /** Kernels' memory, in whole pages. */
  wasm: number;
  /** Of one frame's features. */
  frame: number;
  /** Frames whose features are held at once: the latest, where there are more. */
  frames: number;
  /** Drawn scenes, half of them mirror images of others, that are rehearsed. */
  scenes: number;
  /** All of it. */
  total: number;
}

function forwardBytes(engine: Engine, graph: Graph, size: Size, keepAll = false): number {
  if (graph.nodes.length === 0) return 0;
  return paramBytes(engine, graph).room + roomFor(planForward(graph, { batch: 1, ...size }, keepAll).bytes);
}

/** The plan for a part, with as many scenes and frames as fit under a limit; total may still be above it. */
function planPart(engine: Engine, model: Model, part: Part, tasks: readonly Task[], size: Size, limit: number): MemoryPlan {
  const cut = cutBefore(model, part, part === "heads" ? tasks : model.info.tasks);
  const { learner, frozen } = cut;
  const { layout } = model.info;
  const training = planTraining(learner, { batch: 1, ...size });
  const { room, trained } = paramBytes(engine, learner);
  const cells = Math.max(...learner.outputs.map((name) => training.shapes.get(name)!.height * training.shapes.get(name)!.width));
  const bytes = roomFor(largestInput(learner, [training]));
  const phases = {
    features: forwardBytes(engine, frozen, size),
    training: room + 3 * roomFor(trained) + bytes + roomFor(training.bytes) + lossBytes(cells, layout),
    reach: bytes + forwardBytes(engine, learner, size, true),
    answers: forwardBytes(engine, model.graph, size) + lossBytes(cells, layout) + roomFor(4 * cells * layout.cell),
  };
  const wasm = PAGE * Math.ceil((BOTTOM + Math.max(...Object.values(phases))) / PAGE);
  const frame = learner.inputs.reduce((sum, { name }) => sum + elements(training.shapes.get(name)!, 1), 0);
  const fit = Math.floor((limit - wasm) / frame);
  const scenes = Math.max(SCENES.least, Math.min(SCENES.most, Math.floor(fit / 2), fit - LEAST_FRAMES));
  const frames = Math.max(LEAST_FRAMES, fit - scenes);
  return { what: part, parameters: trained, phases, wasm, frame, frames, scenes, total: wasm + frame * (LEAST_FRAMES + scenes) };
}

/**
 * What can be learned within `limit` bytes: the part that was asked for, or the largest below it that fits.
 * @throws E_ARGUMENT where not even the heads do
 */
export function planMemory(engine: Engine, model: Model, what: Part, tasks: readonly Task[], size: Size, limit: number): MemoryPlan {
  let least = Number.POSITIVE_INFINITY;
  for (const part of PARTS.slice(0, PARTS.indexOf(what) + 1).reverse()) {
    const plan = planPart(engine, model, part, tasks, size, limit);
    if (plan.total <= limit) return plan;
    least = plan.total;
  }
  throw new FourwayError(
    "E_ARGUMENT",
    `learner: expected memoryBytes of at least ${least} for inputs of ${size.width} x ${size.height}, got ${limit}; allow more, or take fewer pixels`,
  );
}

/** The plan in words, a line each. */
export function describePlan({ what, phases, wasm, frame, frames, scenes, total, parameters }: MemoryPlan): string {
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
  return [
    `learns: ${what}, ${parameters / 4} parameters`,
    `kernels' memory: ${mb(wasm)}, at most one of: ${Object.entries(phases)
      .map(([phase, bytes]) => `${phase} ${mb(bytes)}`)
      .join(", ")}`,
    `features: ${(frame / 1e3).toFixed(1)} kB a picture, of at most ${frames} frames and ${scenes} rehearsed scenes`,
    `in all: ${mb(total)} with 16 frames`,
  ].join("\n");
}
