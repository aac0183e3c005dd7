// Writes to a store until it is killed (see fileStore.test.ts). Usage: node storeWriter.js FOLDER

import assert from "node:assert/strict";
import { fileStore } from "../../src/node/fileStore.js";
import { bytesOf, contents } from "../learn/storeContract.js";

/** Bytes of a frame: more than one block of a file system. */
const FRAME = 9000;
/** Frames that are kept. */
const KEPT = 4;

/** All that the store holds after n writes. */
function stateAfter(n: number): Record<string, number[]> {
  if (n === 0) return {};
  const frames = Array.from({ length: Math.min(n, KEPT) }, (_, i) => n - i);
  return {
    count: [...new TextEncoder().encode(String(n))],
    head: [...bytesOf(n)],
    ...Object.fromEntries(frames.map((i) => [`frames/${i}`, [...bytesOf(i, FRAME)]])),
  };
}

const store = await fileStore(process.argv[2]!);
const count = await store.read("count");
let n = count ? Number(new TextDecoder().decode(count)) : 0;
assert.deepEqual(await contents(store), stateAfter(n));
console.log(`found ${n}`);
for (;;) {
  n++;
  await store.write(
    new Map([
      ["count", new TextEncoder().encode(String(n))],
      ["head", bytesOf(n)],
      [`frames/${n}`, bytesOf(n, FRAME)],
      [`frames/${n - KEPT}`, undefined],
    ]),
  );
  console.log(`wrote ${n}`);
}
