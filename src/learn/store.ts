/** Where a learner keeps what it has: named blobs, written whole or not at all. */
export interface LearnStore {
  /** The blob's bytes, or undefined. */
  read(key: string): Promise<Uint8Array | undefined>;
  /** Writes all of `changes` or none of them, also when the process dies midway (undefined deletes the key). */
  write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void>;
  /** Keys that begin with `prefix`, sorted. */
  list(prefix: string): Promise<string[]>;
  close(): Promise<void>;
}
