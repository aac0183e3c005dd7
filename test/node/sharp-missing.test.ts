import assert from "node:assert/strict";
import { test } from "node:test";
import { loadSharp } from "../../src/node/image.js";

test("where sharp is missing the error says what to install, and a later call may succeed", async () => {
  const missing = () => Promise.reject(new Error("Cannot find package 'sharp'"));
  await assert.rejects(loadSharp(missing), { code: "E_RUNTIME", message: /npm install sharp/ });
  const sharp = await loadSharp();
  assert.equal(typeof sharp, "function");
});
