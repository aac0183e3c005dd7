import type { Task } from "../core/task.js";
import { distance, sigmoid } from "../detect/decode.js";
import { INPUT_ZERO } from "../graph/graph.js";
import type { HeadMaps } from "../model/head.js";
import type { Model } from "../model/model.js";
import { drawScene } from "../scenes/scene.js";
import type { Taught } from "../train/loss.js";
import type { Target } from "../train/targets.js";
import type { Engine } from "../wasm/load.js";
import { type Cut, cutBefore } from "./cut.js";
import type { Lesson } from "./fitting.js";
import { featuresOf, keyOf, runOver, type Seen, type Size } from "./passes.js";
import type { Picture } from "./sample.js";

// What is rehearsed so that it is not forgotten: drawn street scenes, on which the network is to answer what the model as it was shipped answers.
// Nothing is stored or shipped for it but a seed. Scenes with their own labels would teach drawn people.
//   source  learning without forgetting, arXiv 1606.09282

/** Cells that the teacher gives less are background. */
const LEAST_QUALITY = 0.05;
/** From this score on a cell's box is to stay, too. */
const LEAST_BOX = 0.1;
/** Scenes that are looked at at once, an even number: their pixels are in memory together. */
const AT_ONCE = 8;

/** A drawn scene as the network takes it: [height, width, 3] signed bytes. */
export function scenePixels(seed: number, index: number, { width, height }: Size): Int8Array {
  const { data } = drawScene(seed, index, { width, height }).frame;
  const pixels = new Int8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) pixels[3 * i + c] = data[4 * i + c]! - INPUT_ZERO;
  return pixels;
}

/** A picture's pixels with left and right swapped. */
function mirrored(pixels: Int8Array, { width, height }: Size): Int8Array {
  const swapped = new Int8Array(pixels.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = 3 * (y * width + width - 1 - x);
      swapped.set(pixels.subarray(from, from + 3), 3 * (y * width + x));
    }
  return swapped;
}

/**
 * What a model answers on pictures, as what another network should: the score of every cell, and the boxes of cells that see something; of heads without
 * boxes the presence.
 * @param teacher the int8 part of the model behind the pictures' features
 * @param tasks of the network that learns; those that the teacher does not have are not known
 */
export function answersAsTargets(
  engine: Engine,
  teacher: Pick<Cut, "behind" | "tasks">,
  { strides, layout }: HeadMaps,
  tasks: readonly Task[],
  seen: readonly Seen[],
): Taught[] {
  const known = teacher.tasks;
  const none = tasks.map(() => 0);
  const knows = tasks.map((task) => (known.includes(task) ? 1 : 0));
  return runOver(engine, teacher.behind, seen, ({ outputs }) => {
    const { f32 } = engine.memory;
    if (layout.box < 0) {
      const presence = tasks.map((task, t) => (knows[t] ? sigmoid(f32[outputs[known.indexOf(task)]!.offset >> 2]!) : 0));
      return { boxes: [], ignored: [], mapWeight: none, presence, presenceWeight: knows };
    }
    const targets = tasks.map((task): Target => {
      const t = known.indexOf(task);
      const maps = t < 0 ? [] : strides.map((stride, level) => ({ stride, ...outputs[level * known.length + t]! }));
      const cells = outputs.reduce((sum, { width, height }) => sum + width * height, 0) / known.length;
      const target: Target = { quality: new Float32Array(cells), skip: new Uint8Array(cells), cells: [], boxes: [], rows: [] };
      let cell = 0;
      for (const { offset, width, height, stride } of maps)
        for (let i = 0; i < width * height; i++, cell++) {
          const at = (offset >> 2) + i * layout.cell;
          const score = sigmoid(f32[at]!);
          if (score < LEAST_QUALITY) continue;
          target.quality[cell] = score;
          if (score < LEAST_BOX) continue;
          const [x, y] = [((i % width) + layout.point) * stride, (Math.floor(i / width) + layout.point) * stride];
          const side = (k: number): number => distance(f32, at, layout, k) * stride;
          target.cells.push(cell);
          target.boxes.push(x - side(0), y - side(1), x + side(2), y + side(3));
        }
      return target;
    });
    return { boxes: [], ignored: [], mapWeight: knows, presence: none, presenceWeight: none, targets };
  });
}

/** Lessons that keep what is known: scenes drawn for a size of input, with the answers of a model as it was shipped. Kept from fit to fit. */
export class Rehearsal {
  private key = "";
  private lessons: Lesson[] = [];

  /** @param seed of the series of scenes */
  constructor(
    private readonly teacher: Model,
    private readonly seed: number,
  ) {}

  /**
   * `count` scenes as far as a cut, every second one the mirror image of the one before, which is as good as another and costs no drawing; tasks that
   * the teacher does not have are not known there.
   * @param frozen names what is before the cut: while it is the same, so are the lessons
   */
  async at(engine: Engine, cut: Cut, frozen: string, size: Size, count: number, signal?: AbortSignal): Promise<readonly Lesson[]> {
    const tasks = cut.tasks.filter((task) => this.teacher.info.tasks.includes(task));
    if (tasks.length === 0) return [];
    const key = [frozen, cut.part, cut.tasks.join(), keyOf(size), count].join();
    if (key === this.key) return this.lessons;
    this.clear();
    const whole = cutBefore(this.teacher, "all", tasks);
    const lessons: Lesson[] = [];
    for (let from = 0; from < count; from += AT_ONCE) {
      const pictures: Picture[] = [];
      for (let i = from; i < Math.min(count, from + AT_ONCE); i++) {
        await new Promise((resolve) => setTimeout(resolve, 0)); // frames and timers go on
        signal?.throwIfAborted();
        const pixels = i % 2 === 0 ? scenePixels(this.seed, i / 2, size) : mirrored(pictures.at(-1)!.pixels, size);
        pictures.push({ ...size, pixels });
      }
      const seen = pictures.map(({ pixels }) => ({ ...size, features: [pixels] }));
      const truths = answersAsTargets(engine, whole, this.teacher.info, cut.tasks, seen);
      featuresOf(engine, cut, pictures).forEach((features, i) => {
        lessons.push({ ...size, features, truth: truths[i]! });
      });
    }
    [this.key, this.lessons] = [key, lessons];
    return lessons;
  }

  /** Gives the memory back. */
  clear(): void {
    [this.key, this.lessons] = ["", []];
  }
}
