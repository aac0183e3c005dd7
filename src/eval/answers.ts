import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import type { Sample } from "../data/dataset.js";
import { openPicture, type ReadImage } from "../data/picture.js";
import { Detector } from "../detect/detector.js";
import type { Model } from "../model/model.js";
import type { Found } from "./averagePrecision.js";

/** Objects below this score do not change AP. */
const MIN_SCORE = 0.001;

/** Settings of `answersTo` and `detectAll`. */
export interface LookOptions {
  /** Of the input, where not the model's own. */
  pixels?: number;
  /** Called after each picture with how many are done. */
  onPicture?: (done: number) => void;
  /** Called for each picture that cannot be read, which is then left out; without it such a picture is an error. */
  onFault?: (fault: string) => void;
}

/** A detector's answers on labelled pictures: `found[i]` belongs to `samples[i]`, and took `ms[i]` (empty where that is not known). */
export interface Answers {
  samples: Sample[];
  found: Found[];
  ms: number[];
}

/**
 * Runs a detector on every picture; its boxes, in pixels of the decoded frame, are converted to those of the label.
 * @throws E_IMAGE for a picture that cannot be decoded, E_DATA for one of another shape than its label, without `onFault`; E_DATA where none can
 * be used
 */
export async function answersTo(
  read: ReadImage,
  samples: readonly Sample[],
  detect: (frame: Frame) => Found | Promise<Found>,
  { onPicture, onFault }: LookOptions = {},
): Promise<Answers> {
  const done: Answers = { samples: [], found: [], ms: [] };
  for (const sample of samples) {
    const frame = await openPicture(read, sample);
    if (frame instanceof FourwayError) {
      if (!onFault) throw frame;
      onFault(frame.message);
      continue;
    }
    const start = performance.now();
    const { objects, presence } = await detect(frame);
    done.ms.push(performance.now() - start);
    const [unitX, unitY] = [sample.width / frame.width, sample.height / frame.height];
    done.samples.push(sample);
    done.found.push({
      presence,
      objects: objects.map(({ task, score, box, points }) => ({
        task,
        score,
        box: { x: box.x * unitX, y: box.y * unitY, width: box.width * unitX, height: box.height * unitY },
        ...(points ? { points: points.map(({ x, y }) => ({ x: x * unitX, y: y * unitY })) } : {}),
      })),
    });
    onPicture?.(done.found.length);
  }
  if (done.samples.length === 0 && samples.length > 0)
    throw new FourwayError(
      "E_DATA",
      `pictures: expected some that can be used, got none of ${samples.length}; fix the faults that were reported`,
    );
  return done;
}

/** The sample with what a model without boxes can be right about: whether a task is there. */
function presenceOnly(sample: Sample): Sample {
  const labels = Object.entries(sample.labels).map(([task, label]) => [task, Array.isArray(label) && label.length > 0 ? true : label]);
  return { ...sample, labels: Object.fromEntries(labels) };
}

/**
 * A model's answers at a low threshold, for metrics. Those of a model without boxes come with samples that say presence alone, so that it has no figures of boxes.
 * @throws as `answersTo`
 */
export async function detectAll(read: ReadImage, model: Model, samples: readonly Sample[], options: LookOptions = {}): Promise<Answers> {
  const detector = await Detector.load(model, { pixels: options.pixels });
  const known = model.info.layout.box < 0 ? samples.map(presenceOnly) : samples;
  try {
    return await answersTo(read, known, (frame) => detector.detect(frame, { minScore: MIN_SCORE }), options);
  } finally {
    detector.dispose();
  }
}
