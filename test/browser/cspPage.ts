// Detects in drawn frames with the bundle at the address that is asked for, which may hold nothing but what the package's users get.
import { drawScene } from "../../src/data/scenes.js";
import { asked, report } from "./page.js";

/** What the page is asked. */
export interface Asked {
  bundle: string;
  model: string;
  /** Numbers of drawn scenes. */
  scenes: number[];
}

await report(async () => {
  const { bundle, model, scenes } = asked<Asked>();
  const { Detector }: typeof import("../../src/index.js") = await import(bundle);
  const detector = await Detector.load(model);
  return scenes.map((index) => {
    const { data, width, height } = drawScene(1, index, { width: 640, height: 400 }).frame;
    const { presence, objects } = detector.detect(new ImageData(new Uint8ClampedArray(data), width, height));
    return { presence, objects };
  });
});
