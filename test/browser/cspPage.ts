// Detects in drawn frames with the bundle at the address that is asked for, which may hold nothing but what the package's users get.

import type { Detection } from "../../src/index.js";
import { drawScene } from "../../src/scenes/scene.js";
import { asked, report } from "./page.js";

/** What the page is asked. */
export interface Asked {
  bundle: string;
  model: string;
  /** Numbers of drawn scenes. */
  scenes: number[];
  threads?: number;
}

/** What it found in each scene, and how many threads shared a frame (why one, where more were asked for). */
export interface Answer {
  detections: Omit<Detection, "ms">[];
  threads: number;
  singleThreadReason?: string;
}

await report(async (): Promise<Answer> => {
  const { bundle, model, scenes, threads = 1 } = asked<Asked>();
  const { Detector }: typeof import("../../src/index.js") = await import(bundle);
  using detector = await Detector.load(model, { threads });
  const detections = scenes.map((index) => {
    const { data, width, height } = drawScene(1, index, { width: 640, height: 400 }).frame;
    const { presence, objects } = detector.detect(new ImageData(new Uint8ClampedArray(data), width, height));
    return { presence, objects };
  });
  return { detections, threads: detector.threads, singleThreadReason: detector.singleThreadReason };
});
