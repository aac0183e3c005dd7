import type { Frame } from "../core/frame.js";

// Keeps a frame within a time: fewer pixels for the network where frames take too long, more where there has been room for a while.

/** Sizes to choose from, pixels, each about 1.4 times the one before. The first is the least that is ever used. */
export const BUDGET_SIZES: readonly number[] = [28_672, 40_960, 61_440, 86_016, 122_880, 174_080, 245_760, 344_064, 491_520];
/** The share of the budget that a size is expected to take when it is chosen, and the share that a larger one may take at most. */
const SHARE = 0.9;
const SHARE_TO_GROW = 0.75;
/** Frames whose middle time counts: one that something else held up does not. */
const RECENT = 5;
/** A larger size is tried after so many frames with room for it; after each try that failed, twice as many, up to so many times. */
const FRAMES_TO_GROW = 60;
const MOST_PATIENCE = 32;
/** Frames after a change that do not count: the network is planned, code is compiled. */
const SETTLING = 2;
/** Frames that are timed before the first choice and before each next one, of which the last few count; fewer where they have taken so long. */
const TIMED = { first: 12, next: 5, counting: 3, mostMs: 1000 };
const MOST_CHOICES = 4;
/** The size of the grey frame that is timed. */
const SIZE = { width: 640, height: 360 };

/** How long each part of a frame took, milliseconds. */
export interface PartTimes {
  letterbox: number;
  network: number;
  postprocess: number;
}

/** All of it. */
export const totalMs = ({ letterbox, network, postprocess }: PartTimes): number => letterbox + network + postprocess;

/** What was chosen for a budget. */
export interface Chosen {
  budgetMs: number;
  /** About so many pixels the network sees. */
  pixels: number;
  /** How many threads share the work of a frame. */
  threads: number;
  /** How long a frame took, or was expected to take, when this was chosen. */
  frameMs: number;
  /** Whether frames keep to the budget; false where the fewest pixels still take too long. */
  isMet: boolean;
}

/** Chooses pixels from the times of frames; it has no clock. */
export class Budget {
  /** Replaced at each change. */
  chosen: Chosen;
  private readonly recent = new Float64Array(RECENT);
  private readonly sorted = new Float64Array(RECENT);
  private frames = 0;
  private toSettle = SETTLING;
  private roomy = 0;
  private patience = 1;
  /** The size of the last try that failed. */
  private failed = Number.POSITIVE_INFINITY;
  /** Whether the last change was to more pixels, and has not proved itself. */
  private trying = false;

  /** @param pixels to begin with */
  constructor(budgetMs: number, pixels: number, threads: number) {
    this.chosen = { budgetMs, pixels, threads, frameMs: 0, isMet: true };
  }

  /**
   * A budget whose first choice was made on a grey frame.
   * @param sized what looks at a frame with its `pixels`: begins with them and is left with those that were chosen
   */
  static async timed(
    budgetMs: number,
    threads: number,
    sized: { pixels: number },
    detect: (frame: Frame) => { ms: PartTimes } | Promise<{ ms: PartTimes }>,
  ): Promise<Budget> {
    const budget = new Budget(budgetMs, sized.pixels, threads);
    const frame = { ...SIZE, data: new Uint8Array(4 * SIZE.width * SIZE.height).fill(128) };
    await budget.start(async (pixels) => {
      sized.pixels = pixels;
      return totalMs((await detect(frame)).ms);
    });
    sized.pixels = budget.chosen.pixels;
    return budget;
  }

  /**
   * Times a few frames and chooses by them, until a choice holds.
   * @param time looks at a frame with so many pixels and gives the milliseconds that it took
   */
  async start(time: (pixels: number) => number | Promise<number>): Promise<void> {
    let count = TIMED.first;
    for (let choice = 0; choice < MOST_CHOICES; choice++) {
      const { pixels } = this.chosen;
      const times: number[] = [];
      for (let spent = 0; times.length < count && (spent < TIMED.mostMs || times.length < TIMED.counting); spent += times.at(-1)!)
        times.push(await time(pixels));
      this.choose(times.slice(-TIMED.counting).sort((a, b) => a - b)[TIMED.counting >> 1]!);
      if (this.chosen.pixels === pixels) break;
      count = TIMED.next;
    }
  }

  /** The largest size that a time at the size in use leaves room for; the smallest where there is none. */
  private choose(frameMs: number): void {
    const { pixels, budgetMs } = this.chosen;
    const expected = (size: number): number => (frameMs * size) / pixels;
    const next = BUDGET_SIZES.findLast((size) => expected(size) <= SHARE * budgetMs) ?? BUDGET_SIZES[0]!;
    this.change(next, next === pixels ? frameMs : expected(next));
  }

  /** Pixels a millisecond. */
  get speed(): number {
    return this.chosen.pixels / this.chosen.frameMs;
  }

  /** Whether a faster machine would see more. */
  get canGain(): boolean {
    return this.chosen.pixels < BUDGET_SIZES.at(-1)!;
  }

  /** A frame's time at the size in use; from the next frame on `chosen` holds. */
  note(ms: number): void {
    if (this.toSettle > 0) {
      this.toSettle--;
      return;
    }
    this.recent[this.frames++ % RECENT] = ms;
    if (this.frames < RECENT) return;
    const frameMs = this.middle();
    const { pixels, budgetMs } = this.chosen;
    if (frameMs > budgetMs) this.shrink(frameMs);
    else if (!this.chosen.isMet && frameMs <= SHARE * budgetMs) this.change(pixels, frameMs);
    else this.grow(frameMs);
  }

  private shrink(frameMs: number): void {
    const { pixels, isMet } = this.chosen;
    if (this.trying) {
      this.failed = pixels;
      this.patience = Math.min(MOST_PATIENCE, 2 * this.patience);
    }
    if (pixels > BUDGET_SIZES[0]!) this.choose(frameMs);
    else if (isMet) this.change(pixels, frameMs);
    this.roomy = 0;
    this.trying = false;
  }

  private grow(frameMs: number): void {
    const { pixels, budgetMs } = this.chosen;
    const larger = BUDGET_SIZES.find((size) => size > pixels);
    if (this.trying && this.frames > FRAMES_TO_GROW) {
      this.trying = false;
      if (pixels >= this.failed) [this.failed, this.patience] = [Number.POSITIVE_INFINITY, 1];
    }
    if (larger === undefined || (frameMs * larger) / pixels > SHARE_TO_GROW * budgetMs) this.roomy = 0;
    else if (++this.roomy >= FRAMES_TO_GROW * (larger >= this.failed ? this.patience : 1)) {
      this.change(larger, (frameMs * larger) / pixels);
      this.trying = true;
    }
  }

  private change(pixels: number, frameMs: number): void {
    const { budgetMs } = this.chosen;
    this.chosen = { ...this.chosen, pixels, frameMs, isMet: frameMs <= budgetMs };
    this.frames = 0;
    this.roomy = 0;
    this.toSettle = SETTLING;
  }

  private middle(): number {
    this.sorted.set(this.recent);
    return this.sorted.sort()[RECENT >> 1]!;
  }
}
