import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import type { Sample } from "../data/dataset.js";
import { aspectFault } from "../data/read.js";
import { Detector } from "../detect/detector.js";
import type { Found } from "../eval/averagePrecision.js";
import type { Model } from "../model/model.js";
import { readImage } from "./image.js";

/** Objects below this score do not change AP. */
const MIN_SCORE = 0.01;

/** Settings of `answersTo` and `detectAll`. */
export interface LookOptions {
  /** Of the input, where not the model's own. */
  pixels?: number;
  /** Told after each picture how many are done. */
  onPicture?: (done: number) => void;
  /** Told of each picture that cannot be read, which is then left out; without it such a picture is an error. */
  onFault?: (fault: string) => void;
}

/** What a detector says of labelled pictures: `found[i]` belongs to `samples[i]`, and took `ms[i]` (empty where that is not known). */
export interface Answers {
  samples: Sample[];
  found: Found[];
  ms: number[];
}

/**
 * Has a detector look at every picture; its boxes, in pixels of the decoded frame, are told in those of the label.
 * @throws E_IMAGE for a picture that cannot be read, and E_DATA for one whose label has another aspect, without `onFault`; E_DATA where
 * none of them can be used
 */
export async function answersTo(
  samples: readonly Sample[],
  detect: (frame: Frame) => Found | Promise<Found>,
  { onPicture, onFault }: LookOptions = {},
): Promise<Answers> {
  const done: Answers = { samples: [], found: [], ms: [] };
  for (const sample of samples) {
    let frame: Frame;
    try {
      frame = await readImage(sample.image);
    } catch (error) {
      if (!onFault || !(error instanceof FourwayError && error.code === "E_IMAGE")) throw error;
      onFault(`${sample.source ?? sample.image}: ${error.message}`);
      continue;
    }
    const mismatch = aspectFault(sample, frame);
    if (mismatch !== null) {
      if (!onFault) throw new FourwayError("E_DATA", `${sample.source ?? sample.image}: ${mismatch}`);
      onFault(`${sample.source ?? sample.image}: ${mismatch}`);
      continue;
    }
    const start = performance.now();
    const { objects, presence } = await detect(frame);
    done.ms.push(performance.now() - start);
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
  if (done.samples.length === 0 && samples.length > 0)
    throw new FourwayError(
      "E_DATA",
      `eval: expected pictures that can be used, got none of ${samples.length}; fix the faults that were reported`,
    );
  return done;
}

/** A model's answers at a low threshold, for metrics. @throws E_IMAGE as `answersTo` */
export async function detectAll(model: Model, samples: readonly Sample[], options: LookOptions = {}): Promise<Answers> {
  const detector = await Detector.load(model, { pixels: options.pixels });
  try {
    return await answersTo(samples, (frame) => detector.detect(frame, { minScore: MIN_SCORE }), options);
  } finally {
    detector.dispose();
  }
}
