import { Detector } from "../src/detect/detector.js";
import { interleave } from "../src/engines/timing.js";
import { drawScene } from "../src/scenes/scene.js";

/** What a camera gives. */
const SIZE = { width: 1280, height: 720 };
const REPEATS = 3;

/**
 * Milliseconds of each round's quickest `detect` of a 1280 x 720 frame, by model: preparation, network and decoding, one thread.
 * @param models by name: each one's file, or where it is
 */
export async function timeModels(models: Readonly<Record<string, Uint8Array | string>>, rounds: number): Promise<Record<string, number[]>> {
  const { frame } = drawScene(1, 8, SIZE);
  const detectors = new Map<string, Detector>();
  for (const [name, model] of Object.entries(models)) detectors.set(name, await Detector.load(model));
  const contenders = [...detectors].map(([name, detector]) => ({ name, repeats: REPEATS, run: () => void detector.detect(frame) }));
  const times = await interleave(contenders, rounds);
  for (const detector of detectors.values()) detector.dispose();
  return Object.fromEntries(times);
}
