import { FourwayError } from "../core/errors.js";
import type { AdaptReport, FitOptions, FitReport, Learner } from "../learn/index.js";
import { frameOf } from "../learn/picture.js";
import type { Archive } from "../learn/versions.js";
import { cameraFrames } from "../node/frames.js";
import type { Asked, ShownFrame } from "../node/learnReport.js";
import type { ProgressLine } from "../node/progress.js";

/** A learner, and what its store holds. */
export interface OpenLearner {
  learner: Learner;
  archive: Archive;
}

/** What was learned, from what, and what of it the report shows. */
export interface Lesson {
  fit: FitReport;
  asked: readonly Asked[];
  frames: readonly ShownFrame[];
  /** Without labels: what the teacher saw. */
  adapted?: AdaptReport;
}

/** Where frames come from, and how they are learned. */
interface AdaptSettings {
  /** A folder, a .y4m file or "-". */
  source: string;
  teacher?: string;
  /** A picture that cannot be read is an error. */
  strict?: boolean;
  fit: FitOptions;
}

/** Those that were held back, or, without any, all. */
export function measured<T extends { id: string }>(learner: Learner, added: readonly T[]): T[] {
  const held = new Set(learner.frames.filter((frame) => frame.held.length > 0).map(({ id }) => id));
  const of = added.filter(({ id }) => held.has(id));
  return of.length > 0 ? of : [...added];
}

/** Learns from what a teacher is sure of. @throws E_DATA where that is nothing */
export async function learnFromTeacher(
  { learner, archive }: OpenLearner,
  { source, teacher, strict, fit }: AdaptSettings,
  line: ProgressLine,
): Promise<Lesson> {
  const frames = cameraFrames(source, strict ? undefined : (fault) => line.skipped(fault));
  const report = await learner.adapt(frames, {
    ...fit,
    teacher,
    onProgress: (at) => (at.phase === "fit" ? fit.onProgress!(at) : line.show(() => `looking: ${at.frames} frames`)),
  });
  const { looked, passed, added, tasks } = report;
  const known = passed > 0 ? `, ${passed} more were known` : "";
  line.say(`the teacher has looked at ${looked} frames${known}; ${added.length} of them are learned from`);
  for (const [task, { boxes, open, still }] of Object.entries(tasks))
    line.say(`${task}: ${boxes} sure boxes, ${open} regions left open, ${still} of them because they never move`);
  if (!report.fit)
    throw new FourwayError(
      "E_DATA",
      `learn: expected something that the teacher is sure of in 4 frames or more, got too little in ${looked}; give more of them, or label some`,
    );
  const ids = new Set(learner.frames.filter(({ from }) => from).map(({ id }) => id));
  const shelved = (await archive.frames((error) => line.skipped(error.message))).frames.filter(({ head }) => ids.has(head.id));
  const shown = measured(
    learner,
    shelved.map(({ key, head: { id, width, height } }) => ({
      id,
      name: `frame ${id.slice(0, 8)}`,
      read: async () => frameOf({ width, height, pixels: (await archive.frame(key)).pixels }),
    })),
  );
  return { fit: report.fit, asked: [], frames: shown, adapted: report };
}
