// Packs the package and uses it as its users do: a fresh project for each bundler and runtime (everywhere/cells.mjs), which installs the tarball,
// builds, runs, and must find bit for bit what Node 20 finds, in one thread and in two.
// Usage: node scripts/everywhere.mjs [--short] [name of a cell ...] (after a build). All of them, when all went through, write
// docs/everywhere.md. Needs the npm registry, Chromium and scripts/runtimes.mjs.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { serve, visit } from "../dist/test/browser/chromium.js";
import { CELLS, PROGRAM } from "./everywhere/cells.mjs";

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const { values, positionals } = parseArgs({ options: { short: { type: "boolean" }, keep: { type: "boolean" } }, allowPositionals: true });
const scratch = mkdtempSync(join(tmpdir(), "fourway-everywhere-"));
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
/** A server that does not answer by then never will. */
const SERVER_MS = 180_000;
const STEP_MS = 300_000;
const PORT = 4870;

function run(command, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command[0], command.slice(1), {
    cwd,
    encoding: "utf8",
    timeout: STEP_MS,
    env: { ...process.env, CI: "1", NEXT_TELEMETRY_DISABLED: "1", NUXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1" },
  });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${error?.message ?? ""}\n${`${stdout}${stderr}`.slice(-1500)}`);
  return stdout;
}

/** Installs a cell's project and builds it. @returns its folder and the versions of its tools */
function prepare(name, { tools = {}, files = {}, steps = [], type = "module", bundles = false }, tarball) {
  const folder = join(scratch, name.replaceAll(/\W+/g, "-"));
  mkdirSync(folder);
  const fourway = { fourway: `file:${tarball}` };
  const packages = bundles ? { devDependencies: { ...tools, ...fourway } } : { devDependencies: tools, dependencies: fourway };
  const all = { "package.json": JSON.stringify({ private: true, type, ...packages }), "program.js": PROGRAM, ...files };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  run(["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"], folder);
  for (const step of steps) run(step, folder);
  return folder;
}

function filesIn(folder) {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    paths.map((entry) => join(entry.parentPath ?? entry.path, entry.name)).map((path) => [path.slice(folder.length), readFileSync(path)]),
  );
}

/** What a page says, at whatever origin it is. */
async function pageAnswer(origin, path) {
  const collector = await serve(new Map(), { "access-control-allow-origin": "*" });
  try {
    const to = encodeURIComponent(`${collector.origin}/result`);
    const [answer] = await visit(Object.assign(collector, { origin }), [`${path}?to=${to}`]);
    return answer;
  } finally {
    collector.close();
  }
}

async function untilAnswers(url) {
  const end = Date.now() + SERVER_MS;
  for (;;) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return response;
    if (Date.now() > end) throw new Error(`${url}: ${response ? `status ${response.status}` : "no answer"} in ${SERVER_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function serverAnswer({ serve: command, answers }, folder) {
  const [program, ...args] = command(String(PORT));
  const server = spawn(program, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, NO_COLOR: "1" },
  });
  let said = "";
  for (const stream of [server.stdout, server.stderr])
    stream.on("data", (text) => {
      said = (said + text).slice(-1500);
    });
  const origin = `http://127.0.0.1:${PORT}`;
  try {
    const response = await untilAnswers(origin + (answers ?? "/"));
    return answers ? await response.json() : await pageAnswer(origin, "/");
  } catch (error) {
    throw new Error(`${error.message}\n${said}`);
  } finally {
    process.kill(-server.pid, "SIGTERM");
    await new Promise((resolve) => server.once("close", resolve));
  }
}

async function answerOf(cell, folder) {
  if (cell.command) return JSON.parse(run(cell.command, folder));
  if (cell.serve) return serverAnswer(cell, folder);
  const server = await serve(filesIn(join(folder, cell.pages)), ISOLATED);
  try {
    return await pageAnswer(server.origin, "/index.html");
  } finally {
    server.close();
  }
}

/** Why an answer is not what it should be. */
function faultOf(answer, { threads = true }, reference) {
  if (!Array.isArray(answer)) return answer.error ?? JSON.stringify(answer);
  for (const each of answer) if (each.found !== reference) return `other numbers: ${each.found}`;
  const [, two] = answer;
  if (threads && two.threads !== 2) return `one thread: ${two.reason}`;
  if (!threads && (two.threads !== 1 || !two.reason)) return `${two.threads} threads, ${two.reason}`;
  return "";
}

const chosen = Object.entries(CELLS).filter(([name, { short }]) =>
  positionals.length > 0 ? positionals.includes(name) : !values.short || short,
);
const rows = [];
try {
  const [{ filename }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", scratch], { encoding: "utf8" }),
  );
  const { Detector, drawScene } = await import("../dist/src/index.js");
  const detector = await Detector.load();
  const { presence, objects } = detector.detect(drawScene(1, 8, { width: 640, height: 400 }).frame);
  const reference = JSON.stringify({ presence, objects });
  for (const [name, cell] of chosen) {
    const start = performance.now();
    let fault;
    let reason = "";
    try {
      const folder = prepare(name, cell, join(scratch, filename));
      const answer = await answerOf(cell, folder);
      fault = faultOf(answer, cell, reference);
      reason = answer[1]?.reason ?? "";
      if (!values.keep) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    } catch (error) {
      fault = error.message;
    }
    rows.push({ name, cell, fault, reason });
    console.log(`${fault ? "FAIL" : "ok  "} ${name} (${((performance.now() - start) / 1000).toFixed(0)} s)${fault ? `\n${fault}` : ""}`);
  }
} finally {
  if (!values.keep) rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}

const failed = rows.filter(({ fault }) => fault);
if (rows.length === Object.keys(CELLS).length) {
  const versions = ({ tools = {} }) =>
    Object.entries(tools)
      .map((tool) => tool.join(" "))
      .join(", ");
  const lines = rows.map(
    ({ name, cell, fault, reason }) =>
      `| ${name} | ${versions(cell)} | ${fault ? fault.split("\n")[0].replaceAll("|", "/").slice(0, 160) : "same bits"} | ${fault ? "" : reason ? `1: ${reason}` : "2"} |`,
  );
  writeFileSync(
    "docs/everywhere.md",
    `# Everywhere

Made by \`npm run everywhere\`, which packs the package and builds and runs a fresh project for each place. Each calls \`Detector.load()\` with nothing to locate
and looks at a drawn street, in one thread and in two. "same bits": presence, scores and boxes are, bit for bit, those of Node 20. Pages are opened in
headless Chromium, cross-origin isolated.

| place | with | found | threads |
|---|---|---|---|
${lines.join("\n")}
`,
  );
}
console.log(`${rows.length - failed.length} of ${rows.length} places`);
process.exit(failed.length > 0 ? 1 : 0);
