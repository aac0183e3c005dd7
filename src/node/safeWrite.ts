import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { FourwayError } from "../core/errors.js";

/**
 * Writes a file so that after a crash there is the old one or the new one, whole: temporary file, fsync, rename, fsync of the folder.
 * @throws E_RUNTIME with the path where it cannot be written (no space, no folder, no right); nothing is left beside it then
 */
export async function safeWrite(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await writeWhole(temporary, path, bytes);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // what went wrong is told, not that it could not be cleaned up
    throw new FourwayError(
      "E_RUNTIME",
      `${path}: expected to write ${bytes.length} bytes, got ${(cause as Error).message}; free some space, or choose a folder that can be written`,
      { cause },
    );
  }
}

async function writeWhole(temporary: string, path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await open(temporary, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
