import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { fourway } from "./run.js";

const MODEL = fileURLToPath(new URL("../../../models/fourway-n.onnx", import.meta.url));

test("bench times Fourway beside onnxruntime-web, which finds the same in int8", () => {
  const { status, stdout, stderr } = fourway(["bench", "--model", MODEL, "--threads", "1", "--rounds", "2", "--engines"]);
  assert.equal(status, 0, stderr);
  const [, head, own, int8, f32, ...more] = stdout.trimEnd().split("\n");
  assert.match(head!, /^ +median +p10 +p90 +times +objects$/);
  const [, wanted] = /^fourway +[\d.]+ +[\d.]+ +[\d.]+ +1\.00 +(\d+) of \d+$/.exec(own!)!;
  assert.ok(Number(wanted) >= 2, own);
  assert.match(int8!, new RegExp(`^onnxruntime-web, int8 +[\\d.]+ +[\\d.]+ +[\\d.]+ +[\\d.]+ +${wanted} of ${wanted}$`));
  assert.match(f32!, /^onnxruntime-web, f32 /);
  assert.deepEqual(more, []);
});

test("what cannot be timed is told", () => {
  assert.match(fourway(["bench", "--rounds", "0"]).stderr, /Expected a whole number in 1\.\.1000/);
  const { status, stderr } = fourway(["bench", "--model", "none.onnx"]);
  assert.equal(status, 1);
  assert.match(stderr, /expected a file at none\.onnx/);
});
