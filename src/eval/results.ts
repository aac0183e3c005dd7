import type { DetectedObject } from "../core/detection.js";
import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import { VOCABULARY } from "../core/vocabulary.js";
import type { Sample } from "../data/dataset.js";
import { shown } from "../data/read.js";

// COCO results: [{ "image_id", "category_id", "bbox": [x, y, width, height], "score" }], boxes in pixels of the labelled picture.
// https://cocodataset.org/#format-results

const TASK_OF_COCO_ID: ReadonlyMap<unknown, Task> = new Map(VOCABULARY.map(({ task, cocoId }) => [cocoId, task]));

/**
 * Reads another detector's detections, in COCO's results format, of labelled pictures: `[i]` are those of `samples[i]`.
 * `image_id` is the id in the COCO file that labels the picture, or, as text, the picture's file name, with folders before it where names
 * occur twice. `category_id` is COCO's own (person 1, car 3, traffic light 10, stop sign 13) or a task's name; other categories and other
 * pictures are skipped.
 * @throws E_DATA for text that is not such a list, a detection without finite numbers, a name that several pictures have, or no
 * detection of any of the pictures
 */
export function parseResults(text: string, file: string, samples: readonly Sample[], tasks: readonly Task[]): DetectedObject[][] {
  const bad = (what: string): FourwayError => new FourwayError("E_DATA", `${file}: ${what}; give a list as COCO's results format has it`);
  let list: unknown;
  try {
    list = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw bad(`expected JSON, got ${(cause as Error).message}`);
  }
  if (!Array.isArray(list)) throw bad(`expected a list of detections, got ${shown(list)}`);
  const known = byName(samples);
  const found = samples.map((): DetectedObject[] => []);
  let matched = 0;
  for (const [i, entry] of (list as unknown[]).entries()) {
    const { image_id: image, category_id: category, bbox, score } = (entry ?? {}) as Record<string, unknown>;
    const numbers = Array.isArray(bbox) ? [...bbox, score] : [];
    if (numbers.length !== 5 || !numbers.every(Number.isFinite))
      throw bad(`[${i}]: expected a "bbox" of four numbers and a "score", got ${shown(entry)}`);
    const places = known.get(typeof image === "string" ? image : `#${image}`) ?? [];
    if (places.length > 1)
      throw new FourwayError(
        "E_DATA",
        `${file}: [${i}]: expected the name of one picture, got ${shown(image)}, which ${places.length} have; put folders before it`,
      );
    const task = tasks.find((name) => name === category) ?? TASK_OF_COCO_ID.get(category);
    if (places.length === 0) continue;
    matched++;
    if (task === undefined || !tasks.includes(task)) continue;
    const [x, y, width, height] = bbox as [number, number, number, number];
    found[places[0]!]!.push({ task, score: score as number, box: { x, y, width, height } });
  }
  if (matched === 0)
    throw new FourwayError(
      "E_DATA",
      `${file}: expected detections of the pictures in --data, got none of ${list.length}; as "image_id" give the COCO file's image id, or the picture's file name`,
    );
  return found;
}

/** The pictures that each end of a path, or each id in a COCO file, may name. */
function byName(samples: readonly Sample[]): Map<string, number[]> {
  const known = new Map<string, number[]>();
  samples.forEach(({ image, source }, i) => {
    const parts = image.split(/[\\/]/);
    const names = parts.map((_, from) => parts.slice(from).join("/"));
    const id = /\.json:(\d+)$/.exec(source ?? "")?.[1];
    if (id !== undefined) names.push(`#${id}`);
    for (const name of names) known.set(name, [...(known.get(name) ?? []), i]);
  });
  return known;
}
