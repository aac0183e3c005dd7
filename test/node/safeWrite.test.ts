import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { checkWritable, makeFolder, safeWrite } from "../../src/node/safeWrite.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-safe-"));
after(() => rmSync(folder, { recursive: true }));

test("a file is written whole, text or bytes, over an older one, and nothing is left beside it", async () => {
  const path = join(folder, "model.onnx");
  await safeWrite(path, Uint8Array.of(1, 2, 3));
  assert.deepEqual([...readFileSync(path)], [1, 2, 3]);
  await safeWrite(path, "größer");
  assert.equal(readFileSync(path, "utf8"), "größer");
  assert.deepEqual(readdirSync(folder), ["model.onnx"]);
});

test("a half-written file of a run that died is no obstacle and is never taken for the file", async () => {
  const path = join(folder, "other");
  writeFileSync(path, "whole");
  writeFileSync(`${path}.tmp`, "ha"); // what a crash leaves
  assert.equal(readFileSync(path, "utf8"), "whole");
  await safeWrite(path, "new");
  assert.equal(readFileSync(path, "utf8"), "new");
  assert.ok(!readdirSync(folder).includes("other.tmp"));
});

test("where the folder is missing the write fails and the error names the path", async () => {
  const path = join(folder, "missing", "file");
  await assert.rejects(safeWrite(path, "x"), (error: Error) => error.message.includes(path));
});

test("a full disk is an error with the path, and only the older file is left", {
  skip: !existsSync("/dev/full"),
}, async () => {
  const path = join(folder, "kept");
  writeFileSync(path, "whole");
  symlinkSync("/dev/full", `${path}.tmp`);
  await assert.rejects(safeWrite(path, "newer"), {
    code: "E_RUNTIME",
    message: /kept: expected to write 5 bytes, got ENOSPC.*; free some space/,
  });
  assert.equal(readFileSync(path, "utf8"), "whole");
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("kept")),
    ["kept"],
  );
});

test("whether a file can be written is found out without touching it", async () => {
  const path = join(folder, "later");
  await checkWritable(path);
  assert.ok(!existsSync(path) && !existsSync(`${path}.tmp`));
  writeFileSync(path, "whole");
  await checkWritable(path);
  assert.equal(readFileSync(path, "utf8"), "whole");
  for (const wrong of [join(folder, "missing", "file"), join(path, "file"), folder])
    await assert.rejects(checkWritable(wrong), {
      code: "E_RUNTIME",
      message: new RegExp(`^${wrong}: expected a file that can be written, got .*; choose a name in a folder that can be written$`),
    });
});

test("a folder that cannot be made is an error with its path", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  await assert.rejects(makeFolder(join(file, "folder")), {
    code: "E_RUNTIME",
    message: /file\/folder: expected to make a folder, got ENOTDIR/,
  });
});
