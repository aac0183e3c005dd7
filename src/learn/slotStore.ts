// A store over a few flat files that survives the end of the process at any point.
//
//   <sha256>      a blob, named by the digest of its bytes: equal blobs are one file, a file that is there is never written again
//   manifest.0    the record: generation, and each key's blob. The digest of the record is its first line. Generation g is written to slot
//   manifest.1    g % 2, so the record before it is still there while it is written, and its blobs are kept.
//
// A write first writes the blobs that are missing, then one record; the record decides. Opening takes the newest whole record and removes
// blobs of neither record, which is what a write that was cut off leaves. A new store begins with an empty record of generation 0.

import { FourwayError } from "../core/errors.js";
import { sha256 } from "../core/sha256.js";
import { type BlobReference, encodeManifest, type Manifest, parseManifest } from "./manifest.js";
import { checkKeys, closedError, type LearnStore } from "./store.js";

/** Flat files with exclusive use of their place. */
export interface StoreFiles {
  /** The place, as messages name it. */
  readonly where: string;
  /** Names of all files. */
  names(): Promise<string[]>;
  /** A file's bytes, or undefined. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Writes files, over older ones of their name. Once it resolves they last; where it fails or the process dies before, each is as before,
   * whole, torn or gone.
   */
  write(files: ReadonlyMap<string, Uint8Array>): Promise<void>;
  /** Removes files; those that are not there are no error. */
  remove(names: readonly string[]): Promise<void>;
  /** Ends the exclusive use. */
  close(): Promise<void>;
}

/** How a store is opened. */
export interface StoreOptions {
  /** Told, in a sentence, what opening found and mended. */
  onNotice?: (notice: string) => void;
  /** Nothing is written and nobody is kept out: `write` throws E_RUNTIME. A writer's newest commits may not be seen. */
  readOnly?: boolean;
}

const SLOTS = ["manifest.0", "manifest.1"] as const;
const BLOB = /^[0-9a-f]{64}$/;

/**
 * Opens the store in `files`, or begins one where there is none.
 * @throws E_DATA where there is a store without a whole record
 */
export async function openSlotStore(files: StoreFiles, { onNotice = () => {}, readOnly = false }: StoreOptions = {}): Promise<LearnStore> {
  const names = new Set(await files.names());
  const slots = await readSlots(files, names, onNotice);
  let current = newest(slots);
  /** Blobs that are on disk as they should be. */
  const whole = new Set([...references(slots)].filter((name) => names.has(name)));
  if (!readOnly) {
    if (!slots.some((slot) => slot)) {
      slots[0] = current;
      await files.write(new Map([[SLOTS[0], encodeManifest(current)]]));
    }
    const damaged = SLOTS.some((name, i) => names.has(name) && !slots[i]); // then a person may want what its record names
    if (!damaged) await files.remove([...names].filter((name) => BLOB.test(name) && !whole.has(name)));
  }

  /** The call before; each waits for it. */
  let last: Promise<unknown> = Promise.resolve();
  let open = true;
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (!open) return Promise.reject(closedError(files.where));
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  }

  async function readBlob(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const reference = current.blobs.get(key);
    if (!reference) return undefined;
    const bytes = await files.read(reference.sha256);
    if (bytes?.length === reference.bytes && sha256(bytes) === reference.sha256) return bytes;
    whole.delete(reference.sha256); // the next write of these bytes mends it
    throw damaged(files.where, key, reference, bytes);
  }

  async function write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    if (readOnly)
      throw new FourwayError(
        "E_RUNTIME",
        `${files.where}: expected a store that may be written, got one opened to read; open it without readOnly`,
      );
    checkKeys(files.where, changes);
    const blobs = new Map(current.blobs);
    const added = new Map<string, Uint8Array>();
    for (const [key, bytes] of changes) {
      if (!bytes) {
        blobs.delete(key);
        continue;
      }
      const digest = sha256(bytes);
      blobs.set(key, { sha256: digest, bytes: bytes.length });
      if (!whole.has(digest)) added.set(digest, bytes);
    }
    const next = { generation: current.generation + 1, blobs };
    const slot = next.generation % 2;
    try {
      if (added.size > 0) await files.write(added);
    } catch (error) {
      await files.remove([...added.keys()]).catch(() => {}); // the first error is reported; opening removes what is left
      throw error;
    }
    for (const name of added.keys()) whole.add(name);
    slots[slot] = undefined;
    try {
      await files.write(new Map([[SLOTS[slot]!, encodeManifest(next)]]));
    } catch (error) {
      await files.remove([SLOTS[slot]!]).catch(() => {}); // it may have come to disk: what was refused must not be there after opening
      throw error;
    }
    slots[slot] = next;
    current = next;
    const kept = references(slots);
    const unused = [...whole].filter((name) => !kept.has(name));
    for (const name of unused) whole.delete(name);
    await files.remove(unused).catch(() => {}); // opening removes what is left
  }

  return {
    read: (key) =>
      inTurn(async () => {
        try {
          return await readBlob(key);
        } catch (error) {
          if (!readOnly) throw error;
          current = newest(await readSlots(files, new Set(await files.names()), onNotice)); // a writer went on and removed it
          return readBlob(key);
        }
      }),
    write: (changes) => inTurn(() => write(changes)),
    list: (prefix) => inTurn(async () => [...current.blobs.keys()].filter((key) => key.startsWith(prefix)).sort()),
    async close() {
      if (!open) return;
      const closed = inTurn(() => files.close());
      open = false;
      await closed;
    },
  };
}

/** The whole records of both slots. @throws E_DATA where there are blobs and no whole record */
async function readSlots(
  files: StoreFiles,
  names: ReadonlySet<string>,
  onNotice: (notice: string) => void,
): Promise<(Manifest | undefined)[]> {
  const found = await Promise.all(SLOTS.map((name) => (names.has(name) ? files.read(name) : undefined)));
  const slots = found.map((bytes, i) => bytes && parseManifest(bytes, `${files.where}: ${SLOTS[i]}`));
  const broken = SLOTS.filter((_, i) => found[i] && !slots[i]);
  if (slots.some((slot) => slot)) {
    if (broken.length > 0)
      onNotice(`${files.where}: ${broken[0]} was cut off or is damaged; the store is as it was at generation ${newest(slots).generation}`);
  } else if ([...names].some((name) => BLOB.test(name)))
    // the first record comes before the first blob
    throw new FourwayError(
      "E_DATA",
      `${files.where}: expected a whole record in ${SLOTS.join(" or ")}, got ${broken.length} damaged; put both back from a copy, or choose another place`,
    );
  return slots;
}

function newest(slots: readonly (Manifest | undefined)[]): Manifest {
  const whole = slots.filter((slot) => slot !== undefined);
  return whole.sort((a, b) => b.generation - a.generation)[0] ?? { generation: 0, blobs: new Map() };
}

/** Names of the blobs that records refer to. */
function references(slots: readonly (Manifest | undefined)[]): Set<string> {
  return new Set(slots.flatMap((slot) => (slot ? [...slot.blobs.values()].map((blob) => blob.sha256) : [])));
}

function damaged(where: string, key: string, expected: BlobReference, bytes: Uint8Array | undefined): FourwayError {
  const got = bytes === undefined ? "no file" : bytes.length === expected.bytes ? "other bytes" : `${bytes.length} bytes`;
  return new FourwayError(
    "E_DATA",
    `${where}: expected "${key}" as the file ${expected.sha256} of ${expected.bytes} bytes, got ${got}; put the file back from a copy, or delete the key`,
  );
}
