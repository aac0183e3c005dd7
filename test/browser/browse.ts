import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { CHROMIUM } from "./chromium.js";

/** How a browser is started. */
export interface Browsing extends BrowserContextOptions {
  /** The clip (y4m) that its camera plays; without one it has no camera. */
  clip?: string;
  /** Whether a site may use the camera. Default true. */
  allowed?: boolean;
  /** The folder of an extension, not packed. */
  extension?: string;
  /** Of the command line. */
  args?: string[];
}

/** Opens headless Chromium with a profile of its own for as long as `work` takes. Errors of pages are its errors. */
export async function browse<T>(
  { clip, allowed = true, extension, args = [], ...options }: Browsing,
  work: (page: Page, context: BrowserContext) => Promise<T>,
): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), "fourway-chromium-"));
  const camera = clip ? ["--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${clip}`] : [];
  const extended = extension ? [`--load-extension=${extension}`, `--disable-extensions-except=${extension}`] : [];
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--disable-gpu",
      "--autoplay-policy=no-user-gesture-required",
      ...camera,
      ...extended,
      ...args,
    ],
    ignoreDefaultArgs: extension ? ["--disable-extensions"] : [],
    permissions: allowed ? ["camera"] : [],
    ...options,
  });
  const faults: string[] = [];
  context.on("weberror", (fault) => faults.push(String(fault.error().stack)));
  try {
    const result = await work(context.pages()[0] ?? (await context.newPage()), context);
    if (faults.length > 0) throw new Error(`the page threw ${faults.join("\n")}`);
    return result;
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
