import { spawnSync } from "node:child_process";
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
