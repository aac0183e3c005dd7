import type { DetectedObject } from "../core/detection.js";
import type { Task } from "../core/task.js";

// The teachers' detections, before any threshold, so that labels can be made again without running them. One JSON object per line,
// appended during the work:
//   {"image":"/data/set/images/1.jpg","teacher":"nanodet-plus 0a1b2c3d4e5f 173056","objects":[["car",0.91,10,20.5,30,40]]}

/** The detections of one teacher in one picture; boxes in pixels of the picture's labels. */
export interface JournalEntry {
  image: string;
  /** Name, model and look: detections under other settings do not count. */
  teacher: string;
  objects: DetectedObject[];
}

/** The line of an entry, scores to 0.001, boxes to 0.1. */
export function journalLine({ image, teacher, objects }: JournalEntry): string {
  const rows = objects.map(({ task, score, box: { x, y, width, height } }) => [
    task,
    Number(score.toFixed(3)),
    ...[x, y, width, height].map((value) => Number(value.toFixed(1))),
  ]);
  return `${JSON.stringify({ image, teacher, objects: rows })}\n`;
}

/** The key of one teacher's detections in one picture. */
export function journalKey(image: string, teacher: string): string {
  return `${teacher}\n${image}`;
}

/** The whole lines of a journal by `journalKey`; a line that is torn (a killed program's last) or of another form is skipped. */
export function parseJournal(text: string): Map<string, DetectedObject[]> {
  const entries = new Map<string, DetectedObject[]>();
  for (const line of text.split("\n")) {
    let value: { image?: unknown; teacher?: unknown; objects?: unknown };
    try {
      value = JSON.parse(line);
    } catch {
      continue;
    }
    if (typeof value?.image !== "string" || typeof value.teacher !== "string" || !Array.isArray(value.objects)) continue;
    const objects = value.objects
      .filter(isRow)
      .map(([task, score, x, y, width, height]) => ({ task, score, box: { x, y, width, height } }));
    if (objects.length === value.objects.length) entries.set(journalKey(value.image, value.teacher), objects);
  }
  return entries;
}

function isRow(row: unknown): row is [Task, number, number, number, number, number] {
  return Array.isArray(row) && row.length === 6 && typeof row[0] === "string" && row.slice(1).every(Number.isFinite);
}
