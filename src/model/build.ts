import { FourwayError } from "../core/errors.js";
import { Random } from "../core/random.js";
import type { Task } from "../core/task.js";
import type { Graph } from "../graph/graph.js";
import { Builder } from "./blocks.js";

/** Strides of the maps, fine to coarse. */
export const STRIDES = [8, 16, 32] as const;

/** Values a cell of a head: the logit, then the log distances to the left, top, right and bottom edge, in strides. */
export const HEAD_CHANNELS = 5;

/** Before the names of what the trunk brings. */
export const TRUNK_PREFIX = "trunk.";

/** Channels of the path between trunk and heads, where nothing else is asked for. */
export const PATH_CHANNELS = 64;
/** The same within a head. */
export const INNER_CHANNELS = 32;

/** Before training one cell in a hundred is taken for an object, and boxes reach e^1 strides to each side. */
const FIRST_LOGIT = -4.6;
const FIRST_DISTANCE = 1;

/** Name of a task's map at a stride among the graph's outputs. */
export function mapName(task: Task, stride: number): string {
  return `${task}.${stride}`;
}

/**
 * The network: a trunk, a path from coarse to fine and back, four heads that share their weights over the strides.
 * Outputs: `mapName(task, stride)` for every stride (outer) and task (inner), each [h / stride, w / stride, 5].
 * @param trunk a graph with outputs at strides 8, 16 and 32 and norms in place; its params keep their names behind "trunk."
 * @throws E_MODEL where the trunk has not three outputs
 */
export function buildNetwork(
  trunk: Graph,
  { tasks, path = PATH_CHANNELS, head = INNER_CHANNELS, seed = 1 }: { tasks: readonly Task[]; path?: number; head?: number; seed?: number },
): Graph {
  if (trunk.outputs.length !== 3)
    throw new FourwayError("E_MODEL", `trunk: expected outputs at strides 8, 16 and 32, got ${trunk.outputs.length} outputs`);
  const b = new Builder(new Random(seed, 2), "input");
  const renamed = b.graft(trunk, TRUNK_PREFIX);
  const [f8, f16, f32] = trunk.outputs.map((name) => renamed.get(name)!);
  const lateral = (stride: number, x: string): string => b.convNorm(`path.lateral${stride}`, x, path, {});
  const join = (name: string, a: string, c: string): string => b.plain("add", `path.${name}`, [a, c]);
  const double = (name: string, x: string): string => b.plain("upsample2", `path.${name}`, [x]);

  const top = b.separable("path.context", lateral(32, f32!), path, { kernel: 5 });
  const middle = b.separable("path.down16", join("join16", lateral(16, f16!), double("double32", top)), path, { kernel: 5 });
  const p8 = b.separable("path.down8", join("join8", lateral(8, f8!), double("double16", middle)), path, { kernel: 5 });
  const p16 = join("out16", middle, b.separable("path.up16", p8, path, { stride: 2 }));
  const p32 = join("out32", top, b.separable("path.up32", p16, path, { stride: 2 }));

  const outputs: string[] = [];
  [p8, p16, p32].forEach((x, level) => {
    for (const task of tasks) {
      const name = mapName(task, STRIDES[level]!);
      const shared = `head.${task}`;
      const inner = b.separable(`${name}.block`, x, head, { shared });
      outputs.push(
        b.output(name, inner, HEAD_CHANNELS, `${shared}.out`, 0.01, (channel) => (channel === 0 ? FIRST_LOGIT : FIRST_DISTANCE)),
      );
    }
  });
  return b.graph(outputs);
}
