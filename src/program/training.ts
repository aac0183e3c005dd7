import { FourwayError } from "../core/errors.js";
import type { Graph, GraphNode, OpName, Role } from "../graph/graph.js";
import { slopeOf } from "../ops/activation.js";
import { type BackwardSite, type Place, type SiteI8, type Step, WHOLE } from "../ops/op.js";
import { opOf } from "../ops/table.js";
import type { Engine } from "../wasm/load.js";
import { gradientOffsets, int8Site, type PlacedParams, paramOffsets, type Trains, trainable } from "./params.js";
import { type BufferRequest, checkSize, elements, lastReads, type Plan, placeBuffers, type Size, scratchOf, shapesOf } from "./plan.js";
import { precisionOf, precisionOfNode } from "./precision.js";

/** A planned training step: the forward pass at moments 0..n-1, the loss at n, node i's backward step at 2 n - i. */
interface TrainingPlan extends Plan {
  /** The values that depend on a trained parameter: the backward pass goes back as far as these. */
  learning: ReadonlySet<string>;
  /** Offsets of the gradients of these values and of the outputs; a value that several nodes read has one, to which the later ones are added. */
  gradients: Map<string, number>;
  /** Offset of the gradient that node i writes for input k before it is added to the value's where paths meet, or dropped where nothing learns. */
  meetings: Map<string, number>;
  saved: number[];
  backwardScratch: number[];
}

const meeting = (node: number, input: number): string => `${node}:${input}`;

/** Whether a node has a parameter of such a role that is trained. */
function trainsAny({ op, params }: GraphNode, trains: Trains, roles: readonly Role[] = opOf(op).trained): boolean {
  return roles.some((role) => params[role] !== undefined && trains({ name: params[role], role }));
}

function learningValues(graph: Graph, trains: Trains): Set<string> {
  const learning = new Set<string>();
  for (const node of graph.nodes)
    if (trainsAny(node, trains) || node.inputs.some((name) => learning.has(name))) for (const name of node.outputs) learning.add(name);
  return learning;
}

/** The slope of an activation fused into a convolution, whose gradient is taken before the convolution's; 1 where there is none. */
function fusedSlope(node: GraphNode): number {
  return opOf(node.op).weight && "activation" in node.attributes ? slopeOf(node.attributes.activation) : 1;
}

/**
 * Plans forward and backward together: a value lives until its last reader, which may be in the backward pass; a gradient from its first
 * contribution to its producer's step. What no trained parameter leads to has no gradient and no backward step.
 * @param options.trains which f32 parameters are trained, as for `placeParams`; without it all
 * @throws E_GRAPH, E_SHAPE as `shapesOf` and `checkSize`; E_GRAPH for a value that learns and that nothing reads
 */
export function planTraining(graph: Graph, size: Size, options: { trains?: Trains } = {}): TrainingPlan {
  checkSize(size);
  const shapes = shapesOf(graph, size.height, size.width);
  const n = graph.nodes.length;
  const back = (i: number): number => 2 * n - i;
  const trains = trainable(graph, options.trains);
  const learning = learningValues(graph, trains);
  const learns = (name: string): boolean => learning.has(name);
  const last = lastReads(graph);
  const producer = new Map<string, number>();
  const readers = new Map<string, number>();
  graph.nodes.forEach((node, i) => {
    const { keeps, weight } = opOf(node.op);
    for (const name of node.outputs) producer.set(name, i);
    for (const name of node.inputs) readers.set(name, (readers.get(name) ?? 0) + 1);
    if (!node.outputs.some(learns)) return;
    const inputs = keeps.inputs && (!weight || trainsAny(node, trains, ["weight"]));
    const outputs = keeps.outputs || fusedSlope(node) !== 1;
    const keep = [...(inputs ? node.inputs : []), ...(outputs ? node.outputs : [])];
    for (const name of keep) last.set(name, Math.max(last.get(name) ?? 0, back(i)));
  });

  const requests: BufferRequest[] = [];
  const add = (bytes: number, first: number, lastMoment: number): number => requests.push({ bytes, first, last: lastMoment }) - 1;
  const bytesOf = (name: string): number => precisionOf(graph, name).bytes * elements(shapes.get(name)!, size.batch);
  const values = new Map<string, number>();
  const gradients = new Map<string, number>();
  const meetings = new Map<string, number>();
  for (const { name } of graph.inputs) values.set(name, add(bytesOf(name), 0, last.get(name) ?? 0));
  const scratch: number[] = [];
  const saved: number[] = [];
  graph.nodes.forEach((node, i) => {
    for (const name of node.outputs) values.set(name, add(bytesOf(name), i, last.get(name) ?? i));
    scratch.push(add(scratchOf(graph, node, shapes), i, i));
    saved.push(add(opOf(node.op).saved(node.outputs.map((name) => shapes.get(name)!)), i, node.outputs.some(learns) ? back(i) : i));
  });
  for (const name of graph.outputs) gradients.set(name, add(bytesOf(name), n, learns(name) ? back(producer.get(name)!) : n));
  const backwardScratch: number[] = new Array(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some(learns)) continue;
    const unread = node.outputs.find((name) => !gradients.has(name));
    if (unread !== undefined)
      throw new FourwayError(
        "E_GRAPH",
        `${node.op} "${node.name}": expected "${unread}" to be read, got no reader; leave out what nothing reads`,
      );
    const [inputs, outputs] = [node.inputs, node.outputs].map((names) => names.map((name) => shapes.get(name)!));
    backwardScratch[i] = add(opOf(node.op).scratch(node, inputs!, outputs!).backward, back(i), back(i));
    node.inputs.forEach((name, k) => {
      if (!learns(name)) {
        // convolutions leave it out, the others write all gradients or none
        if (!opOf(node.op).weight) meetings.set(meeting(i, k), add(bytesOf(name), back(i), back(i)));
        return;
      }
      const end = back(producer.get(name)!);
      if (gradients.has(name)) meetings.set(meeting(i, k), add(bytesOf(name), back(i), back(i)));
      else if (opOf(node.op).inPlaceBackward && readers.get(name) === 1 && gradients.has(node.outputs[0]!)) {
        const shared = gradients.get(node.outputs[0]!)!;
        requests[shared]!.last = Math.max(requests[shared]!.last, end);
        gradients.set(name, shared);
      } else gradients.set(name, add(bytesOf(name), back(i), end));
    });
  }

  const { offsets, bytes } = placeBuffers(requests);
  const settle = (map: Map<string, number>): Map<string, number> => new Map([...map].map(([key, at]) => [key, offsets[at]!]));
  const settleAll = (list: number[]): number[] => list.map((at) => offsets[at]!);
  return {
    ...size,
    graph,
    parts: [WHOLE],
    shapes,
    bytes,
    learning,
    values: settle(values),
    gradients: settle(gradients),
    meetings: settle(meetings),
    scratch: settleAll(scratch).map((at) => [at]),
    saved: settleAll(saved),
    backwardScratch: settleAll(backwardScratch),
  };
}

/** A training step ready to run; the caller fills `inputs`, runs `forward`, writes `dOutputs`, runs `backward`. */
export interface TrainingProgram {
  plan: TrainingPlan;
  inputs: Place[];
  outputs: Place[];
  /** Byte offsets of the outputs' gradients, all of whose values the caller writes. */
  dOutputs: number[];
  forwardSteps: { node: GraphNode; input: Place; step: Step }[];
  forward(): void;
  /** Adds to the parameters' gradients, which the caller clears. */
  backward(): void;
}

/**
 * Turns a training plan into steps.
 * @param gradientShift bytes from a parameter to its gradient: the block of gradients mirrors the trained parameters'
 * @param base where the arena begins
 */
export function compileTraining(
  { kernels }: Engine,
  plan: TrainingPlan,
  params: PlacedParams,
  gradientShift: number,
  base: number,
): TrainingProgram {
  const { graph, batch } = plan;
  const place = (name: string): Place => ({ ...plan.shapes.get(name)!, offset: base + plan.values.get(name)! });
  const gradient = (name: string): number => base + plan.gradients.get(name)!;
  const sites = graph.nodes.map(
    (node, i): SiteI8<OpName> => ({
      node,
      kernels,
      batch,
      inputs: node.inputs.map(place),
      outputs: node.outputs.map(place),
      params: paramOffsets(node, params),
      scratch: base + plan.scratch[i]![0]!,
      saved: base + plan.saved[i]!,
      zeros: params.zeros,
      part: WHOLE,
      ...int8Site(graph, node, params),
    }),
  );
  const forwardSteps = sites.map((site) => ({
    node: site.node,
    input: site.inputs[0]!,
    step: precisionOfNode(graph, site.node).step(site),
  }));
  const backward: Step[] = [];
  for (let i = sites.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some((name) => plan.learning.has(name))) continue;
    const dInputs = node.inputs.map((name, k) => {
      const apart = plan.meetings.get(meeting(i, k));
      if (apart !== undefined) return base + apart;
      return plan.learning.has(name) ? gradient(name) : undefined;
    });
    const dOutputs = node.outputs.map(gradient);
    const slope = fusedSlope(node);
    if (slope !== 1) {
      const [y, dy] = [sites[i]!.outputs[0]!, dOutputs[0]!];
      const count = elements(y, batch);
      backward.push(() => kernels.reluBackward(dy, dy, y.offset, count, slope));
    }
    const site: BackwardSite<OpName> = {
      ...sites[i]!,
      scratch: base + plan.backwardScratch[i]!,
      dInputs,
      dOutputs,
      dParams: gradientOffsets(node, params, gradientShift),
    };
    backward.push(opOf(node.op).backward(site));
    node.inputs.forEach((name, k) => {
      const apart = plan.meetings.get(meeting(i, k));
      if (apart === undefined || !plan.learning.has(name)) return;
      const to = gradient(name);
      const from = base + apart;
      const count = elements(plan.shapes.get(name)!, batch);
      backward.push(() => kernels.add(to, to, from, count));
    });
  }
  return {
    plan,
    inputs: graph.inputs.map(({ name }) => place(name)),
    outputs: graph.outputs.map(place),
    dOutputs: graph.outputs.map(gradient),
    forwardSteps,
    forward() {
      for (let i = 0; i < forwardSteps.length; i++) forwardSteps[i]!.step();
    },
    backward() {
      for (let i = 0; i < backward.length; i++) backward[i]!();
    },
  };
}
