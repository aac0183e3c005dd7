import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Runs a compiled script to its end. @param script path below dist/. */
export function runScript(
  script: string,
  args: readonly string[],
  cwd?: string,
): { stdout: string; stderr: string; status: number | null } {
  const path = fileURLToPath(new URL(`../../${script}`, import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [path, ...args], { encoding: "utf8", cwd });
  return { stdout, stderr, status };
}

/** Runs the compiled `fourway` program. */
export function fourway(args: readonly string[]): { stdout: string; stderr: string; status: number | null } {
  return runScript("src/cli/main.js", args);
}

/** Starts `fourway`; `said` resolves when its messages contain a text. */
export function startFourway(args: readonly string[]): {
  child: ChildProcess;
  said(text: string): Promise<void>;
  ended: Promise<{ code: number | null; stderr: string }>;
} {
  const child = spawn(process.execPath, [fileURLToPath(new URL("../../src/cli/main.js", import.meta.url)), ...args]);
  let stderr = "";
  let check = (): void => {};
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
    check();
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) => child.on("close", (code) => resolve({ code, stderr })));
  const said = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      check = () => stderr.includes(text) && resolve();
      check();
      child.on("close", () => reject(new Error(`ended without saying "${text}":\n${stderr}`)));
    });
  return { child, said, ended };
}
