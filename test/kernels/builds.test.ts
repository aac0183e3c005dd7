import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { ARM, missing, RUNTIMES } from "../runtimes/runtimes.js";
import { BUILD } from "../support/arena.js";

// Every build of the kernels must pass every test of kernels; int8 is thereby the same on all of them, bit for bit.

const { targets } = JSON.parse(readFileSync("asconfig.json", "utf8")) as {
  targets: Record<string, { outFile: string; textFile: string; sharedMemory?: boolean }>;
};

/** Where a build may run: this Node; one that knows relaxed SIMD, and the CPU's dot products of bytes, if it is installed; this one with a flag. */
const NEWEST = RUNTIMES.find(({ name }) => name === "node 26")!.command;
const HOSTS = [[process.execPath], [NEWEST], [process.execPath, "--experimental-wasm-relaxed-simd"]];

function run([node, ...flags]: readonly string[], script: string, build: string) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // else a child reports to this test's runner
  return spawnSync(node!, [...flags, "--input-type=module", "-e", script], {
    env: { ...env, FOURWAY_TEST_BUILD: build },
    encoding: "utf8",
  });
}

const files = ["ops", "kernels"]
  .flatMap((folder) => readdirSync(join("dist/test", folder)).map((name) => join("dist/test", folder, name)))
  .filter((file) => file.endsWith(".test.js") && !file.endsWith("builds.test.js"));

/** Runs all tests of kernels on a build. */
function passes(host: readonly string[], build: string): void {
  const all = files.map((file) => `await import(${JSON.stringify(pathToFileURL(resolve(file)).href)});`).join("\n");
  const { status, stdout } = run(host, all, build);
  assert.equal(status, 0, stdout.slice(-4000));
  const passed = Number(stdout.match(/^# pass (\d+)$/m)?.[1] ?? stdout.match(/ pass (\d+)$/m)?.[1]);
  assert.ok(passed > 300, `expected hundreds of tests to have run, got ${passed}: ${stdout.slice(-4000)}`);
}

const isTwin = (build: string): boolean => targets[build]!.sharedMemory === true;

for (const build of Object.keys(targets).filter(isTwin))
  test(`the ${build} build is the one without threads but for the memory, which is shared`, () => {
    const [text, plain] = [build, build.replace("Threads", "")].map((name) => readFileSync(targets[name]!.textFile, "utf8"));
    assert.equal(text!.replace(/\(memory \$0 1 16384 shared\)/, "(memory $0 1)"), plain);
    assert.notEqual(text, plain);
  });

for (const [build, { outFile }] of Object.entries(targets))
  if (build !== BUILD && !isTwin(build))
    test(`the ${build} build passes the same tests as ${BUILD}`, (t) => {
      const bytes = JSON.stringify(resolve(outFile));
      const accepted = `import fs from "node:fs"; process.exit(WebAssembly.validate(fs.readFileSync(${bytes})) ? 0 : 1)`;
      const host = HOSTS.find((command) => run(command, accepted, build).status === 0);
      if (!host) return t.skip(`this runtime does not take the ${build} build, with or without a flag`);
      passes(host, build);
    });

test("the relaxed build passes the same tests on ARM, in quads of signed bytes", { skip: missing(ARM) }, () =>
  passes([ARM.command, ...ARM.flags], "relaxed"),
);
