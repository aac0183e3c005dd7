// One writer a folder. A lock is an empty file that names its process; the process's end, however it comes, ends the lock.
//
// Who wants the folder first makes a lock and then looks for others: of two at once at least the later one sees the other and gives way, so that
// never both have it. Locks of processes that have ended are removed.

import { randomBytes } from "node:crypto";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FourwayError } from "../core/errors.js";

/** A folder's lock. */
export interface FolderLock {
  /** False where someone has removed it, such as a process of another container that does not see this one. */
  held(): Promise<boolean>;
  release(): Promise<void>;
}

/** lock.<process>.<when it began>.<this boot>.<random>; "0" is not known. */
const LOCK = /^lock\.(\d+)\.(\d+)\.(\w+)\.\w+$/;
/** Someone who is about to leave is waited for, and two who meet at the door go apart. */
const TRIES = 5;
const PAUSE_MS = 40;

/** Takes the lock of a folder. @throws E_RUNTIME where another process has it, or nothing can be written there */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const boot = await bootId();
  const name = `lock.${process.pid}.${(await startOf(process.pid)) ?? 0}.${boot}.${randomBytes(6).toString("hex")}`;
  const path = join(folder, name);
  const release = (): Promise<void> => rm(path, { force: true });
  for (let attempt = 1; ; attempt++) {
    await writeFile(path, "", { flag: "wx" }).catch((cause: Error) => {
      throw new FourwayError("E_RUNTIME", `${folder}: expected a folder that can be written, got ${cause.message}; choose another one`, {
        cause,
      });
    });
    const others = (await readdir(folder)).filter((other) => LOCK.test(other) && other !== name);
    const living = [];
    for (const other of others)
      if (await lives(other, boot)) living.push(other);
      else await rm(join(folder, other), { force: true });
    if (living.length === 0) return { held: () => exists(path), release };
    await release();
    if (attempt === TRIES)
      throw new FourwayError(
        "E_RUNTIME",
        `${folder}: expected a store that no other process writes to, got one in use by process ${LOCK.exec(living[0]!)![1]}; close it there first`,
      );
    await sleep(PAUSE_MS * (1 + Math.random()));
  }
}

/** Whether the process of a lock still runs. */
async function lives(lock: string, boot: string): Promise<boolean> {
  const [, pid, start, itsBoot] = LOCK.exec(lock)!;
  if (itsBoot !== boot && itsBoot !== "0" && boot !== "0") return false;
  try {
    process.kill(Number(pid), 0); // 0 sends nothing
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const now = await startOf(Number(pid));
  return now === undefined || start === "0" || now === start; // else the number went to another process
}

/** When a process began, in ticks since the system's start ("ended" of one that only waits to be collected); undefined where there is no /proc. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // the name in brackets may hold anything; fields are counted from behind it
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields && (/[ZX]/.test(fields[0]!) ? "ended" : fields[19]);
}

async function bootId(): Promise<string> {
  const id = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "0");
  return id.trim().replaceAll("-", "");
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
