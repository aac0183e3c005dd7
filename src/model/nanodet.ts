import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import { type Graph, type GraphNode, type Param, paramOf } from "../graph/graph.js";
import { mapName, TRUNK_PREFIX } from "./build.js";
import { headLayout } from "./head.js";
import { defaultInfo, type Model } from "./model.js";
import { pruned } from "./surgery.js";
import { recentred } from "./trunk.js";

// NanoDet-Plus (https://github.com/RangiLyu/nanodet) trained on COCO, as a network to go on with. A file has, for each stride s,
//   class{s}  four logits a cell: pedestrian, car, stopSign, trafficLight
//   box{s}    32 values a cell: left, top, right, bottom, 8 bins each
// both 1x1 convolutions of one value, and takes RGB in 0..1.

/** What the rows of a class map stand for. */
const ROWS: readonly Task[] = ["pedestrian", "car", "stopSign", "trafficLight"];
/** The strides that a file may have; it may end before the last. */
const STRIDES = [8, 16, 32, 64];
/** Before the names of what is not trunk. */
const OWN = /^(path\.|class|box|tower)/;

/** Whether a graph has the outputs of such a detector. */
export function isNanodet({ outputs }: Graph): boolean {
  return stridesOf(outputs).length >= 3;
}

/** The strides that have both maps, from the finest on, as far as there is none missing between. */
function stridesOf(outputs: readonly string[]): readonly number[] {
  const missing = STRIDES.findIndex((stride) => !outputs.includes(`class${stride}`) || !outputs.includes(`box${stride}`));
  return missing < 0 ? STRIDES : STRIDES.slice(0, missing);
}

/**
 * The detector as a model: a map a task and stride, whose first channel is the task's row and whose others are the box rows, which all tasks
 * share at first. It finds what the source finds.
 * @param graph in f32, with outputs class{8,16,32} and box{8,16,32}, and of stride 64 where the source has them
 * @throws E_MODEL for another graph
 */
export function nanodetModel(graph: Graph): Model {
  const layout = headLayout([
    ["logit", 1],
    ["bins", 32],
  ]);
  const source = recentred(graph);
  const strides = stridesOf(graph.outputs);
  const kept = pruned(
    source,
    strides.map((stride) => rowsOf(source, `class${stride}`).input),
  );
  const rename = (name: string): string =>
    OWN.test(name) || graph.inputs.some((input) => input.name === name) ? name : TRUNK_PREFIX + name;
  const params = new Map([...kept.params].map(([name, param]) => [rename(name), param]));
  const heads = strides.flatMap((stride) =>
    ROWS.map((task, row): GraphNode => {
      const [scores, sides] = [rowsOf(source, `class${stride}`), rowsOf(source, `box${stride}`)];
      if (scores.weight.dims[0] !== ROWS.length || sides.weight.dims[0] !== layout.channels - 1 || scores.input !== sides.input)
        throw new FourwayError(
          "E_MODEL",
          `model: expected class${stride} of ${ROWS.length} and box${stride} of ${layout.channels - 1} channels of one value, got ${scores.weight.dims[0]} and ${sides.weight.dims[0]}; export it with these rows`,
        );
      const name = mapName(task, stride);
      const [weight, bias] = [`head.${name}.weight`, `head.${name}.bias`];
      const each = scores.weight.data.length / ROWS.length;
      const joined = (a: Param, b: Param, length: number): Float32Array =>
        Float32Array.of(...a.data.subarray(row * length, (row + 1) * length), ...b.data);
      params.set(weight, { dims: [layout.channels, each, 1, 1], data: joined(scores.weight, sides.weight, each) });
      params.set(bias, { dims: [layout.channels], data: joined(scores.bias, sides.bias, 1) });
      const attributes = { activation: { kind: "none" } } as const;
      return { op: "conv1x1", name, inputs: [rename(scores.input)], outputs: [name], attributes, params: { weight, bias } };
    }),
  );
  const nodes = kept.nodes.map(
    (node) =>
      ({
        ...node,
        name: rename(node.name),
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
        params: Object.fromEntries(Object.entries(node.params).map(([role, name]) => [role, rename(name)])),
      }) as GraphNode,
  );
  return {
    graph: { inputs: graph.inputs, outputs: heads.map(({ outputs: [name] }) => name!), nodes: [...nodes, ...heads], params },
    info: defaultInfo(ROWS, { strides, layout }),
  };
}

/** The 1x1 convolution that makes an output. */
function rowsOf(graph: Graph, output: string): { input: string; weight: Param; bias: Param } {
  const node = graph.nodes.find(({ outputs }) => outputs[0] === output);
  if (node?.op !== "conv1x1" || node.params.bias === undefined)
    throw new FourwayError("E_MODEL", `model: expected a 1x1 convolution with bias to make "${output}", got ${node?.op ?? "nothing"}`);
  return { input: node.inputs[0]!, weight: paramOf(graph, node, "weight"), bias: paramOf(graph, node, "bias") };
}
