import { type FileHandle, open, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DetectedObject } from "../core/detection.js";
import type { Task } from "../core/task.js";
import type { DataFault, Sample } from "../data/dataset.js";
import { type JournalEntry, journalLine, parseJournal } from "../label/journal.js";
import { type PartialBoxes, parsePartial } from "../label/partial.js";

/** The teachers' detections, on disk: one line per picture is appended as soon as it is known, so that a killed program loses at most one. */
export class Journal {
  private constructor(
    private readonly file: FileHandle,
    /** By `journalKey`. */
    readonly seen: Map<string, DetectedObject[]>,
  ) {}

  /** Reads the journal, if there is one, and opens it to append. */
  static async open(path: string): Promise<Journal> {
    const file = await open(path, "a+");
    const text = await file.readFile("utf8");
    if (text !== "" && !text.endsWith("\n")) await file.appendFile("\n"); // a torn line stays on its own
    return new Journal(file, parseJournal(text));
  }

  /** Adds an entry, rounded as in its line, so that labels do not depend on when they were made. */
  async add(entry: JournalEntry): Promise<void> {
    const line = journalLine(entry);
    await this.file.appendFile(line);
    for (const [key, objects] of parseJournal(line)) this.seen.set(key, objects);
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/** The files `partial_*.jsonl` near the samples' labels: in the folder above the pictures, or in theirs. */
export async function readPartials(
  samples: readonly Sample[],
  tasks: readonly Task[],
): Promise<{ boxes: PartialBoxes; faults: DataFault[] }> {
  const boxes: PartialBoxes = new Map();
  const faults: DataFault[] = [];
  const byImage = new Map(samples.map((sample) => [sample.image, sample]));
  const folders = new Set(samples.flatMap(({ image }) => [dirname(image), dirname(dirname(image))]));
  for (const folder of folders)
    for (const name of await readdir(folder).catch(() => [] as string[]))
      if (/^partial_.*\.jsonl$/.test(name)) {
        const file = join(folder, name);
        faults.push(...parsePartial(await readFile(file, "utf8"), file, folder, tasks, byImage, boxes));
      }
  return { boxes, faults };
}
