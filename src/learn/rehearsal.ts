import type { Box } from "../core/box.js";
import type { Task } from "../core/task.js";
import type { Truth } from "../data/example.js";
import { INPUT_ZERO } from "../graph/graph.js";
import type { Model } from "../model/model.js";
import { drawScene } from "../scenes/scene.js";
import type { Engine } from "../wasm/load.js";
import type { Cut } from "./cut.js";
import type { Lesson } from "./fitting.js";
import { answersOf, uncalibrated } from "./look.js";
import { featuresOf, type Size } from "./passes.js";
import { truthOf } from "./sample.js";

// What is rehearsed so that it is not forgotten: drawn street scenes, labelled by the model as it was shipped. Nothing is stored or shipped for
// it but a seed. Scenes with their own labels would teach drawn people; labelled by the model they keep what it knows.

/** Raw scores from which a box that the shipped model finds is a label, and an ignored region. */
const SURE = 0.3;
const DOUBT = 0.08;
/** Scenes that are drawn at once: their pixels are in memory together. */
const AT_ONCE = 8;

/** A drawn scene as the network takes it: [height, width, 3] signed bytes. */
function scenePixels(seed: number, index: number, { width, height }: Size): Int8Array {
  const { data } = drawScene(seed, index, { width, height }).frame;
  const pixels = new Int8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) pixels[3 * i + c] = data[4 * i + c]! - INPUT_ZERO;
  return pixels;
}

/**
 * Lessons that keep what is known: scenes drawn for a size of input, labelled by a model for the tasks that it has; other tasks of the cut are not
 * known there.
 * @param teacher the model as it was shipped
 * @param first number of the first scene of the seed's series
 */
export async function rehearse(
  engine: Engine,
  teacher: Model,
  cut: Cut,
  size: Size,
  { seed, first, count, signal }: { seed: number; first: number; count: number; signal?: AbortSignal },
): Promise<Lesson[]> {
  const raw = { ...teacher, info: uncalibrated(teacher.info) };
  const tasks = cut.tasks.filter((task) => teacher.info.tasks.includes(task));
  const lessons: Lesson[] = [];
  for (let from = 0; from < count; from += AT_ONCE) {
    const pictures = [];
    for (let i = from; i < Math.min(count, from + AT_ONCE); i++) {
      await new Promise((resolve) => setTimeout(resolve, 0)); // frames and timers go on
      signal?.throwIfAborted();
      pictures.push({ ...size, pixels: scenePixels(seed, first + i, size) });
    }
    const features = featuresOf(engine, cut, pictures);
    answersOf(engine, raw, pictures, DOUBT, tasks).forEach(({ objects }, i) => {
      const boxes = (task: Task, sure: boolean): Box[] =>
        objects.filter((object) => object.task === task && object.score >= SURE === sure).map(({ box }) => box);
      const of = (sure: boolean): Record<Task, Box[]> => Object.fromEntries(tasks.map((task) => [task, boxes(task, sure)]));
      const truth: Truth = truthOf({ labels: of(true), ignore: of(false), held: [] }, cut.tasks);
      lessons.push({ ...size, features: features[i]!, truth });
    });
  }
  return lessons;
}
