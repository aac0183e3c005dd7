import type { LearnStore } from "./store.js";

/** A store that lasts as long as the program. */
export function memoryStore(): LearnStore {
  const blobs = new Map<string, Uint8Array>();
  return {
    read: async (key) => blobs.get(key)?.slice(),
    async write(changes) {
      for (const [key, bytes] of changes) {
        if (bytes) blobs.set(key, bytes.slice());
        else blobs.delete(key);
      }
    },
    list: async (prefix) => [...blobs.keys()].filter((key) => key.startsWith(prefix)).sort(),
    close: async () => {},
  };
}
