import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Engine } from "../wasm/load.js";
import type { Cut } from "./cut.js";
import { type Features, featuresOf, keyOf, type Size } from "./passes.js";
import { labelledBy } from "./provenance.js";
import { digestOf, type LearnSample, type Picture } from "./sample.js";
import type { Archive } from "./versions.js";

/** Every so many labelled frames of a task one is held back, counted apart for those with the task and those without. */
const HELD = 4;
/** Frames whose pixels are in memory at once. */
const AT_ONCE = 8;

/** A frame and where it is in the store. */
interface ShelvedSample {
  key: string;
  head: LearnSample;
}

/** What is said of a task as far as frames are held back: it is there, it is not, or nothing that measures. */
function kindOf({ labels }: Pick<LearnSample, "labels">, task: Task, boxes: boolean): "there" | "none" | undefined {
  const label = labels[task];
  if (Array.isArray(label)) return label.length > 0 ? "there" : "none";
  return label === true && !boxes ? "there" : undefined;
}

/** The frames of a learner: what is known of them in memory, their pixels in the store. */
export class Shelf {
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly archive: Archive,
    /** In the order in which they were added. */
    readonly samples: ShelvedSample[],
    /** The last key that was given, also to a frame that is damaged. */
    private last: string | undefined,
    /** Whether boxes measure, not presence alone. */
    private readonly boxes: boolean,
  ) {}

  /**
   * @param boxes whether heads give boxes: then a frame that is labelled with presence alone measures nothing
   * @param onNotice told of each frame that is damaged and left out
   */
  static async open(archive: Archive, boxes: boolean, onNotice: (notice: string) => void): Promise<Shelf> {
    const { frames, last } = await archive.frames(({ message }) => onNotice(`a frame is left out: ${message}`));
    return new Shelf(archive, frames, last, boxes);
  }

  /** What is known of the frames. */
  get heads(): LearnSample[] {
    return this.samples.map(({ head }) => head);
  }

  /** Changes come one after the other, in the order in which they were asked for. */
  private inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.turn.then(change);
    this.turn = done.catch(() => {}); // whoever asked for it is told
    return done;
  }

  /**
   * Puts a frame at the end, held back of the tasks of which it is every fourth; one that is there already stays as it is. People's labels take the place
   * of those that a teacher gave to the same picture.
   */
  add(said: Omit<LearnSample, "held">, picture: Picture): Promise<LearnSample> {
    return this.inTurn(() => this.put(said, picture));
  }

  private async put(said: Omit<LearnSample, "held">, picture: Picture): Promise<LearnSample> {
    const known = this.heads.find(({ id }) => id === said.id);
    if (known) return known;
    if (!said.from && this.heads.some(({ from }) => from)) {
      const digest = digestOf(picture);
      for (const sample of this.samples.filter(({ head }) => head.digest === digest)) await this.takeOut(sample);
    }
    const held = Object.keys(said.labels).filter((task) => {
      const kind = kindOf(said, task, this.boxes);
      const alike = (head: LearnSample): boolean =>
        kindOf(head, task, this.boxes) === kind && labelledBy(head, task) === labelledBy(said, task);
      return kind !== undefined && this.heads.filter(alike).length % HELD === HELD - 1;
    });
    const head: LearnSample = { ...said, held };
    this.last = await this.archive.addFrame(head, picture.pixels, this.last);
    this.samples.push({ key: this.last, head });
    return head;
  }

  /** Settles what was asked of a frame. @throws E_ARGUMENT for a frame that is not there */
  confirm(id: string): Promise<void> {
    return this.inTurn(async () => {
      const sample = this.find(id);
      const head = { ...sample.head, asked: [] };
      await this.archive.changeFrame(sample.key, head);
      sample.head = head;
    });
  }

  /** Takes a frame out. @throws E_ARGUMENT for a frame that is not there */
  remove(id: string): Promise<void> {
    return this.inTurn(() => this.takeOut(this.find(id)));
  }

  private async takeOut(sample: ShelvedSample): Promise<void> {
    await this.archive.changeFrame(sample.key, undefined);
    this.samples.splice(this.samples.indexOf(sample), 1);
  }

  private find(id: string): ShelvedSample {
    const sample = this.samples.find(({ head }) => head.id === id);
    if (!sample) throw new FourwayError("E_ARGUMENT", `learner: expected the id of a frame that was added, got "${id}"; see frames`);
    return sample;
  }

  /** The size of input that most frames have. */
  commonSize(): Size | undefined {
    const counts = new Map<string, { size: Size; count: number }>();
    for (const { width, height } of this.heads) {
      const key = keyOf({ width, height });
      counts.set(key, { size: { width, height }, count: (counts.get(key)?.count ?? 0) + 1 });
    }
    return [...counts.values()].sort((a, b) => b.count - a.count)[0]?.size;
  }

  /** The latest frames, at most so many, in the order in which they were added; those of a teacher go first where there are more. */
  latest(most: number): ShelvedSample[] {
    const [taught, labelled] = [true, false].map((byTeacher) => this.samples.filter(({ head }) => Boolean(head.from) === byTeacher));
    const kept = new Set([...taught!, ...labelled!].slice(-most));
    return this.samples.filter((sample) => kept.has(sample));
  }

  /** The frames' pictures, one after the other. */
  async *pictures(): AsyncGenerator<Picture> {
    for (const {
      key,
      head: { width, height },
    } of [...this.samples])
      yield { width, height, pixels: (await this.archive.frame(key)).pixels };
  }

  /** Values at a cut of some frames, whose pixels are read a few at a time. */
  async features(engine: Engine, cut: Cut, samples: readonly ShelvedSample[]): Promise<Features[]> {
    const all: Features[] = [];
    for (let from = 0; from < samples.length; from += AT_ONCE) {
      const pictures = await Promise.all(
        samples.slice(from, from + AT_ONCE).map(async ({ key, head: { width, height } }) => ({
          width,
          height,
          pixels: (await this.archive.frame(key)).pixels,
        })),
      );
      all.push(...featuresOf(engine, cut, pictures));
    }
    return all;
  }
}
