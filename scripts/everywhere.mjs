// Packs the package and uses it as its users do: a fresh project for each bundler and runtime (everywhere/cells.mjs), which installs the tarball,
// builds, runs, and must find bit for bit what Node 20 finds, in one thread and in two.
// Usage: node scripts/everywhere.mjs [--short] [name of a cell ...] (after a build). Unless --short, results go to
// docs/everywhere.json and .md. Needs the npm registry, Chromium and scripts/runtimes.mjs.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
const STEP_MS = 900_000;
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
  const ended = new Promise((resolve) => server.once("close", resolve));
  const asked = async () => {
    const response = await untilAnswers(origin + (answers ?? "/"));
    return answers ? response.json() : pageAnswer(origin, "/");
  };
  const died = ended.then((code) => Promise.reject(new Error(`the server ended with exit code ${code}`)));
  try {
    return await Promise.race([asked(), died]);
  } catch (error) {
    throw new Error(`${error.message}\n${said}`);
  } finally {
    died.catch(() => {});
    if (server.exitCode === null) process.kill(-server.pid, "SIGTERM");
    await ended;
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

/** What is known of each cell: of those that were not asked for, from former runs. */
const RESULTS = "docs/everywhere.json";
const results = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : {};

function writeResults() {
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  const versions = (tools = {}) =>
    Object.entries(tools)
      .map((tool) => tool.join(" "))
      .join(", ");
  const lines = Object.entries(CELLS).map(([name, { tools }]) => {
    const { fault, reason } = results[name] ?? { fault: "not tried yet" };
    return `| ${name} | ${versions(tools)} | ${fault ? fault.split("\n")[0].replaceAll("|", "/").slice(0, 160) : "same bits"} | ${fault ? "" : reason ? `1: ${reason}` : "2"} |`;
  });
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

const names = positionals.length > 0 ? positionals : Object.keys(CELLS).filter((name) => !values.short || CELLS[name].short);
let failed = 0;
try {
  const packed = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", scratch], { encoding: "utf8" });
  const tarball = join(scratch, JSON.parse(packed)[0].filename);
  const { Detector, drawScene } = await import("../dist/src/index.js");
  const detector = await Detector.load();
  const { presence, objects } = detector.detect(drawScene(1, 8, { width: 640, height: 400 }).frame);
  const reference = JSON.stringify({ presence, objects });
  for (const name of names) {
    const start = performance.now();
    let [fault, reason] = ["", ""];
    try {
      const folder = prepare(name, CELLS[name], tarball);
      const answer = await answerOf(CELLS[name], folder);
      fault = faultOf(answer, CELLS[name], reference);
      reason = answer[1]?.reason ?? "";
      if (!values.keep) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    } catch (error) {
      fault = error.message;
    }
    if (fault) failed++;
    if (!values.short) {
      results[name] = { fault, reason };
      writeResults();
    }
    console.log(`${fault ? "FAIL" : "ok  "} ${name} (${((performance.now() - start) / 1000).toFixed(0)} s)${fault ? `\n${fault}` : ""}`);
  }
} finally {
  if (!values.keep) rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
console.log(`${names.length - failed} of ${names.length} places`);
process.exit(failed > 0 ? 1 : 0);
