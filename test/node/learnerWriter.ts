// Adds frames, learns, commits and rolls back until it is killed (see learnerKills.test.ts). Usage: node learnerWriter.js FOLDER
//
// The n-th of its writes: two frames are added, thresholds are fitted to all and committed as a version, and the version before that is taken back into
// use; and so on. What is in the store says how many writes were done.

import assert from "node:assert/strict";
import { sha256 } from "../../src/core/sha256.js";
import { Learner } from "../../src/learn/index.js";
import { Archive } from "../../src/learn/versions.js";
import { fileStore } from "../../src/node/fileStore.js";
import { cameraFrame, smallFile } from "../learn/support.js";

const store = await fileStore(process.argv[2]!);
const archive = new Archive(store);
const learner = await Learner.open(smallFile(), { store });

const versions = await learner.versions();
const last = versions.length - 1;
const head = learner.version.id;
for (const { id, sha256: digest } of versions) assert.equal(sha256(await archive.model(id)), digest, `version ${id}`);
const rollbacks = head === last && last > 0 ? last - 1 : last;
assert.ok(head === last || head === last - 1, `head ${head} of ${last}`);
let n = learner.frames.length + last + rollbacks;
assert.equal(learner.frames.length, 2 * (n >> 2) + Math.min(n % 4, 2), `${n} writes`);
console.log(`found ${n}`);
for (;;) {
  if (n % 4 < 2) {
    const { frame, labels, ignore } = cameraFrame(learner.frames.length);
    await learner.add(frame, labels, { ignore, sure: true });
  } else if (n % 4 === 2) {
    await learner.fit({ what: "thresholds" });
    await learner.commit();
  } else await learner.rollback(learner.version.id - 1);
  n++;
  console.log(`wrote ${n}`);
}
