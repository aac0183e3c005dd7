import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Random } from "../../src/core/random.js";
import { KillLog } from "../learn/storeContract.js";

/** A process that was killed with SIGKILL, or ended before. */
export interface Killed {
  /** Whole lines that it printed. */
  lines: string[];
  /** When each came, in milliseconds from the start. */
  times: number[];
  /** null where it was killed. */
  code: number | null;
  stderr: string;
}

/**
 * Runs a compiled script in a process of its own and kills it: `ms` after the line of this number, or after its start for 0.
 * @param script path below dist/
 * @param runtime command of a JavaScript runtime and what it takes before the script
 */
export function runAndKill(
  script: string,
  args: readonly string[],
  line: number,
  ms: number,
  runtime: readonly string[] = [process.execPath],
): Promise<Killed> {
  const [command, ...flags] = runtime;
  const child = spawn(command!, [...flags, fileURLToPath(new URL(`../../${script}`, import.meta.url)), ...args]);
  const began = performance.now();
  let [stdout, stderr] = ["", ""];
  const times: number[] = [];
  let waiting = true;
  const killInTime = (): void => {
    if (!waiting || times.length < line) return;
    waiting = false;
    setTimeout(() => child.kill("SIGKILL"), ms);
  };
  child.stdout.on("data", (text: Buffer) => {
    stdout += text;
    while (times.length < stdout.split("\n").length - 1) times.push(performance.now() - began);
    killInTime();
  });
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  killInTime();
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ lines: stdout.split("\n").slice(0, -1), times, code, stderr }));
  });
}

/** How often the tests kill: set FOURWAY_KILLS for more. */
export const KILLS = Number(process.env.FOURWAY_KILLS ?? 100);

/**
 * Kills a script over and over: a quarter of the times while it starts and opens, else within one of its first writes. It says what `KillLog` reads.
 * @throws Error where a script ends by itself, and what `KillLog` throws
 */
export async function killOften(random: Random, script: string, args: readonly string[], kills = KILLS): Promise<KillLog> {
  const log = new KillLog();
  let [openMs, writeMs] = [500, 10];
  for (let kill = 0; kill < kills; kill++) {
    const line = random.chance(1 / 4) ? 0 : 1 + random.below(3);
    const { lines, times, code, stderr } = await runAndKill(script, args, line, random.uniform(0, 1.2 * (line === 0 ? openMs : writeMs)));
    if (code !== null) throw new Error(`kill ${kill}: the script ended with ${code}:\n${stderr}`);
    openMs = times[0] ?? openMs;
    if (times.length > 1) writeMs = (times.at(-1)! - times[0]!) / (times.length - 1);
    log.add(lines);
  }
  return log;
}
