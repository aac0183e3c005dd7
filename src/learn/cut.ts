import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import { type Graph, type GraphInput, type GraphNode, type Param, paramOf } from "../graph/graph.js";
import { mapName } from "../model/build.js";
import type { Model } from "../model/model.js";
import { pruned } from "../model/surgery.js";
import { shapesOf } from "../program/plan.js";
import { dequantized } from "../quant/dequantize.js";
import { quantizeAt } from "../quant/quantize.js";

/** How much of the network learns, from little to much: the tasks' heads, the path before them too, the trunk's last stage too, all of it. */
export type Part = "heads" | "path" | "stage" | "all";

/** The parts, from little to much. */
export const PARTS: readonly Part[] = ["heads", "path", "stage", "all"];

/** How the names of a part's parameters begin, which all smaller parts' belong to. */
const PREFIX: Readonly<Record<Part, string>> = { heads: "head.", path: "path.", stage: "trunk.stage4.", all: "" };

/** An int8 network in two: what stays as it is, and what learns. */
export interface Cut {
  part: Part;
  /** Whose maps `before` and `behind` lead to. */
  tasks: readonly Task[];
  /** int8, from the picture to the values at the cut; no nodes where all learns. */
  frozen: Graph;
  /** int8, from these values to the tasks' maps. */
  behind: Graph;
  /** The same in f32, to learn. */
  learner: Graph;
}

/** Whether a parameter learns in a part. */
function learnsIn(part: Part): (name: string) => boolean {
  const prefixes = PARTS.slice(0, PARTS.indexOf(part) + 1).map((each) => PREFIX[each]);
  return (name) => prefixes.some((prefix) => name.startsWith(prefix));
}

/** Throws E_MODEL for a network that a learner cannot teach: f32. */
export function expectInt8({ scales }: Graph): void {
  if (!scales) throw new FourwayError("E_MODEL", "learner: expected an int8 model, got f32; quantize it first (fourway quantize)");
}

/**
 * Cuts a network before all that learns.
 * @param tasks whose maps are wanted; the heads of others are left out
 * @throws E_MODEL for a network that is not int8, or that has no such part
 */
export function cutBefore({ graph, info }: Model, part: Part, tasks: readonly Task[] = info.tasks): Cut {
  expectInt8(graph);
  const learns = learnsIn(part);
  const outputs = info.strides.flatMap((stride) => tasks.map((task) => mapName(task, stride)));
  const whole = pruned({ ...graph, outputs }, outputs);
  if (!whole.nodes.some(({ params }) => Object.values(params).some((name) => name.startsWith(PREFIX[part]))))
    throw new FourwayError(
      "E_MODEL",
      `learner: expected a network with parameters named "${PREFIX[part]}..", got none; choose another part than "${part}"`,
    );
  const learned = new Set<string>();
  const nodes = whole.nodes.filter(({ params, inputs, outputs: values }) => {
    const behind = Object.values(params).some(learns) || inputs.some((value) => learned.has(value));
    if (behind) for (const value of values) learned.add(value);
    return behind;
  });
  const values = new Set(nodes.flatMap(({ inputs }) => inputs).filter((value) => !learned.has(value)));
  const inputs = inputsAt(graph, [...values]);
  const names = inputs.map(({ name }) => name);
  const behind = withNodes(whole, inputs, nodes);
  return { part, tasks, frozen: { ...pruned(graph, names), outputs: names }, behind, learner: dequantized(behind) };
}

/** A side that all strides divide. */
const SIDE = 256;

function inputsAt(graph: Graph, values: readonly string[]): GraphInput[] {
  const shapes = shapesOf(graph, SIDE, SIDE);
  return values.map((name) => {
    const { height, channels } = shapes.get(name)!;
    return { name, channels, stride: SIDE / height };
  });
}

/** The graph with these nodes alone, and what they need. */
function withNodes(graph: Graph, inputs: GraphInput[], nodes: GraphNode[]): Graph {
  const used = new Set(nodes.flatMap(({ params }) => Object.values(params)));
  const values = new Set([...inputs.map(({ name }) => name), ...nodes.flatMap(({ outputs }) => outputs)]);
  return {
    inputs,
    nodes,
    outputs: graph.outputs,
    params: new Map([...graph.params].filter(([name]) => used.has(name))),
    scales: new Map([...graph.scales!].filter(([name]) => values.has(name))),
  };
}

const sameBits = (a: Param, b: Param): boolean => a.data.every((value, i) => value === b.data[i]);

/**
 * The int8 network with what was learned put back: weights that changed are quantized again at the scales of the values about them, all
 * others keep their bits.
 * @param learned `cut.learner` with other parameters
 * @param scales of the values behind the cut; those of the cut itself stay
 */
export function putBack(graph: Graph, { learner, behind }: Cut, learned: Graph, scales: ReadonlyMap<string, number>): Graph {
  const made = quantizeAt(learned, scales);
  const params = new Map(graph.params);
  const changed = new Map<string, GraphNode>();
  made.nodes.forEach((node, i) => {
    const old = behind.nodes[i]!;
    if (node.params.weight === undefined) return;
    const same =
      scales.get(node.inputs[0]!) === behind.scales!.get(node.inputs[0]!) &&
      (["weight", "bias"] as const).every((role) =>
        sameBits(paramOf(learned, learned.nodes[i]!, role), paramOf(learner, learner.nodes[i]!, role)),
      );
    if (same) return;
    for (const role of ["weight", "bias"] as const) params.set(node.params[role]!, paramOf(made, node, role));
    changed.set(old.name, node);
  });
  const nodes = graph.nodes.map((node) => changed.get(node.name) ?? node);
  const used = new Set(nodes.flatMap((node) => Object.values(node.params)));
  return {
    ...graph,
    nodes,
    params: new Map([...params].filter(([name]) => used.has(name))),
    scales: new Map([...graph.scales!, ...scales]),
  };
}
