import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Random } from "../../src/core/random.js";
import { sha256 } from "../../src/core/sha256.js";
import { fileStore } from "../../src/node/fileStore.js";
import { bytesOf, checkContract, contents, KillLog } from "../learn/storeContract.js";
import { missing, RUNTIMES } from "../runtimes/runtimes.js";
import { KILLS, killOften, runAndKill } from "../support/kills.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-store-"));
after(() => rmSync(folder, { recursive: true }));
/** --allow-run: to ask whether the process of a lock still runs. */
const DENO_FLAGS = ["run", "--no-lock", "--allow-read", "--allow-write", "--allow-run"];
const WRITER = "test/node/storeWriter.js";
const writerPath = fileURLToPath(new URL(`../../${WRITER}`, import.meta.url));
const one = (key: string, bytes: Uint8Array | undefined): Map<string, Uint8Array | undefined> => new Map([[key, bytes]]);

test("a store in a folder reads what was written, lists by prefix, deletes and closes; the folder is made, and nothing foreign in it is touched", async () => {
  const dir = join(folder, "deep", "contract");
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "notes.tmp"), "mine");
  await checkContract(await fileStore(dir));
  assert.ok(existsSync(join(dir, "notes.tmp")));
  assert.ok(!readdirSync(dir).some((name) => name.startsWith("lock.")));
  await checkContract(await fileStore(join(folder, "new", "store")));
});

test("what was written is there when it is opened again, and half-written files of a process that was killed are gone", async () => {
  const dir = join(folder, "again");
  const store = await fileStore(dir);
  await store.write(new Map(Object.entries({ a: bytesOf(1), "b/c": bytesOf(2) })));
  await store.close();
  for (const name of [`${"a".repeat(64)}.tmp`, "manifest.0.tmp", "b".repeat(64)]) writeFileSync(join(dir, name), "ha");
  const again = await fileStore(dir);
  assert.deepEqual(await contents(again), { a: [...bytesOf(1)], "b/c": [...bytesOf(2)] });
  await again.close();
  assert.deepEqual(readdirSync(dir).sort(), [sha256(bytesOf(1)), sha256(bytesOf(2)), "manifest.0", "manifest.1"].sort());
});

test("a second writer is told who has the store, a reader is let in, and after close the next writer is", async () => {
  const dir = join(folder, "two");
  const store = await fileStore(dir);
  await store.write(one("a", bytesOf(1)));
  await assert.rejects(fileStore(dir), {
    code: "E_RUNTIME",
    message: `${dir}: expected a store that no other process writes to, got one in use by process ${process.pid}; close it there first`,
  });
  const { status, stderr } = spawnSync(process.execPath, [writerPath, dir], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`got one in use by process ${process.pid}; close it there first`));
  const reader = await fileStore(dir, { readOnly: true });
  assert.deepEqual(await contents(reader), { a: [...bytesOf(1)] });
  await reader.close();
  await store.write(one("b", bytesOf(2))); // those who were turned away did no harm
  await store.close();
  const next = await fileStore(dir);
  assert.deepEqual(await contents(next), { a: [...bytesOf(1)], b: [...bytesOf(2)] });
  await next.close();
});

test("of many that open a store at once at most one gets it", async () => {
  const dir = join(folder, "many");
  for (let round = 0; round < 10; round++) {
    const opened = await Promise.allSettled(Array.from({ length: 4 }, () => fileStore(dir)));
    const got = opened.filter((each) => each.status === "fulfilled");
    assert.ok(got.length <= 1, `${got.length} writers`);
    for (const { value } of got) await value.close();
  }
});

test("a process that is killed or stopped while it has the store: killed, the next one gets it at once; stopped, it still has it", async () => {
  const dir = join(folder, "killed");
  const child = spawn(process.execPath, [writerPath, dir]);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  child.kill("SIGSTOP");
  await assert.rejects(fileStore(dir), new RegExp(`in use by process ${child.pid}`));
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await ended;
  assert.ok(
    readdirSync(dir).some((name) => name.startsWith(`lock.${child.pid}.`)),
    "its lock is left",
  );
  const store = await fileStore(dir);
  assert.ok(!readdirSync(dir).some((name) => name.startsWith(`lock.${child.pid}.`)), "until the next one opens");
  await store.close();
});

for (const { name, command } of RUNTIMES.slice(1))
  test(`${name} goes on with what this runtime wrote before it was killed, and this one with what that wrote`, {
    skip: missing({ name, command, flags: [], relaxed: true }),
  }, async () => {
    const dir = join(folder, name.replaceAll(" ", "-"));
    const other = [command, ...(name === "deno" ? DENO_FLAGS : [])];
    const log = new KillLog();
    for (const runtime of [undefined, other, other, undefined]) {
      const { lines, code, stderr } = await runAndKill(WRITER, [dir], 3, 0, runtime);
      assert.equal(code, null, stderr);
      log.add(lines);
    }
    assert.ok(log.writes >= 8, `${log.writes} writes`);
  });

test("a lock whose process number went to another process, or that is of an earlier boot, is no obstacle", {
  skip: !existsSync("/proc/self/stat") && "no /proc here",
}, async () => {
  const dir = join(folder, "reused");
  await (await fileStore(dir)).close();
  const boot = /^lock\.\d+\.\d+\.(\w+)\./;
  const held = await fileStore(dir);
  const mine = readdirSync(dir).find((name) => boot.test(name))!;
  await held.close();
  writeFileSync(join(dir, mine.replace(/^lock\.(\d+)\.\d+/, "lock.$1.1")), ""); // this process's number, another start
  writeFileSync(join(dir, mine.replace(boot.exec(mine)![1]!, "0123456789abcdef")), "");
  const store = await fileStore(dir);
  await store.close();
  assert.deepEqual(readdirSync(dir).sort(), ["manifest.0"]);
});

test("a writer whose lock was removed is told at its next write and writes nothing", async () => {
  const dir = join(folder, "fenced");
  const store = await fileStore(dir);
  await store.write(one("a", bytesOf(1)));
  rmSync(join(dir, readdirSync(dir).find((name) => name.startsWith("lock."))!));
  const other = await fileStore(dir);
  await assert.rejects(store.write(one("a", bytesOf(2))), {
    code: "E_RUNTIME",
    message: /expected to be its only writer, got a lock that another process removed; let one process at a time write to it/,
  });
  assert.deepEqual(await contents(other), { a: [...bytesOf(1)] });
  await store.close();
  await other.close();
});

test("a full disk is an error with the file, the store is as before, and with space again it goes on", {
  skip: !existsSync("/dev/full"),
}, async () => {
  const dir = join(folder, "full");
  const store = await fileStore(dir);
  await store.write(one("a", bytesOf(1)));
  const files = readdirSync(dir).sort();
  const full = [sha256(bytesOf(2)), "manifest.0"]; // generation 2 goes there
  for (const name of full) {
    symlinkSync("/dev/full", join(dir, `${name}.tmp`));
    await assert.rejects(store.write(one("a", bytesOf(2))), {
      code: "E_RUNTIME",
      message: new RegExp(`${name}: expected to write \\d+ bytes, got ENOSPC.*; free some space`),
    });
    assert.deepEqual(await contents(store), { a: [...bytesOf(1)] });
    assert.ok(!existsSync(join(dir, `${name}.tmp`)));
  }
  assert.deepEqual(
    readdirSync(dir).sort(),
    files
      .filter((name) => name !== "manifest.0")
      .concat(sha256(bytesOf(2)))
      .sort(),
  );
  await store.write(one("a", bytesOf(2)));
  await store.close();
  const again = await fileStore(dir);
  assert.deepEqual(await contents(again), { a: [...bytesOf(2)] });
  await again.close();
});

test("a folder that may not be written can be read, and says so to a writer", async () => {
  const dir = join(folder, "locked");
  const store = await fileStore(dir);
  await store.write(one("a", bytesOf(1)));
  await store.close();
  chmodSync(dir, 0o555);
  chmodSync(folder, 0o755);
  try {
    // root may write anywhere: a user who is nobody does it
    const asUser = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const { stderr, status } = spawnSync(process.execPath, [writerPath, dir], { encoding: "utf8", ...asUser });
    assert.equal(status, 1);
    assert.match(stderr, /locked: expected a folder that can be written, got EACCES.*; choose another one/);
    const reader = await fileStore(dir, { readOnly: true });
    assert.deepEqual(await contents(reader), { a: [...bytesOf(1)] });
    await reader.close();
  } finally {
    chmodSync(dir, 0o755);
  }
  const file = join(folder, "file");
  writeFileSync(file, "");
  await assert.rejects(fileStore(file), { code: "E_RUNTIME", message: /file: expected to make a folder, got EEXIST/ });
});

test(`${KILLS} processes killed at random while they open and write lose nothing that was written, and leave a store that opens`, async (context) => {
  const dir = join(folder, "often");
  const { writes, cutOff, unopened } = await killOften(new Random(22), WRITER, [dir]);
  context.diagnostic(`${writes} writes, of which ${cutOff} had no time to say so; ${unopened} kills before the store was open`);
  assert.ok(writes > KILLS / 2 && unopened >= Math.floor(KILLS / 20));
  const store = await fileStore(dir);
  const used = (await store.list("")).length;
  await store.close();
  assert.ok(readdirSync(dir).length <= 2 * used + 2, `${readdirSync(dir).length} files for ${used} keys of two generations`);
});
