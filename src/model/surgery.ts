import { FourwayError } from "../core/errors.js";
import { Random } from "../core/random.js";
import type { Task } from "../core/task.js";
import { type Graph, type GraphNode, imageOf, type Param, paramOf } from "../graph/graph.js";
import { Builder } from "./blocks.js";
import { addHead, addMap, INNER_CHANNELS, mapName } from "./build.js";
import type { HeadLayout } from "./head.js";
import { defaultInfo, type Model } from "./model.js";

/** A graph without the nodes and params that these values do not need; its outputs stay as they are. */
export function pruned(graph: Graph, values: Iterable<string>): Graph {
  const read = new Set(values);
  const nodes = [...graph.nodes]
    .reverse()
    .filter(({ inputs, outputs }) => {
      const wanted = outputs.some((value) => read.has(value));
      if (wanted) for (const value of inputs) read.add(value);
      return wanted;
    })
    .reverse();
  const used = new Set(nodes.flatMap(({ params }) => Object.values(params)));
  return { ...graph, nodes, params: new Map([...graph.params].filter(([name]) => used.has(name))) };
}

const unfit = ({ scales }: Graph): FourwayError =>
  new FourwayError(
    "E_MODEL",
    `heads: expected an f32 model that fourway trained, got ${scales ? "int8" : "another network"}; give the file that training wrote`,
  );

/**
 * The model with heads for exactly these tasks, in this order. Heads that it has stay the same bit for bit, with their thresholds and
 * calibrations; the others are dropped; new ones, as wide within as those (32 where those are single rows), begin with random weights and
 * norms in place.
 * @throws E_MODEL for int8, and for a network that `buildNetwork` did not make; E_ARGUMENT for no task
 */
export function withTasks({ graph, info }: Model, tasks: readonly Task[], seed = 1): Model {
  if (tasks.length === 0) throw new FourwayError("E_ARGUMENT", "heads: expected at least one task, got none; name one");
  const known = info.tasks[0]!;
  const input = (name: string): string | undefined => graph.nodes.find((node) => node.name === name)?.inputs[0];
  const levels = info.strides.map((stride) => input(`${mapName(known, stride)}.block.depthwise`) ?? input(mapName(known, stride)));
  const width = graph.params.get(`head.${known}.pointwise.weight`)?.dims[0] ?? INNER_CHANNELS;
  if (graph.scales || !levels.every((value) => value !== undefined)) throw unfit(graph);
  const isKnown = (task: Task): boolean => info.tasks.includes(task);
  const kept = tasks.filter(isKnown).flatMap((task) => info.strides.map((stride) => mapName(task, stride)));
  const b = new Builder(new Random(seed, 3), imageOf(graph));
  b.graft(pruned(graph, [...kept, ...levels]), "");
  const outputs = info.strides.flatMap((stride, level) =>
    tasks.map((task) => (isKnown(task) ? mapName(task, stride) : addHead(b, task, stride, levels[level]!, width, info.layout))),
  );
  const fresh = defaultInfo(tasks, info);
  const pick = <T>(own: Record<Task, T>, other: Record<Task, T>): Record<Task, T> =>
    Object.fromEntries(tasks.map((task) => [task, isKnown(task) ? own[task]! : other[task]!]));
  return {
    graph: b.graph(outputs),
    info: {
      ...info,
      tasks: [...tasks],
      thresholds: {
        precise: pick(info.thresholds.precise, fresh.thresholds.precise),
        balanced: pick(info.thresholds.balanced, fresh.thresholds.balanced),
        sensitive: pick(info.thresholds.sensitive, fresh.thresholds.sensitive),
      },
      scores: pick(info.scores, fresh.scores),
      presence: pick(info.presence, fresh.presence),
    },
  };
}

/**
 * The model with one map a task more, at twice its coarsest stride, for what is too near for the others. The path's step down to it begins as a copy of
 * the step before, and heads are shared over the strides. Its other maps stay the same bit for bit.
 * @throws E_MODEL for int8, for a network that `buildNetwork` did not make, and where the path takes no step down
 */
export function withCoarserMap({ graph, info }: Model): Model {
  const last = info.strides.at(-1)!;
  const coarser = (name: string): string =>
    name.startsWith("path.") ? name.replace(`path.up${last}`, `path.up${2 * last}`) : name.replace(`.${last}`, `.${2 * last}`);
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const step = [`path.up${last}.depthwise`, `path.up${last}`];
  const heads = info.tasks.map((task) => [".block.depthwise", ".block", ""].map((part) => mapName(task, last) + part));
  if (graph.scales || ![...step, ...heads.flat()].every((name) => nodes.has(name))) throw unfit(graph);
  const params = new Map<string, Param>(graph.params);
  const added: GraphNode[] = [];
  const add = (names: readonly string[], from: string): string =>
    names.reduce((input, name) => {
      const node = nodes.get(name)!;
      for (const param of Object.values(node.params)) {
        const { dims, data } = graph.params.get(param)!;
        if (coarser(param) !== param) params.set(coarser(param), { dims, data: data.slice() });
      }
      const own = Object.fromEntries(Object.entries(node.params).map(([role, param]) => [role, coarser(param)]));
      added.push({ ...node, name: coarser(name), inputs: [input], outputs: [coarser(name)], params: own } as GraphNode);
      return coarser(name);
    }, from);
  const level = add(step, nodes.get(heads[0]![0]!)!.inputs[0]!);
  const outputs = heads.map((names) => add(names, level));
  const strides = [...info.strides, 2 * last];
  return {
    graph: { ...graph, outputs: [...graph.outputs, ...outputs], nodes: [...graph.nodes, ...added], params },
    info: { ...info, strides },
  };
}

/** How sharp a distribution is that stands for one distance; at 4 its mean is within a tenth of the distance and half a stride, up to six strides. */
const SHARPNESS = 4;
/** Half way between two bins may lie before the middle of a cell, where a distance has no logarithm; it is taken for so many strides. */
const LEAST_DISTANCE = 0.2;

/**
 * The rows of a side's distribution from its row of a logarithm. Each step from a bin to the next is a logistic curve around the distance half way
 * between them, so that the mean bin is about the distance.
 * @param row of the weights, or of the bias
 * @param shift what is added to a distance where bins count from another point, in strides
 */
function asBins(row: Float32Array, bins: number, shift: number, isBias: boolean): Float32Array {
  let offset = 0;
  const rows = Array.from({ length: bins }, (_, bin) => {
    if (bin > 0 && isBias) offset -= SHARPNESS * Math.log(Math.max(LEAST_DISTANCE, bin - 0.5 - shift));
    return Array.from(row, (v) => SHARPNESS * bin * v + offset);
  });
  return Float32Array.from(rows.flat());
}

/**
 * The model with another layout of its heads' maps. The logit's row stays the same bit for bit; distances become distributions around them; all else
 * begins anew. Thresholds and calibrations are those of an untrained model.
 * @throws E_MODEL for int8, and for a network whose heads do not end in rows of their own
 */
export function withLayout({ graph, info }: Model, layout: HeadLayout, seed = 1): Model {
  const maps = info.strides.flatMap((stride) => info.tasks.map((task) => ({ task, stride, name: mapName(task, stride) })));
  const ends = new Map(graph.nodes.filter(({ op }) => op === "conv1x1").map((node) => [node.name, node]));
  if (graph.scales || !maps.every(({ name }) => ends.has(name))) throw unfit(graph);
  const b = new Builder(new Random(seed, 4), imageOf(graph));
  b.graft(
    pruned(
      graph,
      maps.map(({ name }) => ends.get(name)!.inputs[0]!),
    ),
    "",
  );
  for (const { task, stride, name } of maps) addMap(b, task, stride, ends.get(name)!.inputs[0]!, layout);
  const { box, bins, channels, point } = info.layout;
  for (const { task, name } of maps)
    for (const role of ["weight", "bias"] as const) {
      const data = paramOf(graph, ends.get(name)!, role).data as Float32Array;
      const fresh = b.params.get(`head.${task}.out.${role}`)!.data;
      const width = data.length / channels;
      fresh.set(data.subarray(0, width));
      if (box < 0 || bins > 0 || layout.bins === 0) continue;
      for (const [side, sign] of [1, 1, -1, -1].entries()) {
        const row = data.subarray((box + side) * width, (box + side + 1) * width);
        fresh.set(asBins(row, layout.bins, sign * (layout.point - point), role === "bias"), (layout.box + side * layout.bins) * width);
      }
    }
  const outputs = maps.map(({ name }) => name);
  return {
    graph: b.graph(outputs),
    info: { ...defaultInfo(info.tasks, { strides: info.strides, layout }), pixels: info.pixels, notes: info.notes },
  };
}
