import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CHROMIUM, FIREFOX, XVFB } from "../browser/chromium.js";

const root = new URL("../../../", import.meta.url);
const installed = (path: string): string => fileURLToPath(new URL(`build/runtimes/node_modules/${path}`, root));

/** A JavaScript runtime with a command line. */
export interface Runtime {
  name: string;
  command: string;
  /** Before the script. */
  flags: string[];
  relaxed: boolean;
}

const major = Number(process.versions.node.split(".")[0]);

/** The runtimes: the one of the tests, and those that scripts/runtimes.mjs installs. */
export const RUNTIMES: readonly Runtime[] = [
  { name: `this node, ${major}`, command: process.execPath, flags: [], relaxed: major >= 22 },
  { name: "node 22", command: installed("node22/bin/node"), flags: [], relaxed: true },
  { name: "node 24", command: installed("node24/bin/node"), flags: [], relaxed: true },
  { name: "node 26", command: installed("node26/bin/node"), flags: [], relaxed: true },
  { name: "deno", command: installed("deno/deno"), flags: ["run", "--no-lock", "--allow-read", "--allow-net=127.0.0.1"], relaxed: true },
  { name: "bun", command: installed("bun/bin/bun.exe"), flags: [], relaxed: true },
];

/** Set to "required" where a runtime that is missing is a fault (in CI). */
const required = process.env.FOURWAY_RUNTIMES === "required";

/** Another kind of CPU, whose dot products take signed bytes. It is emulated and takes its time. */
export const ARM: Runtime = {
  name: "node 24 on ARM",
  command: "/usr/bin/qemu-aarch64",
  flags: ["-cpu", "max", "-L", "/usr/aarch64-linux-gnu", installed("node24arm64/bin/node")],
  relaxed: true,
};

/** How to install what is missing, here and in .ci/run. */
const INSTALL = "run node scripts/runtimes.mjs, and apt-get install -y chromium firefox-esr xvfb qemu-user libstdc++6-arm64-cross";

/** False, or why a test that needs these paths has to be skipped. */
function missingFiles(...paths: string[]): string | false {
  const absent = paths.find((path) => isAbsolute(path) && !existsSync(path));
  return !required && absent !== undefined && `${absent} is not there: ${INSTALL}`;
}

/** The same for a runtime. */
export const missing = ({ command, flags }: Runtime): string | false => missingFiles(command, ...flags);

/** The same for Chromium. */
export const missingChromium: string | false = missingFiles(CHROMIUM);
/** For Chromium in a window. */
export const missingWindow: string | false = missingFiles(CHROMIUM, XVFB);
/** And for Firefox. */
export const missingFirefox: string | false = missingFiles(FIREFOX);

/** Runs a compiled script of this folder to its end. @returns what it printed, as JSON @throws Error with what it said where it failed */
export async function runOn({ command, flags }: Runtime, script: string, argument: unknown): Promise<unknown> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await promisify(execFile)(command, [...flags, path, JSON.stringify(argument)], {
    cwd: fileURLToPath(root),
    env: { ...process.env, DENO_DIR: fileURLToPath(new URL("build/runtimes/deno", root)), NO_COLOR: "1" },
    maxBuffer: 1 << 26,
  });
  return JSON.parse(stdout);
}
