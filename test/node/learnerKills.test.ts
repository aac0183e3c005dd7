import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Random } from "../../src/core/random.js";
import { KILLS, killOften } from "../support/kills.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-kills-"));
after(() => rmSync(folder, { recursive: true }));

/** Then a store has so many frames that each start takes long. */
const KILLS_A_STORE = 25;

test(`${KILLS} learners killed at random while they add, fit, commit and roll back lose nothing committed, and leave a store that opens`, async (context) => {
  const random = new Random(23);
  const all = { writes: 0, cutOff: 0, unopened: 0 };
  for (let from = 0; from < KILLS; from += KILLS_A_STORE) {
    const kills = Math.min(KILLS_A_STORE, KILLS - from);
    const log = await killOften(random, "test/node/learnerWriter.js", [join(folder, String(from))], kills);
    for (const what of ["writes", "cutOff", "unopened"] as const) all[what] += log[what];
  }
  context.diagnostic(
    `${all.writes} writes, of which ${all.cutOff} had no time to say so; ${all.unopened} kills before the learner was open`,
  );
  assert.ok(all.writes > KILLS / 2);
});
