// Detects in drawn frames with the bundle at the address that is asked for, which may hold nothing but what the package's users get.

import type { Detection } from "../../src/index.js";
import { drawScene } from "../../src/scenes/scene.js";
import { asked, report } from "./page.js";

/** What the page is asked. */
export interface Asked {
  bundle: string;
  /** Left out: the package's own. */
  model?: string;
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

/** The bundle's exports; a classic script's are a global. */
async function load(bundle: string): Promise<typeof import("../../src/index.js")> {
  if (!bundle.includes(".global.")) return import(bundle);
  const script = document.createElement("script");
  const loaded = new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = reject;
  });
  script.src = bundle;
  document.head.append(script);
  await loaded;
  return (globalThis as unknown as { fourway: typeof import("../../src/index.js") }).fourway;
}

await report(async (): Promise<Answer> => {
  const { bundle, model, scenes, threads = 1 } = asked<Asked>();
  const { Detector } = await load(bundle);
  using detector = await Detector.load(model, { threads });
  const detections = scenes.map((index) => {
    const { data, width, height } = drawScene(1, index, { width: 640, height: 400 }).frame;
    const { presence, objects } = detector.detect(new ImageData(new Uint8ClampedArray(data), width, height));
    return { presence, objects };
  });
  return { detections, threads: detector.threads, singleThreadReason: detector.singleThreadReason };
});
