import { FourwayError } from "../core/errors.js";
import { openSlotStore, type StoreFiles, type StoreOptions } from "./slotStore.js";
import type { LearnStore } from "./store.js";

/** What a dedicated worker's file handle has; TypeScript knows it only in programs for workers. */
interface SyncAccess {
  truncate(bytes: number): void;
  write(bytes: Uint8Array, options: { at: number }): number;
  flush(): void;
  close(): void;
}

/** A page that is being left is waited for. */
const LOCK_WAIT_MS = 2000;

/**
 * Opens a learner's store in the browser's own files (OPFS, the origin private file system), in a worker or a page. One page or worker of the origin
 * writes to it at a time. Call `navigator.storage.persist()` if the browser may not clear it when space runs short.
 * @param name letters, digits, "_" and "-"
 * @throws E_RUNTIME outside of a browser, in an insecure page, or where another page has it; E_DATA where its record is damaged
 */
export async function opfsStore(name: string, options: StoreOptions = {}): Promise<LearnStore> {
  if (!/^[\w-]+$/.test(name))
    throw new FourwayError("E_ARGUMENT", `opfsStore: expected a name of letters, digits, "_" and "-", got "${name}"; choose another one`);
  const where = `store "${name}"`;
  const { storage, locks } = globalThis.navigator ?? {};
  if (!storage?.getDirectory || !locks)
    throw new FourwayError(
      "E_RUNTIME",
      `${where}: expected a browser's page or worker behind https or on localhost, got none; use fileStore of fourway/node, or memoryStore`,
    );
  const release = options.readOnly ? async () => {} : await takeLock(locks, `fourway store ${name}`, where);
  try {
    const root = await storage.getDirectory();
    const folder = await root.getDirectoryHandle(`fourway-${name}`, { create: true });
    return await openSlotStore(filesOf(folder, where, release), options);
  } catch (error) {
    await release();
    throw error;
  }
}

/** Takes a lock that ends with the page or worker. @returns how to release it */
function takeLock(locks: LockManager, name: string, where: string): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const request: Promise<void> = locks.request(name, { signal: AbortSignal.timeout(LOCK_WAIT_MS) }, () => {
      return new Promise<void>((release) => {
        resolve(async () => {
          release();
          await request;
        });
      });
    });
    request.catch((cause) => {
      const message = `${where}: expected a store that no other page or worker writes to, got one in use; close it there first`;
      reject(new FourwayError("E_RUNTIME", message, { cause }));
    });
  });
}

function filesOf(folder: FileSystemDirectoryHandle, where: string, close: () => Promise<void>): StoreFiles {
  return {
    where,
    async names() {
      const names: string[] = [];
      for await (const name of folder.keys()) names.push(name);
      return names;
    },
    async read(name) {
      const handle = await folder.getFileHandle(name).catch((cause) => notThere(cause, undefined));
      return handle && new Uint8Array(await (await handle.getFile()).arrayBuffer());
    },
    async write(files) {
      for (const [name, bytes] of files)
        await writeFile(folder, name, bytes).catch((cause: Error) => {
          throw new FourwayError(
            "E_RUNTIME",
            `${where}: expected to write ${bytes.length} bytes, got ${cause.message}; free some space, or ask for more with navigator.storage.persist()`,
            { cause },
          );
        });
    },
    async remove(names) {
      for (const name of names) await folder.removeEntry(name).catch((cause) => notThere(cause, undefined));
    },
    close,
  };
}

async function writeFile(folder: FileSystemDirectoryHandle, name: string, bytes: Uint8Array): Promise<void> {
  const handle = (await folder.getFileHandle(name, { create: true })) as FileSystemFileHandle & {
    createSyncAccessHandle?: () => Promise<SyncAccess>;
  };
  if (handle.createSyncAccessHandle) {
    const access = await handle.createSyncAccessHandle();
    try {
      access.truncate(0);
      const written = access.write(bytes, { at: 0 });
      if (written !== bytes.length) throw new Error(`room for ${written}`);
      access.flush();
    } finally {
      access.close();
    }
  } else if (handle.createWritable) {
    const stream = await handle.createWritable();
    await stream.write(new Uint8Array(bytes)); // a stream takes no shared memory
    await stream.close();
  } else throw new Error("a page of a browser that writes such files in workers only");
}

/** What stands for a file that is not there. @throws other errors as they are */
function notThere<T>(cause: DOMException, value: T): T {
  if (cause.name === "NotFoundError") return value;
  throw cause;
}
