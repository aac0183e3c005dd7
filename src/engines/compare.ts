import { iou } from "../core/box.js";
import type { DetectedObject } from "../core/detection.js";
import { Detector } from "../detect/detector.js";
import type { Servable } from "../detect/serve.js";
import type { Model } from "../model/model.js";
import { drawScene } from "../scenes/scene.js";
import { OnnxruntimeDetector, type OnnxruntimeOptions } from "./onnxruntimeDetector.js";
import { interleave, ratioOf, type Spread, spreadOf } from "./timing.js";

/** A way to run a model. */
export interface Contestant {
  name: string;
  /** Of Fourway's kernels, or of onnxruntime on WebAssembly. Default 1. */
  threads?: number;
  /** Runs it by onnxruntime. */
  onnxruntime?: OnnxruntimeOptions;
}

/** How it did, beside the first of the contestants. */
interface Outcome {
  name: string;
  /** A frame of 1280 x 720, milliseconds. */
  ms: Spread;
  /** The same over the first one's. */
  ratio: Spread;
  /** Objects that the first one found in drawn scenes, how many of them this one found too, and how many others. */
  objects: { wanted: number; found: number; added: number };
}

/** What of the first one's objects was found. */
export function objectsInWords({ wanted, found, added }: Outcome["objects"]): string {
  return `${found} of ${wanted}${added > 0 ? ` and ${added} more` : ""}`;
}

/** Scenes in which objects are compared. */
const SCENES = [8, 3, 12];
const SIZE = { width: 1280, height: 720 };
const REPEATS = 2;
/** Boxes of one object overlap at least so much. */
const SAME = 0.5;

/**
 * Lets contestants look at the same frames, taking turns.
 * @returns how each did, or why it cannot run; the first one must
 * @throws as `Detector.load` where the first one cannot run
 */
export async function compareEngines(
  model: Model,
  contestants: readonly Contestant[],
  { pixels, rounds }: { pixels?: number; rounds: number },
): Promise<(Outcome | { name: string; fault: string })[]> {
  const open = new Map<string, Servable & { dispose(): void }>();
  const faults = new Map<string, string>();
  try {
    for (const { name, threads = 1, onnxruntime } of contestants)
      try {
        const options = { pixels, threads };
        const detector = await (onnxruntime ? OnnxruntimeDetector.open(model, options, onnxruntime) : Detector.load(model, options));
        open.set(name, detector);
        if (detector.threads < threads) throw new Error(detector.singleThreadReason);
      } catch (error) {
        if (open.size === 0) throw error;
        open.get(name)?.dispose();
        open.delete(name);
        faults.set(name, (error as Error).message);
      }
    const found = new Map<string, DetectedObject[][]>();
    for (const [name, detector] of open) {
      found.set(name, []);
      for (const scene of SCENES) found.get(name)!.push((await detector.detect(drawScene(1, scene, SIZE).frame, {})).objects);
    }
    const { frame } = drawScene(1, SCENES[0]!, SIZE);
    const run = (detector: Servable) => async (): Promise<void> => void (await detector.detect(frame, {}));
    const times = await interleave(
      [...open].map(([name, detector]) => ({ name, repeats: REPEATS, run: run(detector) })),
      rounds,
    );
    const [first] = open.keys();
    return contestants.map(({ name }) => {
      const ms = times.get(name);
      if (!ms) return { name, fault: faults.get(name)! };
      const objects = compared(found.get(first!)!, found.get(name)!);
      return { name, ms: spreadOf(ms), ratio: ratioOf(ms, times.get(first!)!), objects };
    });
  } finally {
    for (const detector of open.values()) detector.dispose();
  }
}

function compared(wanted: readonly DetectedObject[][], got: readonly DetectedObject[][]): Outcome["objects"] {
  const among = (objects: readonly DetectedObject[], { task, box }: DetectedObject): boolean =>
    objects.some((other) => other.task === task && iou(other.box, box) >= SAME);
  const count = (from: readonly DetectedObject[][], inside: readonly DetectedObject[][]): number =>
    from.flatMap((objects, scene) => objects.filter((object) => among(inside[scene]!, object))).length;
  return { wanted: wanted.flat().length, found: count(wanted, got), added: got.flat().length - count(got, wanted) };
}
