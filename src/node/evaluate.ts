import type { Sample } from "../data/dataset.js";
import { Detector } from "../detect/detector.js";
import type { Model } from "../model/model.js";
import type { Found } from "../train/metrics/coco.js";
import { readImage } from "./image.js";

/** Objects below this score do not change AP. */
const LEAST_SCORE = 0.01;

/**
 * A model's detections in labelled pictures, at a low threshold, for metrics.
 * @param options.pixels of the input, where not the model's own
 * @throws E_IMAGE for a picture that cannot be read
 */
export async function detectAll(
  model: Model,
  samples: readonly Sample[],
  options: { pixels?: number; onPicture?: (done: number) => void } = {},
): Promise<Found[]> {
  const detector = await Detector.load(model, { pixels: options.pixels });
  try {
    const found: Found[] = [];
    for (const sample of samples) {
      const frame = await readImage(sample.image);
      const { objects, presence } = detector.detect(frame, { minScore: LEAST_SCORE });
      const unit = sample.width / frame.width;
      found.push({
        presence,
        objects: objects.map(({ task, score, box }) => ({
          task,
          score,
          box: { x: box.x * unit, y: box.y * unit, width: box.width * unit, height: box.height * unit },
        })),
      });
      options.onPicture?.(found.length);
    }
    return found;
  } finally {
    detector.dispose();
  }
}
