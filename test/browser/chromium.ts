import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Debian's Chromium, or the one that the environment names. */
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Debian's Firefox. */
export const FIREFOX = "/usr/bin/firefox-esr";

/** Debian's display without a screen. */
export const XVFB = "/usr/bin/Xvfb";

/** Pages that have not all answered by then never will. */
const LONGEST_MS = 120_000;
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions"];

/** How a browser is started with its data in a folder, without a window. */
type Browser = (profile: string) => [string, ...string[]];
const chromium: Browser = (profile) => [CHROMIUM, ...FLAGS, `--user-data-dir=${profile}`, "--enable-logging=stderr"];
/** Firefox, for `visit`. */
export const firefox: Browser = (profile) => [FIREFOX, "--headless", "--no-remote", "--profile", profile];

const TYPES: Record<string, string> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  wasm: "application/wasm",
  webmanifest: "application/manifest+json",
};

/** What a site serves: bodies by path, beginning with "/". */
export type Files = ReadonlyMap<string, string | Uint8Array>;

/** A server on this machine alone. */
export interface Server {
  /** "http://127.0.0.1:port" */
  origin: string;
  /** Paths that were asked for, in order. */
  requested: string[];
  /** What comes to /result, one page after the other. */
  onResult: (result: unknown) => string;
  close(): void;
}

/**
 * Serves files; other paths are not found. What is posted to /result goes to `onResult`, whose return value is the reply.
 * @param headers of every answer
 */
export async function serve(files: Files, headers: Readonly<Record<string, string>> = {}): Promise<Server> {
  const http = createServer((request, response) => {
    const path = new URL(request.url!, "http://localhost").pathname;
    server.requested.push(path);
    if (request.method === "POST" && path === "/result") {
      const chunks: Buffer[] = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => response.end(server.onResult(JSON.parse(Buffer.concat(chunks).toString()))));
      return;
    }
    const body = files.get(path);
    const type = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": type,
      ...headers,
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const server: Server = {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requested: [],
    onResult: () => "",
    close() {
      http.close();
      http.closeAllConnections();
    },
  };
  return server;
}

/**
 * Opens pages in one headless browser, Chromium unless another is given, one after the other. Each posts its result as JSON to /result and goes on to the address that
 * comes back, if any (see `page.ts`).
 * @param kept a folder with the browser's data, which lasts; the browser is then killed with SIGKILL, whatever its pages do
 * @throws Error where a page gives none
 */
export async function visit(
  server: Server,
  pages: readonly string[],
  longestMs = LONGEST_MS,
  kept?: string,
  start: Browser = chromium,
): Promise<unknown[]> {
  const profile = kept ?? mkdtempSync(join(tmpdir(), "fourway-chromium-"));
  const results: unknown[] = [];
  const [command, ...flags] = start(profile);
  const browser = spawn(command, [...flags, server.origin + pages[0]!], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  browser.stderr.on("data", (text) => {
    said = (said + text).slice(-4000);
  });
  const ended = new Promise<void>((resolve) => browser.once("close", () => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${pages[results.length]}: no result in ${longestMs} ms\n${said}`)), longestMs);
      browser.once("error", reject);
      browser.once("exit", (code) => reject(new Error(`${command} ended with ${code}\n${said}`)));
      server.onResult = (result) => {
        results.push(result);
        if (results.length < pages.length) return server.origin + pages[results.length]!;
        clearTimeout(late);
        resolve();
        return "";
      };
    });
  } finally {
    browser.removeAllListeners("exit").kill(kept ? "SIGKILL" : "SIGTERM");
    await ended;
    if (!kept) rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
  return results;
}
