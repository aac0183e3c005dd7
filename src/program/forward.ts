import { FourwayError } from "../core/errors.js";
import type { GraphNode, OpName } from "../graph/graph.js";
import { type Place, type SiteI8, type Step, WHOLE } from "../ops/op.js";
import type { Kernels } from "../wasm/generated/kernels.js";
import type { Engine } from "../wasm/load.js";
import type { Chunk } from "../wasm/signals.js";
import { int8Site, type PlacedParams, paramOffsets } from "./params.js";
import type { Plan } from "./plan.js";
import { precisionOfNode } from "./precision.js";

/** A forward pass ready to run: every kernel call with its arguments fixed. */
export interface Program {
  plan: Plan;
  /** In the order of the graph's inputs, int8 where they have a scale; a picture is [batch, height, width, 3]. */
  inputs: Place[];
  /** In the order of the graph's outputs, int8 where they have a scale. */
  outputs: Place[];
  steps: { node: GraphNode; step: Step }[];
  /** Runs all steps; allocates nothing. */
  run(): void;
}

/** The place of a value of a plan whose arena begins at `base`. */
export function placeOf(plan: Plan, name: string, base: number): Place {
  return { ...plan.shapes.get(name)!, offset: base + plan.values.get(name)! };
}

/**
 * Turns a plan into steps over an arena that begins at byte `base`; run by the engine's threads where the plan is for their parts.
 * @throws E_GRAPH where an op has no inference form: fold norms first (quant/fold.ts)
 */
export function compileForward(engine: Engine, plan: Plan, params: PlacedParams, base: number): Program {
  const { graph, batch } = plan;
  const threads = engine.threads?.parts === plan.parts ? engine.threads : undefined;
  const place = (name: string): Place => placeOf(plan, name, base);
  const stepOf = (node: GraphNode, i: number, kernels: Kernels, part: Chunk, k: number): Step => {
    if (node.op === "norm")
      throw new FourwayError("E_GRAPH", `norm "${node.name}": expected a folded graph for inference, got a norm; call foldNorms`);
    const site: SiteI8<OpName> = {
      node,
      kernels,
      batch,
      inputs: node.inputs.map(place),
      outputs: node.outputs.map(place),
      params: paramOffsets(node, params),
      scratch: base + plan.scratch[i]![k]!,
      saved: 0,
      zeros: params.zeros,
      part,
      ...int8Site(graph, node, params),
    };
    return precisionOfNode(graph, node).step(site);
  };
  const steps = graph.nodes.map((node, i) => ({ node, step: stepOf(node, i, engine.kernels, WHOLE, 0) }));
  const program = { plan, inputs: graph.inputs.map(({ name }) => place(name)), outputs: graph.outputs.map(place), steps };
  if (!threads)
    return {
      ...program,
      run() {
        for (let i = 0; i < steps.length; i++) steps[i]!.step();
      },
    };
  const chunksOf = (kernels: Kernels): Step[] =>
    graph.nodes.flatMap((node, i) => plan.parts.map((part, k) => stepOf(node, i, kernels, part, k)));
  const chunks = chunksOf(engine.kernels);
  const script = threads.record(chunksOf, params.script);
  return { ...program, run: () => threads.run(script, chunks) };
}
