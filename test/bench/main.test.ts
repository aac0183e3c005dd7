import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { missingChromium } from "../runtimes/runtimes.js";

const main = fileURLToPath(new URL("../../bench/main.js", import.meta.url));
const bench = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });

test("--json without a file puts nothing but JSON on stdout", () => {
  const { status, stdout, stderr } = bench("--only", "size", "--json");
  assert.equal(status, 0, stderr);
  const { net, bytes, arenaBytes, ratios } = JSON.parse(stdout);
  assert.equal(net.macs, 63_536_640);
  assert.ok(bytes.wasm > 0 && bytes.wasm <= 64 * 1024, `${bytes.wasm} bytes of wasm`);
  assert.ok(bytes.coreGz > 20_000 && bytes.coreGz <= 60_000, `${bytes.coreGz} bytes of core, gzipped`);
  assert.ok(arenaBytes > 0 && arenaBytes <= 3 * 1024 * 1024, `${arenaBytes} bytes of arena`);
  assert.deepEqual(ratios, {});
  assert.match(stderr, /reference net/);
});

test("the roofline alone needs no peer, and int8 is above f32", () => {
  const { status, stdout } = bench("--only", "roofline", "--json");
  assert.equal(status, 0);
  const { roofline, absent } = JSON.parse(stdout);
  assert.ok(roofline.int8 > roofline.f32);
  assert.deepEqual(absent, []);
});

test("an unknown group, a count that is none and options that exclude each other are refused", () => {
  assert.match(bench("--only", "speed").stderr, /expected one of infer, train/);
  assert.match(bench("--rounds", "0").stderr, /whole number above 0/);
  assert.match(bench("--browser", "--only", "infer").stderr, /cannot be used with option '--only <NAME>'/);
});

test("--models times each shipped model here, and in Chromium where it is installed", () => {
  const { status, stdout, stderr } = bench("--models", "--rounds", "1", "--json");
  assert.equal(status, 0, stderr);
  const { models } = JSON.parse(stdout) as { models: Record<string, Record<string, { median: number }>> };
  const runtimes = [`Node ${process.versions.node}`, ...(missingChromium ? [] : ["Chromium"])];
  assert.deepEqual(Object.keys(models), runtimes);
  for (const runtime of runtimes) {
    const { "fourway-n": n, "fourway-m": m } = models[runtime]!;
    assert.ok(n!.median > 0 && n!.median < m!.median, `${runtime}: n ${n!.median} ms, m ${m!.median} ms`);
  }
});
