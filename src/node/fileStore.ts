import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FourwayError } from "../core/errors.js";
import { openSlotStore, type StoreFiles, type StoreOptions } from "../learn/slotStore.js";
import type { LearnStore } from "../learn/store.js";
import { type FolderLock, lockFolder } from "./folderLock.js";
import { makeFolder, safeWriteAll, syncFolder } from "./safeWrite.js";

/** What `safeWrite` leaves of a file where the process is killed. */
const CUT_OFF = /^(?:[0-9a-f]{64}|manifest\.[01])\.tmp$/;

/**
 * Opens a learner's store in a folder, which is made where it is missing. One process writes to it at a time; others may read it with `readOnly`. A
 * process that is killed, or a power cut, loses nothing that `write` has resolved for and leaves a store that opens.
 * @throws E_RUNTIME where another process has it or it cannot be written, E_DATA where its record is damaged
 */
export async function fileStore(dir: string, options: StoreOptions = {}): Promise<LearnStore> {
  if (options.readOnly) return openSlotStore(filesOf(dir), options);
  await makeFolder(dir);
  await syncFolder(dirname(resolve(dir))).catch(() => {}); // a folder above that may not be read was there before
  const lock = await lockFolder(dir);
  try {
    for (const name of await readdir(dir)) if (CUT_OFF.test(name)) await rm(join(dir, name), { force: true });
    return await openSlotStore(filesOf(dir, lock), options);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function filesOf(dir: string, lock?: FolderLock): StoreFiles {
  return {
    where: dir,
    names: () => readdir(dir).catch((cause) => notThere(cause, [])),
    read: async (name) => {
      const bytes = await readFile(join(dir, name)).catch((cause) => notThere(cause, undefined));
      return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    },
    async write(files) {
      if (!(await lock?.held()))
        throw new FourwayError(
          "E_RUNTIME",
          `${dir}: expected to be its only writer, got a lock that another process removed; let one process at a time write to it`,
        );
      await safeWriteAll(new Map([...files].map(([name, bytes]) => [join(dir, name), bytes])));
    },
    async remove(names) {
      for (const name of names) await rm(join(dir, name), { force: true });
    },
    close: async () => lock?.release(),
  };
}

/** What stands for a file or folder that is not there. @throws other errors as they are */
function notThere<T>(cause: NodeJS.ErrnoException, value: T): T {
  if (cause.code === "ENOENT") return value;
  throw cause;
}
