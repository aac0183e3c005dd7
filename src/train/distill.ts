import { type Example, ROW } from "../data/example.js";
import type { Graph } from "../graph/graph.js";
import { placeParams } from "../graph/params.js";
import { planForward } from "../graph/plan.js";
import { compileForward, type Program } from "../graph/run.js";
import type { Place } from "../ops/op.js";
import type { Engine } from "../wasm/load.js";
import { boxOf, type Level, scoreOf, type Target } from "./targets.js";

/** A teacher's score below this teaches nothing where nobody labelled, and counts as none where somebody did. */
const FAINT = 0.05;
/** From this score on the teacher's box is learned where nobody labelled. */
const SURE = 0.3;

/** A trained network to learn from. */
export interface Distillation {
  /** f32, norms folded, with the same tasks. */
  graph: Graph;
  /** Share of the teacher's scores in what is learned, 0..1. */
  share: number;
}

/** What the teacher answers on a batch: its maps, in the order of `buildNetwork`. */
export interface Taught {
  outputs: readonly Place[];
  share: number;
}

/** A network that has learned and now only answers, beside the one that learns, in the same memory. */
export class Teacher {
  private readonly programs: Program[];

  constructor(
    private readonly engine: Engine,
    private readonly distillation: Distillation,
    batch: number,
    sizes: readonly { width: number; height: number }[],
  ) {
    const { graph } = distillation;
    const params = placeParams(engine, graph);
    const plans = sizes.map(({ width, height }) => planForward(graph, { batch, width, height }));
    const base = engine.memory.reserve(Math.max(...plans.map(({ bytes }) => bytes)));
    this.programs = plans.map((plan) => compileForward(engine, plan, params, base));
  }

  /** Answers on the pictures at `input`, f32 [batch, height, width, 3]. */
  answer({ offset, width, height }: Place): Taught {
    const program = this.programs.find(({ input }) => input.width === width && input.height === height)!;
    this.engine.memory.u8.copyWithin(program.input.offset, offset, offset + 12 * program.plan.batch * width * height);
    program.run();
    return { outputs: program.outputs, share: this.distillation.share };
  }
}

/**
 * Mixes a teacher's scores into what a task's maps should answer. On and within labelled objects: (1 - share) quality + share score;
 * elsewhere in a labelled picture people's "nothing here" stands. Where nobody knows ("?" and ignored regions) the teacher's score
 * is learned, and its box where it is sure, both with weight `share`.
 * @param target of `assign`, changed
 * @param levels the teacher's maps
 */
export function soften(target: Target, levels: readonly Level[], example: Example, task: number, share: number): void {
  const { quality, weight, cells, boxes } = target;
  let cell = 0;
  for (const level of levels)
    for (let row = 0; row < level.height; row++)
      for (let column = 0; column < level.width; column++, cell++) {
        const score = scoreOf(level, row, column);
        const learned = score < FAINT ? 0 : score;
        if (weight[cell]! > 0) {
          const [x, y] = [(column + 0.5) * level.stride, (row + 0.5) * level.stride];
          if (quality[cell]! > 0 || isWithin(example.boxes, task, x, y)) quality[cell] = (1 - share) * quality[cell]! + share * learned;
        } else if (learned > 0) {
          quality[cell] = learned;
          weight[cell] = share;
          if (learned >= SURE) {
            cells.push(cell);
            boxes.push(...boxOf(level, row, column));
          }
        }
      }
}

function isWithin(boxes: readonly number[], task: number, x: number, y: number): boolean {
  for (let i = 0; i < boxes.length; i += ROW)
    if (boxes[i] === task && x >= boxes[i + 1]! && y >= boxes[i + 2]! && x <= boxes[i + 3]! && y <= boxes[i + 4]!) return true;
  return false;
}
