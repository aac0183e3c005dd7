// Stores in the browser's own files.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { opfsStore } from "../../src/learn/opfsStore.js";
import { KillLog } from "../learn/storeContract.js";
import { missingChromium } from "../runtimes/runtimes.js";
import { bundled } from "./bundled.js";
import { type Server, serve, visit } from "./chromium.js";
import type { Asked } from "./storePage.js";

const PLACES = ["worker", "window"] as const;
/** Of a worker or frame, and of the whole browser. */
const KILLS = { part: 25, browser: 3 };

const profile = mkdtempSync(join(tmpdir(), "fourway-opfs-"));
let server: Server;

before(async () => {
  const files = await bundled({ store: new URL("storePage.js", import.meta.url) });
  files.set("/store.html", '<!doctype html><body><script type="module" src="/store.js"></script>');
  server = await serve(files);
});

after(() => {
  server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
});

const pageOf = (asked: Asked): string => `/store.html?${encodeURIComponent(JSON.stringify(asked))}`;

test("in Chromium, in a worker and on the window, a store does what every store does, and a second writer is told", {
  skip: missingChromium,
}, async () => {
  const results = await visit(
    server,
    PLACES.map((where) => pageOf({ store: `contract-${where}`, work: "contract", where })),
  );
  for (const [i, where] of PLACES.entries())
    assert.equal(
      results[i],
      `store "contract-${where}": expected a store that no other page or worker writes to, got one in use; close it there first | __proto__,count,frames/10,frames/2,främe \ud800/😀`,
    );
});

test(`workers and frames that are ended in the middle of a write, ${KILLS.part} of each, lose nothing that was written`, {
  skip: missingChromium,
}, async (context) => {
  const results = await visit(
    server,
    PLACES.map((where) => pageOf({ store: `killed-${where}`, work: "killed", where, kills: KILLS.part })),
  );
  for (const [i, result] of (results as (KillLog & { error?: string })[]).entries()) {
    assert.equal(result.error, undefined);
    context.diagnostic(`${PLACES[i]}: ${result.writes} writes, of which ${result.cutOff} had no time to say so`);
    assert.ok(result.writes >= KILLS.part / 2);
  }
});

test("a browser that is killed in the middle of a write loses nothing that was written", { skip: missingChromium }, async (context) => {
  for (const where of PLACES) {
    const log = new KillLog();
    for (let kill = 0; kill <= KILLS.browser; kill++) {
      const before = server.requested.length;
      const page = pageOf({ store: `browser-${where}`, work: "write", where, lines: 1 + kill });
      assert.deepEqual(await visit(server, [page], undefined, profile), ["writing"]);
      const said = server.requested.slice(before).filter((path) => path.startsWith("/said/"));
      log.add(said.map((path) => path.slice("/said/".length).replace("/", " ")));
    }
    context.diagnostic(`${where}: ${log.writes} writes, of which ${log.cutOff} had no time to say so`);
    assert.equal(log.unopened, 0);
    assert.ok(log.writes >= 6, `${log.writes} writes`); // 1 + 2 + 3
  }
});

test("outside of a browser, and with a name that is none, the store says what to do", async () => {
  await assert.rejects(opfsStore("a/b"), { code: "E_ARGUMENT", message: /expected a name of letters, digits, "_" and "-", got "a\/b"/ });
  await assert.rejects(opfsStore("site"), {
    code: "E_RUNTIME",
    message:
      /^store "site": expected a browser's page or worker behind https or on localhost, got none; use fileStore of fourway\/node, or memoryStore$/,
  });
});
