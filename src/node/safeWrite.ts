import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { FourwayError } from "../core/errors.js";

/**
 * Writes a file so that after a crash there is the old one or the new one, whole: temporary file, fsync, rename, fsync of the folder.
 * @throws E_RUNTIME with the path where it cannot be written (no space, no folder, no right); no temporary file is left
 */
export function safeWrite(path: string, bytes: Uint8Array | string): Promise<void> {
  return safeWriteAll(new Map([[path, bytes]]));
}

/** As `safeWrite`, each file for itself, with one fsync a folder at the end. */
export async function safeWriteAll(files: ReadonlyMap<string, Uint8Array | string>): Promise<void> {
  for (const [path, bytes] of files) {
    const temporary = `${path}.tmp`;
    try {
      await writeWhole(temporary, bytes);
      await rename(temporary, path);
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {}); // the first error is reported, not that of the clean-up
      throw writeFault(path, `to write ${bytes.length} bytes`, cause);
    }
  }
  for (const folder of new Set([...files.keys()].map(dirname)))
    await syncFolder(folder).catch((cause) => {
      throw writeFault(folder, "to keep what was written", cause);
    });
}

function writeFault(path: string, expected: string, cause: unknown): FourwayError {
  const { message } = cause as Error;
  return new FourwayError(
    "E_RUNTIME",
    `${path}: expected ${expected}, got ${message}; free some space, or choose a folder that can be written`,
    {
      cause,
    },
  );
}

/** Finds out before long work whether `safeWrite` can write a file at its end. @throws E_RUNTIME with the path where it cannot */
export async function checkWritable(path: string): Promise<void> {
  try {
    const info = await stat(path).catch(() => null);
    if (info?.isDirectory()) throw new Error("a folder");
    const temporary = `${path}.tmp`;
    await (await open(temporary, "w")).close();
    await rm(temporary);
  } catch (cause) {
    throw new FourwayError(
      "E_RUNTIME",
      `${path}: expected a file that can be written, got ${(cause as Error).message}; choose a name in a folder that can be written`,
      { cause },
    );
  }
}

/** Makes a folder, and those above it, where they are missing. @throws E_RUNTIME with the path where it cannot be made */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause: Error) => {
    throw new FourwayError("E_RUNTIME", `${path}: expected to make a folder, got ${cause.message}; choose another place`, { cause });
  });
}

async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What was made, renamed or removed in a folder lasts from now on. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
