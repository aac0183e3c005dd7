// A folder of runs that the same command continues.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FourwayError } from "../../core/errors.js";
import { makeFolder, safeWrite } from "../../node/safeWrite.js";

/**
 * Makes the folder of an experiment and writes the settings of its runs there, so that only runs of the same settings are reused.
 * @throws E_ARGUMENT where the folder's runs were made with others
 */
export async function keepSettings(out: string, values: object): Promise<void> {
  const file = join(out, "settings.json");
  const settings = JSON.stringify(values);
  const before = await readFile(file, "utf8").catch(() => settings);
  if (before !== settings)
    throw new FourwayError(
      "E_ARGUMENT",
      `experiment: expected the settings of ${file}, ${before}, got ${settings}; give those or another --out`,
    );
  await makeFolder(out);
  await safeWrite(file, settings);
}

/** What an earlier run wrote to a file, else what `work` gives, which is written there; null is not. */
export async function keptResult<T>(file: string, work: () => Promise<T>): Promise<T> {
  const before = await readFile(file, "utf8").catch(() => null);
  if (before !== null) return JSON.parse(before) as T;
  const result = await work();
  if (result !== null) await safeWrite(file, JSON.stringify(result));
  return result;
}
