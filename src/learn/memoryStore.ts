import { checkKeys, closedError, type LearnStore } from "./store.js";

/** A store that lasts as long as the program: for trying out, and where nothing may be kept. */
export function memoryStore(): LearnStore {
  const blobs = new Map<string, Uint8Array>();
  let open = true;
  const checkOpen = (): void => {
    if (!open) throw closedError("memory store");
  };
  return {
    async read(key) {
      checkOpen();
      const bytes = blobs.get(key);
      return bytes && new Uint8Array(bytes);
    },
    async write(changes) {
      checkOpen();
      checkKeys("memory store", changes);
      for (const [key, bytes] of changes)
        if (bytes) blobs.set(key, new Uint8Array(bytes));
        else blobs.delete(key);
    },
    async list(prefix) {
      checkOpen();
      return [...blobs.keys()].filter((key) => key.startsWith(prefix)).sort();
    },
    async close() {
      open = false;
      blobs.clear();
    },
  };
}
