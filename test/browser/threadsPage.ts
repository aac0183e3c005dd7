import { Detector, drawScene } from "../../src/index.js";
import { report } from "./page.js";

/** What a page with two threads found. */
export interface Shared {
  threads: number;
  because?: string;
  presence: Record<string, number>;
}

await report(async (): Promise<Shared> => {
  using detector = await Detector.load("/model.onnx", { threads: 2 });
  const { presence } = detector.detect(drawScene(4, 8, { width: 320, height: 192 }).frame);
  return { threads: detector.threads, because: detector.oneThreadBecause, presence };
});
