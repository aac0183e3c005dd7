import { FourwayError } from "../core/errors.js";
import { Random } from "../core/random.js";
import type { Task } from "../core/task.js";
import type { Graph } from "../graph/graph.js";
import { Builder } from "./blocks.js";
import { BOX_MAPS, checkMaps, type HeadLayout, type HeadMaps, STRIDES, WHOLE } from "./head.js";

/** Before the names of what the trunk brings. */
export const TRUNK_PREFIX = "trunk.";

/** Channels of the path between trunk and heads, where nothing else is asked for. */
export const PATH_CHANNELS = 64;
/** The same within a head. */
export const INNER_CHANNELS = 32;

/** Before training one cell in a hundred is taken for an object, and boxes reach e^1 strides to each side, or as far as the mean of all bins. */
const FIRST_LOGIT = -4.6;
const FIRST_DISTANCE = 1;

/** Name of a task's map at a stride among the graph's outputs; that of the whole picture has the task's own. */
export function mapName(task: Task, stride: number): string {
  return stride === WHOLE ? task : `${task}.${stride}`;
}

/** What `buildNetwork` is asked for. */
interface BuildOptions extends Partial<HeadMaps> {
  tasks: readonly Task[];
  /** Channels of the path. */
  path?: number;
  /** Channels within a head. */
  head?: number;
  seed?: number;
}

/**
 * The network: a trunk, a path from coarse to fine and back, a head a task that shares its weights over the strides. Heads for the whole
 * picture stand at the path's coarsest value, and the path ends there.
 * Outputs: `mapName(task, stride)` for every stride (outer) and task (inner), each [h / stride, w / stride, channels of the layout], [1, 1, 1] where
 * the stride is `WHOLE`. Strides double from 8, 16 or 32 on; beyond 32 the path goes on where the trunk has ended.
 * @param trunk a graph with outputs at strides 8, 16 and 32 and norms in place; its params keep their names behind "trunk."
 * @throws E_MODEL where the trunk has not three outputs, or for strides that do not double
 */
export function buildNetwork(
  trunk: Graph,
  { tasks, strides = BOX_MAPS.strides, layout = BOX_MAPS.layout, path = PATH_CHANNELS, head = INNER_CHANNELS, seed = 1 }: BuildOptions,
): Graph {
  if (trunk.outputs.length !== 3)
    throw new FourwayError("E_MODEL", `trunk: expected outputs at strides 8, 16 and 32, got ${trunk.outputs.length} outputs`);
  checkMaps({ strides, layout });
  const b = new Builder(new Random(seed, 2), "input");
  const renamed = b.graft(trunk, TRUNK_PREFIX);
  const lateral = (stride: number): string =>
    b.convNorm(`path.lateral${stride}`, renamed.get(trunk.outputs[STRIDES.indexOf(stride)]!)!, path, {});
  const join = (name: string, a: string, c: string): string => b.plain("add", `path.${name}`, [a, c]);
  const double = (name: string, x: string): string => b.plain("upsample2", `path.${name}`, [x]);

  const own = layout.box < 0 ? [STRIDES.at(-1)!] : strides.filter((stride) => STRIDES.includes(stride));
  const coarsest = own[own.length - 1]!;
  const down = new Map([[coarsest, b.separable("path.context", lateral(coarsest), path, { kernel: 5 })]]);
  for (const stride of own.slice(0, -1).reverse()) {
    const joined = join(`join${stride}`, lateral(stride), double(`double${2 * stride}`, down.get(2 * stride)!));
    down.set(stride, b.separable(`path.down${stride}`, joined, path, { kernel: 5 }));
  }
  let x = down.get(own[0]!)!;
  const levels = strides.map((stride, level) => {
    if (level === 0) return x;
    const up = b.separable(`path.up${stride}`, x, path, { stride: 2 });
    x = down.has(stride) ? join(`out${stride}`, down.get(stride)!, up) : up;
    return x;
  });
  return b.graph(strides.flatMap((stride, level) => tasks.map((task) => addHead(b, task, stride, levels[level]!, head, layout))));
}

/** Adds a task's head on a value of the path; at every stride it has the same parameters. Returns its map. */
export function addHead(b: Builder, task: Task, stride: number, x: string, head: number, layout: HeadLayout): string {
  const shared = `head.${task}`;
  return addMap(b, task, stride, b.separable(`${mapName(task, stride)}.block`, x, head, { shared }), layout);
}

/** Adds the rows that end a task's head, after its block; for the whole picture on the mean over it. Returns its map. */
export function addMap(b: Builder, task: Task, stride: number, inner: string, { channels, box, bins }: HeadLayout): string {
  const name = mapName(task, stride);
  if (box < 0) return b.output(name, b.plain("globalmean", `${name}.mean`, [inner]), channels, `head.${task}.out`, 0.01, () => 0);
  const bias = (channel: number): number =>
    channel === 0 ? FIRST_LOGIT : bins === 0 && channel >= box && channel < box + 4 ? FIRST_DISTANCE : 0;
  return b.output(name, inner, channels, `head.${task}.out`, 0.01, bias);
}
