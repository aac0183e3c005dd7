import { resolve } from "node:path";
import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import type { Sample } from "../data/dataset.js";
import { journalKey } from "../label/journal.js";
import { type Look, MIN_SCORE } from "../label/look.js";
import { readViewFrame } from "./evaluate.js";
import type { Journal } from "./labelFiles.js";
import { formatSeconds, type ProgressLine } from "./progress.js";
import type { OpenTeacher } from "./teachers.js";

/**
 * Runs each teacher on each picture that is not in the journal yet, while the next picture is decoded. A picture that cannot be read
 * is reported and skipped. Ctrl-C stops after the current picture.
 * @returns whether all pictures were done
 * @throws E_IMAGE for a picture that cannot be read, with `strict`
 */
export async function lookAtAll(
  teachers: readonly OpenTeacher[],
  journal: Journal,
  samples: readonly Sample[],
  { pixels, tiles }: Look,
  line: ProgressLine,
  strict: boolean,
): Promise<boolean> {
  const missing = (image: string): OpenTeacher[] => teachers.filter(({ key }) => !journal.seen.has(journalKey(resolve(image), key)));
  const waiting = samples.filter(({ image }) => missing(image).length > 0);
  const known = samples.length - waiting.length;
  const how = `${pixels.join(" and ")} pixels${tiles > 1 ? ` and ${tiles} x ${tiles} tiles` : ""}, scores from ${MIN_SCORE}`;
  line.say(`${known} pictures are in the journal of ${teachers.map(({ name }) => name).join(" and ")}, ${waiting.length} to do (${how})`);

  let stopping = false;
  const stop = (): void => {
    line.say(stopping ? "already stopping" : "finishing the picture, then stopping");
    stopping = true;
  };
  process.on("SIGINT", stop);
  const start = performance.now();
  try {
    const read = (index: number): Promise<Frame | FourwayError> | undefined => {
      const sample = waiting[index];
      return sample && readViewFrame(sample.image).catch(asFault);
    };
    let next = read(0);
    for (const [i, sample] of waiting.entries()) {
      const frame = await next!;
      next = read(i + 1);
      if (frame instanceof FourwayError) {
        if (strict) throw frame;
        line.skipped(frame.message);
        continue;
      }
      for (const teacher of missing(sample.image)) {
        const [unitX, unitY] = [sample.width / frame.width, sample.height / frame.height];
        const objects = (await teacher.look(frame)).map(({ task, score, box }) => ({
          task,
          score,
          box: { x: box.x * unitX, y: box.y * unitY, width: box.width * unitX, height: box.height * unitY },
        }));
        await journal.add({ image: resolve(sample.image), teacher: teacher.key, objects });
      }
      const seconds = (performance.now() - start) / 1000;
      const rate = (i + 1) / seconds;
      line.show(
        () => `${known + i + 1} of ${samples.length} pictures  ${rate.toFixed(1)}/s  ETA ${formatSeconds((waiting.length - i - 1) / rate)}`,
      );
      if (stopping && i + 1 < waiting.length) {
        line.say(
          `stopped after ${known + i + 1} of ${samples.length} pictures; run the same command to continue; labels are written at the end`,
        );
        return false;
      }
    }
    if (waiting.length > 0)
      line.say(`${waiting.length} pictures done, ${((performance.now() - start) / waiting.length).toFixed(1)} ms each`);
    return true;
  } finally {
    process.off("SIGINT", stop);
  }
}

/** Turns the error of a picture that cannot be read into a value; throws any other. */
function asFault(error: unknown): FourwayError {
  if (error instanceof FourwayError && error.code === "E_IMAGE") return error;
  throw error;
}
