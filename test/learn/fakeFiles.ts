import type { StoreFiles } from "../../src/learn/slotStore.js";

/** Files of a disk that lasts from one process to the next. */
export type Disk = Map<string, Uint8Array<ArrayBuffer>>;

/** What happens at a step of a process's work on its disk. */
export interface Fault {
  /** Number of the step, from 0; without a fault there is none. */
  at: number;
  /** The process dies there, or that step alone fails: before it did anything, or after all was on disk. */
  kind: "death" | "failure" | "late failure";
}

/**
 * One process's view of a disk. Every file that is written is two steps, of which the first leaves it torn; every removal is one. Files of one call are
 * written from the last to the first with `reversed`.
 */
export class FakeFiles implements StoreFiles {
  readonly where = "fake";
  steps = 0;

  constructor(
    readonly disk: Disk,
    readonly fault?: Fault,
    readonly reversed = false,
  ) {}

  private step(work: () => void): void {
    const { at, kind } = this.fault ?? { at: Number.POSITIVE_INFINITY, kind: "death" };
    const here = this.steps++ === at;
    if (kind === "death" && this.steps > at) throw new Error("the process is dead");
    if (here && kind === "failure") throw new Error("no space");
    work();
    if (here) throw new Error("no answer");
  }

  async names(): Promise<string[]> {
    return [...this.disk.keys()];
  }

  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = this.disk.get(name);
    return bytes && new Uint8Array(bytes);
  }

  async write(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    for (const [name, bytes] of this.reversed ? [...files].reverse() : files) {
      this.step(() => this.disk.set(name, new Uint8Array(bytes.subarray(0, bytes.length >> 1))));
      this.step(() => this.disk.set(name, new Uint8Array(bytes)));
    }
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) this.step(() => this.disk.delete(name));
  }

  async close(): Promise<void> {}
}
