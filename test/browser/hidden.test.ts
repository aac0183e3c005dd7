// <fourway-camera> in a tab that another one hides, in a window on a display without a screen.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { missingWindow } from "../runtimes/runtimes.js";
import { bundled } from "./bundled.js";
import { serve } from "./chromium.js";
import { writeClip } from "./clip.js";
import { windowed } from "./windowed.js";

/** Of a machine with much else to do. */
const PATIENCE_MS = 120_000;
const CAMERA = 'document.querySelector("fourway-camera")';

test("a camera in a tab that another one hides looks at nothing, and goes on when its tab is shown", { skip: missingWindow }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "fourway-hidden-"));
  const clip = join(folder, "street.y4m");
  writeClip(clip, [8], { width: 640, height: 360 }, 2);
  const files = await bundled({ element: new URL("../../src/web/index.js", import.meta.url) });
  files.set("/index.html", '<!doctype html><fourway-camera></fourway-camera><script type="module" src="/element.js"></script>');
  const server = await serve(files);
  const flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${clip}`];
  try {
    await windowed(flags, async (open) => {
      const tab = await open(`${server.origin}/index.html`);
      const until = async (expression: string): Promise<void> => {
        const late = Date.now() + PATIENCE_MS;
        while (!(await tab.evaluate<boolean>(expression))) {
          assert.ok(Date.now() < late, `${expression}, but it is ${await tab.evaluate<string>(`${CAMERA}?.state`)}`);
          await pause(100);
        }
      };
      await until("customElements.get('fourway-camera') !== undefined");
      await tab.evaluate(`seen = 0, ${CAMERA}.addEventListener("detection", () => seen++), ${CAMERA}.start()`);
      await until(`${CAMERA}.state === "live" && seen > 2`);
      await open("about:blank");
      await until('document.visibilityState === "hidden"');
      await pause(500);
      const held = await tab.evaluate<number>("seen");
      await pause(1500);
      assert.equal(await tab.evaluate("seen"), held);
      await tab.show();
      await until(`document.visibilityState === "visible" && seen > ${held} + 2`);
    });
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});
