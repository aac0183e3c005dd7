import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import type { Sample } from "../data/dataset.js";
import { Detector } from "../detect/detector.js";
import type { Model } from "../model/model.js";
import type { Found } from "../train/metrics/coco.js";
import { readImage } from "./image.js";

/** Objects below this score do not change AP. */
const LEAST_SCORE = 0.01;

/** Settings of `detectAll`. */
export interface DetectAllOptions {
  /** Of the input, where not the model's own. */
  pixels?: number;
  /** Told after each picture how many are done. */
  onPicture?: (done: number) => void;
  /** Told of each picture that cannot be read, which is then left out; without it such a picture is an error. */
  onFault?: (fault: string) => void;
}

/**
 * A model's detections in labelled pictures, at a low threshold, for metrics: `found[i]` belongs to `samples[i]`.
 * @throws E_IMAGE for a picture that cannot be read, without `onFault`
 */
export async function detectAll(
  model: Model,
  samples: readonly Sample[],
  { pixels, onPicture, onFault }: DetectAllOptions = {},
): Promise<{ samples: Sample[]; found: Found[] }> {
  const detector = await Detector.load(model, { pixels });
  try {
    const done: { samples: Sample[]; found: Found[] } = { samples: [], found: [] };
    for (const sample of samples) {
      let frame: Frame;
      try {
        frame = await readImage(sample.image);
      } catch (error) {
        if (!onFault || !(error instanceof FourwayError && error.code === "E_IMAGE")) throw error;
        onFault(`${sample.source ?? sample.image}: ${error.message}`);
        continue;
      }
      const { objects, presence } = detector.detect(frame, { minScore: LEAST_SCORE });
      const [unitX, unitY] = [sample.width / frame.width, sample.height / frame.height];
      done.samples.push(sample);
      done.found.push({
        presence,
        objects: objects.map(({ task, score, box }) => ({
          task,
          score,
          box: { x: box.x * unitX, y: box.y * unitY, width: box.width * unitX, height: box.height * unitY },
        })),
      });
      onPicture?.(done.found.length);
    }
    return done;
  } finally {
    detector.dispose();
  }
}
