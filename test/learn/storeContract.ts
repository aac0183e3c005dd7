// What every store does. It runs in pages too, and so takes nothing of Node's.

import type { LearnStore } from "../../src/learn/store.js";

function assertEqual(got: unknown, wanted: unknown, what = "store"): void {
  const [a, b] = [got, wanted].map((value) => JSON.stringify(value) ?? "undefined") as [string, string];
  if (a !== b) throw new Error(`${what}: expected ${b.slice(0, 200)}, got ${a.slice(0, 200)}`);
}

/** @param message a part of the error's */
async function assertRejects(work: Promise<unknown>, code: string, message: string): Promise<void> {
  const error = (await work.then(
    () => new Error("no error"),
    (cause) => cause,
  )) as Error & { code?: string };
  if (error.code !== code || !error.message.includes(message)) throw new Error(`expected ${code} ${message}, got ${error.code} ${error}`);
}

/** Bytes that differ from one seed to another. */
export function bytesOf(seed: number, length = 40 + (seed % 7)): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7 + (i >> 3)) % 256);
}

/** Everything in a store. */
export async function contents(store: LearnStore): Promise<Record<string, number[]>> {
  const entries: [string, number[]][] = [];
  for (const key of await store.list("")) entries.push([key, [...(await store.read(key))!]]);
  return Object.fromEntries(entries);
}

/** What every store does while it is open, on an empty one; it is closed at the end. */
export async function checkContract(store: LearnStore): Promise<void> {
  assertEqual(await store.list(""), []);
  assertEqual(await store.read("frames/1"), undefined);
  const given = bytesOf(1);
  await store.write(
    new Map([
      ["frames/2", bytesOf(2)],
      ["frames/1", given],
      ["frames/10", bytesOf(1)], // the same bytes twice
      ["främe \ud800/😀", new Uint8Array(0)],
      ["__proto__", bytesOf(3)],
    ]),
  );
  given.fill(0); // what was written is the store's own
  assertEqual(await store.list("frames/"), ["frames/1", "frames/10", "frames/2"]);
  assertEqual(await store.list("frames/1"), ["frames/1", "frames/10"]);
  assertEqual(await store.list("other"), []);
  assertEqual([...(await store.read("frames/1"))!], [...bytesOf(1)]);
  assertEqual((await store.read("främe \ud800/😀"))!.length, 0);
  (await store.read("frames/1"))!.fill(0); // so is what was read the reader's
  assertEqual([...(await store.read("frames/1"))!], [...bytesOf(1)]);
  await store.write(
    new Map([
      ["frames/1", undefined],
      ["never there", undefined],
      ["frames/2", bytesOf(9)],
    ]),
  );
  assertEqual(await store.read("frames/1"), undefined);
  assertEqual([...(await store.read("frames/10"))!], [...bytesOf(1)], "a twin of what was deleted stays");
  assertEqual([...(await store.read("frames/2"))!], [...bytesOf(9)]);
  await assertRejects(store.write(new Map([["", bytesOf(1)]])), "E_ARGUMENT", "got an empty one");
  // calls overlap and keep their order
  const writes = [1, 2, 3, 4, 5].map((i) => store.write(new Map([["count", Uint8Array.of(i)]])));
  assertEqual([...(await store.read("count"))!], [5]);
  await Promise.all(writes);
  const reading = store.read("count");
  await store.close();
  assertEqual([...(await reading)!], [5]);
  await store.close();
  for (const call of [() => store.read("count"), () => store.list(""), () => store.write(new Map())])
    await assertRejects(call(), "E_DISPOSED", "expected an open store, got a closed one");
}

/** Bytes of a frame: more than a block of most file systems. */
const FRAME = 9000;
/** Frames that are kept. */
const KEPT = 4;

/** All that a store holds after n of the writes below. */
function stateAfter(n: number): Record<string, number[]> {
  if (n === 0) return {};
  const frames = Array.from({ length: Math.min(n, KEPT) }, (_, i) => `frames/${n - i}`).sort();
  return {
    count: [...new TextEncoder().encode(String(n))],
    ...Object.fromEntries(frames.map((key) => [key, [...bytesOf(Number(key.slice(7)), FRAME)]])),
    head: [...bytesOf(n)],
  };
}

/**
 * Checks what an earlier writer left, says "found N", and goes on writing until it is killed; after each write it says "wrote N". All four keys of a
 * write belong together.
 */
export async function writeUntilKilled(store: LearnStore, say: (line: string) => unknown): Promise<never> {
  const count = await store.read("count");
  let n = count ? Number(new TextDecoder().decode(count)) : 0;
  assertEqual(await contents(store), stateAfter(n), `after ${n} writes`);
  await say(`found ${n}`);
  for (;;) {
    n++;
    const changes: [string, Uint8Array | undefined][] = [
      ["count", new TextEncoder().encode(String(n))],
      ["head", bytesOf(n)],
      [`frames/${n}`, bytesOf(n, FRAME)],
      [`frames/${n - KEPT}`, undefined],
    ];
    await store.write(new Map(changes));
    await say(`wrote ${n}`);
  }
}

/** Holds what killed writers said, one after the other, against what is promised. */
export class KillLog {
  /** Writes that were done, those of them that their writer could not say any more, and writers that were killed before their store was open. */
  writes = 0;
  cutOff = 0;
  unopened = 0;
  private written = 0;

  /** @throws Error where a writer found less than what the one before had written, or more than one write beyond */
  add(lines: readonly string[]): void {
    if (lines.length === 0) this.unopened++;
    for (const line of lines) {
      const number = Number(line.split(" ")[1]);
      const beyond = number - this.written;
      if (beyond !== 1 && (beyond !== 0 || !line.startsWith("found")))
        throw new Error(`expected ${this.written} or one more, got ${lines.join(", ")}`);
      this.writes += beyond;
      if (line.startsWith("found")) this.cutOff += beyond;
      this.written = number;
    }
  }
}
