import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "../../src/core/sha256.js";
import { encodeManifest } from "../../src/learn/manifest.js";
import { openSlotStore } from "../../src/learn/slotStore.js";
import { type Disk, FakeFiles, type Fault } from "./fakeFiles.js";
import { bytesOf, checkContract, contents } from "./storeContract.js";

type Changes = Map<string, Uint8Array | undefined>;
type Contents = Record<string, number[]>;

/** What a learner does: frames are added, a version is committed, another replaces it, one is taken back, frames go. */
const WRITES: readonly Changes[] = [
  { "frames/1": bytesOf(1), "frames/2": bytesOf(2) },
  { "versions/1": bytesOf(3), head: Uint8Array.of(1) },
  { "frames/3": bytesOf(1), "frames/1": undefined },
  { "versions/2": bytesOf(4), head: Uint8Array.of(2) },
  { head: Uint8Array.of(1) },
  { "frames/2": undefined, "frames/3": undefined, "frames/4": bytesOf(5) },
].map((changes) => new Map(Object.entries(changes)));

/** The contents after none, one .. all of the writes. */
const STATES: readonly Contents[] = WRITES.reduce<Contents[]>(
  (states, changes) => {
    const state = new Map(Object.entries(states.at(-1)!));
    for (const [key, bytes] of changes)
      if (bytes) state.set(key, [...bytes]);
      else state.delete(key);
    states.push(Object.fromEntries([...state].sort(([a], [b]) => (a < b ? -1 : 1))));
    return states;
  },
  [{}],
);

/** Runs the writes from `from` in one process. @returns how many of all are done where it died or ended */
async function work(files: FakeFiles, from = 0): Promise<number> {
  let done = from;
  try {
    const store = await openSlotStore(files);
    for (; done < WRITES.length; done++) await store.write(WRITES[done]!);
  } catch (error) {
    assert.match(String(error), /the process is dead/);
  }
  return done;
}

/** Opens the disk in a new process. @returns which of the states is there */
async function stateOf(disk: Disk): Promise<number> {
  const store = await openSlotStore(new FakeFiles(disk));
  const found = JSON.stringify(await contents(store));
  return STATES.findIndex((state) => JSON.stringify(state) === found);
}

async function stepsOf(run: (files: FakeFiles) => Promise<unknown>, disk: Disk = new Map()): Promise<number> {
  const files = new FakeFiles(disk);
  await run(files);
  return files.steps;
}

test("a store over files reads what was written, lists by prefix, deletes and closes", async () => {
  await checkContract(await openSlotStore(new FakeFiles(new Map())));
});

test("whichever step a process dies at, the next one finds what was written or the write it died in, and can go on", async () => {
  const steps = await stepsOf(work);
  assert.ok(steps >= 25, `${steps}`);
  for (const reversed of [false, true])
    for (let at = 0; at <= steps; at++) {
      const disk: Disk = new Map();
      const done = await work(new FakeFiles(disk, { at, kind: "death" }, reversed));

      const state = await stateOf(disk);
      assert.ok(state === done || state === done + 1, `step ${at}: ${done} writes were done, the disk has state ${state}`);
      assert.equal(await work(new FakeFiles(disk), state), WRITES.length);
      assert.equal(await stateOf(disk), WRITES.length);
    }
});

test("a process that dies while it opens what another left loses nothing either", async () => {
  const steps = await stepsOf(work);
  for (let at = 0; at < steps; at++) {
    const left: Disk = new Map();
    const done = await work(new FakeFiles(left, { at, kind: "death" }));
    const opening = await stepsOf(openSlotStore, new Map(left));
    for (let second = 0; second < opening; second++) {
      const disk: Disk = new Map(left);
      await assert.rejects(openSlotStore(new FakeFiles(disk, { at: second, kind: "death" })), /the process is dead/);
      const state = await stateOf(disk);
      assert.ok(state === done || state === done + 1, `steps ${at} and ${second}: ${done} writes were done, the disk has state ${state}`);
    }
  }
});

test("a step that fails fails its write, which changes nothing and can be tried again", async () => {
  const steps = await stepsOf(work);
  for (const kind of ["failure", "late failure"] as const)
    for (let at = 2; at < steps; at++) {
      // steps 0 and 1 begin the store
      const disk: Disk = new Map();
      const store = await openSlotStore(new FakeFiles(disk, { at, kind } satisfies Fault));
      for (const [i, changes] of WRITES.entries()) {
        const failed = await store.write(changes).then(
          () => false,
          () => true,
        );
        assert.deepEqual(await contents(store), STATES[failed ? i : i + 1], `${kind} at step ${at}`);
        assert.equal(await stateOf(new Map(disk)), failed ? i : i + 1, `${kind} at step ${at}: on disk`);
        if (failed) await store.write(changes);
        assert.deepEqual(await contents(store), STATES[i + 1], `${kind} at step ${at}, tried again`);
      }
      await openSlotStore(new FakeFiles(disk));
      assert.ok(disk.size <= 2 + 7, `${kind} at step ${at}: ${disk.size} files are left`);
    }
});

test("opening and writing leave no file but two records and their blobs", async () => {
  const disk: Disk = new Map();
  await work(new FakeFiles(disk));
  disk.set("e".repeat(64), bytesOf(1)); // what a write that was cut off leaves
  disk.set("notes.txt", bytesOf(1)); // not the store's
  const store = await openSlotStore(new FakeFiles(disk));
  assert.ok(!disk.has("e".repeat(64)) && disk.has("notes.txt"));
  for (let i = 0; i < 4; i++) await store.write(new Map([["head", bytesOf(50 + i)]]));
  const kept = new Set([...Object.values(STATES.at(-1)!).map(String), ...[2, 3].map((i) => String([...bytesOf(50 + i)]))]);
  kept.delete(String(STATES.at(-1)!.head));
  const blobs = [...disk].filter(([name]) => /^[0-9a-f]{64}$/.test(name)).map(([, bytes]) => String([...bytes]));
  assert.deepEqual(new Set(blobs), kept);
  assert.equal(disk.size, kept.size + 3);
});

test("a damaged record costs one write and is told; without a whole one the store says so and touches nothing", async () => {
  const intact: Disk = new Map();
  await work(new FakeFiles(intact));
  const newest = WRITES.length % 2;
  const record = intact.get(`manifest.${newest}`)!;
  for (let at = 0; at < record.length; at += 11) {
    const disk: Disk = new Map(intact).set(
      `manifest.${newest}`,
      Uint8Array.from(record, (byte, i) => (i === at ? byte ^ 4 : byte)),
    );
    const before = new Map(disk);
    const notices: string[] = [];
    const store = await openSlotStore(new FakeFiles(disk), { onNotice: (notice) => notices.push(notice) });
    assert.match(
      notices.join(),
      new RegExp(`^fake: manifest.${newest} was cut off or is damaged; the store is as it was at generation 5$`),
    );
    assert.deepEqual(await contents(store), STATES.at(-2));
    assert.deepEqual(disk, before, "blobs of the damaged record are kept until the next write");
    await store.write(WRITES.at(-1)!);
    assert.equal(await stateOf(disk), WRITES.length);
  }
  const disk: Disk = new Map(intact).set("manifest.0", Uint8Array.of()).set("manifest.1", bytesOf(3));
  const before = new Map(disk);
  await assert.rejects(openSlotStore(new FakeFiles(disk)), {
    code: "E_DATA",
    message: /^fake: expected a whole record in manifest\.0 or manifest\.1, got 2 damaged; put both back from a copy/,
  });
  assert.deepEqual(disk, before);
});

test("a damaged blob is an error with its key, the others are read, and the same bytes written again mend it", async () => {
  const disk: Disk = new Map();
  const store = await openSlotStore(new FakeFiles(disk));
  await store.write(new Map(Object.entries({ a: bytesOf(1), b: bytesOf(2) })));
  const name = [...disk].find(([, bytes]) => String(bytes) === String(bytesOf(1)))![0];
  const faults: [string, Uint8Array<ArrayBuffer> | undefined][] = [
    ["other bytes", new Uint8Array(bytesOf(1).length)],
    ["3 bytes", new Uint8Array(3)],
    ["no file", undefined],
  ];
  for (const [got, bytes] of faults) {
    if (bytes) disk.set(name, bytes);
    else disk.delete(name);
    await assert.rejects(store.read("a"), {
      code: "E_DATA",
      message: `fake: expected "a" as the file ${name} of 41 bytes, got ${got}; put the file back from a copy, or delete the key`,
    });
    assert.deepEqual([...(await store.read("b"))!], [...bytesOf(2)]);
    await store.write(new Map([["a", bytesOf(1)]]));
    assert.deepEqual([...(await store.read("a"))!], [...bytesOf(1)]);
  }
});

test("a store of another format is left to the version that wrote it", async () => {
  const disk: Disk = new Map();
  await work(new FakeFiles(disk));
  const text = new TextDecoder().decode(encodeManifest({ generation: 9, blobs: new Map() })).split("\n")[1]!;

  const json = text.replace("store.1", "store.7");
  disk.set("manifest.1", new TextEncoder().encode(`${sha256(new TextEncoder().encode(json))}\n${json}`));
  await assert.rejects(openSlotStore(new FakeFiles(disk)), {
    code: "E_DATA",
    message:
      /^fake: manifest\.1: expected a store of format fourway\.store\.1, got fourway\.store\.7; open it with the version that wrote it$/,
  });
});

test("a reader sees what was there, keeps nobody out, follows a writer that goes on, and cannot write", async () => {
  const disk: Disk = new Map();
  const writer = await openSlotStore(new FakeFiles(disk));
  await writer.write(WRITES[0]!);
  disk.set("e".repeat(64), bytesOf(1)); // of a write that is going on
  const reader = await openSlotStore(new FakeFiles(disk), { readOnly: true });
  assert.deepEqual(await contents(reader), STATES[1]);
  assert.ok(disk.has("e".repeat(64)));
  for (let i = 0; i < 3; i++) await writer.write(new Map([["frames/1", bytesOf(20 + i)]]));
  assert.deepEqual([...(await reader.read("frames/1"))!], [...bytesOf(22)]);
  await assert.rejects(reader.write(WRITES[1]!), {
    code: "E_RUNTIME",
    message: /expected a store that may be written, got one opened to read/,
  });
  const none: Disk = new Map();
  assert.deepEqual(await (await openSlotStore(new FakeFiles(none), { readOnly: true })).list(""), []);
  assert.equal(none.size, 0);
});
