// Where a learner keeps its frames, labels and versions. One interface, three places: memory (memoryStore.ts), OPFS (opfsStore.ts), files (node/fileStore.ts).
// The last two are the same store (slotStore.ts) over different files.

import { FourwayError } from "../core/errors.js";

/**
 * Named blobs, written whole or not at all. A key is any non-empty text, by convention a path such as "versions/3/model.onnx". Calls may overlap; they are
 * carried out in order. After `close` every call throws E_DISPOSED.
 */
export interface LearnStore {
  /**
   * The blob's bytes, a copy; undefined where there is no such key.
   * @throws E_DATA where the blob is damaged, with its key
   */
  read(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Writes all of `changes` or none of them, also when the process dies midway; undefined deletes a key. What it resolved for lasts.
   * @throws E_RUNTIME where it cannot write (no space, no right, another writer); the store is then as before
   */
  write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void>;
  /** Keys that begin with `prefix`, in the order of their UTF-16 code units. */
  list(prefix: string): Promise<string[]>;
  /** Waits for the calls before it and lets the next writer in. Closing twice is no error. */
  close(): Promise<void>;
}

/** The error of a call after `close`. */
export function closedError(where: string): FourwayError {
  return new FourwayError("E_DISPOSED", `${where}: expected an open store, got a closed one; open it again`);
}

/** Throws E_ARGUMENT where a key is empty. */
export function checkKeys(where: string, changes: ReadonlyMap<string, unknown>): void {
  if (changes.has(""))
    throw new FourwayError("E_ARGUMENT", `${where}: expected keys of one letter or more, got an empty one; name the blob`);
}
