import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { CHROMIUM, XVFB } from "./chromium.js";

/** A tab of the window. */
export interface Tab {
  /** The value of an expression, which may be a promise. */
  evaluate<T>(expression: string): Promise<T>;
  /** Puts it in front of the others. */
  show(): Promise<void>;
}

type Answer = { id?: number; result?: unknown; error?: { message: string } };

/**
 * Opens Chromium in a window, where a tab behind another one is hidden: what tests otherwise use says of every tab that it is in front. Speaks the
 * DevTools protocol over pipes.
 */
export async function windowed<T>(args: readonly string[], work: (open: (url: string) => Promise<Tab>) => Promise<T>): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), "fourway-chromium-"));
  const screen = spawn(XVFB, ["-displayfd", "3", "-screen", "0", "900x700x24"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  let browser: ChildProcess | undefined;
  try {
    const number = await new Promise<string>((resolve, reject) => {
      screen.once("error", reject).once("exit", (code) => reject(new Error(`${XVFB} ended with ${code}`)));
      (screen.stdio[3] as Readable).once("data", (text) => resolve(String(text).trim()));
    });
    const flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", `--user-data-dir=${profile}`];
    browser = spawn(CHROMIUM, [...flags, "--remote-debugging-pipe", ...args, "about:blank"], {
      env: { ...process.env, DISPLAY: `:${number}` },
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    const gone = new Promise<never>((_, reject) => {
      browser!.once("error", reject).once("exit", (code) => reject(new Error(`${CHROMIUM} ended with ${code}`)));
    });
    return await Promise.race([work(tabsOf(browser)), gone]);
  } finally {
    const ended = browser && new Promise((resolve) => browser!.once("close", resolve));
    browser?.kill();
    await ended;
    screen.removeAllListeners("exit").kill();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** How tabs are opened in a browser that hears and answers on its third and fourth pipe, messages ending in zeros. */
function tabsOf(browser: ChildProcess): (url: string) => Promise<Tab> {
  const [to, from] = [browser.stdio[3] as Writable, browser.stdio[4] as Readable];
  const waiting = new Map<number, (answer: Answer) => void>();
  let last = 0;
  let text = "";
  from.setEncoding("utf8").on("data", (more) => {
    const messages = (text + more).split("\0");
    text = messages.pop()!;
    for (const answer of messages.map((message) => JSON.parse(message) as Answer)) waiting.get(answer.id ?? 0)?.(answer);
  });
  const call = <R>(method: string, params: object, sessionId?: string): Promise<R> =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, ({ result, error }) => (error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result as R)));
      to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  return async (url) => {
    const { targetId } = await call<{ targetId: string }>("Target.createTarget", { url });
    const { sessionId } = await call<{ sessionId: string }>("Target.attachToTarget", { targetId, flatten: true });
    return {
      async evaluate<T>(expression: string): Promise<T> {
        const params = { expression, awaitPromise: true, returnByValue: true };
        type Evaluated = { result: { value: T }; exceptionDetails?: { text: string; exception?: { description?: string } } };
        const { result, exceptionDetails: fault } = await call<Evaluated>("Runtime.evaluate", params, sessionId);
        if (fault) throw new Error(fault.exception?.description ?? fault.text);
        return result.value;
      },
      show: () => call("Target.activateTarget", { targetId }),
    };
  };
}
