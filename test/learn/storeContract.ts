import assert from "node:assert/strict";
import type { LearnStore } from "../../src/learn/store.js";

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
  assert.deepEqual(await store.list(""), []);
  assert.equal(await store.read("frames/1"), undefined);
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
  assert.deepEqual(await store.list("frames/"), ["frames/1", "frames/10", "frames/2"]);
  assert.deepEqual(await store.list("frames/1"), ["frames/1", "frames/10"]);
  assert.deepEqual(await store.list("other"), []);
  assert.deepEqual([...(await store.read("frames/1"))!], [...bytesOf(1)]);
  assert.equal((await store.read("främe \ud800/😀"))!.length, 0);
  (await store.read("frames/1"))!.fill(0); // so is what was read the reader's
  assert.deepEqual([...(await store.read("frames/1"))!], [...bytesOf(1)]);
  await store.write(
    new Map([
      ["frames/1", undefined],
      ["never there", undefined],
      ["frames/2", bytesOf(9)],
    ]),
  );
  assert.equal(await store.read("frames/1"), undefined);
  assert.deepEqual([...(await store.read("frames/10"))!], [...bytesOf(1)], "a twin of what was deleted stays");
  assert.deepEqual([...(await store.read("frames/2"))!], [...bytesOf(9)]);
  await assert.rejects(store.write(new Map([["", bytesOf(1)]])), { code: "E_ARGUMENT", message: /got an empty one/ });
  // calls overlap and keep their order
  const writes = [1, 2, 3, 4, 5].map((i) => store.write(new Map([["count", Uint8Array.of(i)]])));
  assert.deepEqual([...(await store.read("count"))!], [5]);
  await Promise.all(writes);
  const reading = store.read("count");
  await store.close();
  assert.deepEqual([...(await reading)!], [5]);
  await store.close();
  for (const call of [() => store.read("count"), () => store.list(""), () => store.write(new Map())])
    await assert.rejects(call(), { code: "E_DISPOSED", message: /expected an open store, got a closed one/ });
}
