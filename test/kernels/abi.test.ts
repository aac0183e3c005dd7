import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ownKernels } from "../../src/wasm/load.js";

// Run from the project's root, as scripts/test.mjs does. Builds are read as text: not every runtime takes each of them.

const { targets } = JSON.parse(readFileSync("asconfig.json", "utf8")) as { targets: Record<string, { outFile: string; textFile: string }> };
const texts = Object.entries(targets).map(([build, { textFile }]) => ({ build, wat: readFileSync(textFile, "utf8") }));

const exportsOf = (wat: string): { name: string; kind: string; target: string }[] =>
  [...wat.matchAll(/\(export "([^"]+)" \((\w+) ([^\s)]+)\)\)/g)].map(([, name, kind, target]) => ({
    name: name!,
    kind: kind!,
    target: target!,
  }));

/** Lines of the interface in src/wasm/generated/kernels.ts: number of arguments, all numbers, and whether a number comes back. */
function declared(): Map<string, { arguments: number; returns: boolean }> {
  const source = readFileSync("src/wasm/generated/kernels.ts", "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  const body = source.slice(source.indexOf("interface Kernels"));
  return new Map(
    [...body.matchAll(/(\w+)\(([^)]*)\): (void|number);/g)].map(([, name, list, result]) => [
      name!,
      { arguments: list!.split(",").filter((part) => part.trim()).length, returns: result === "number" },
    ]),
  );
}

test("the package carries the very bytes that were built", async () => {
  for (const [build, { outFile }] of Object.entries(targets)) {
    const { default: bytes } = (await import(`../../src/generated/wasm/${build}.js`)) as { default: Uint8Array };
    assert.ok(readFileSync(outFile).equals(bytes), build);
  }
});

for (const { build, wat } of texts) {
  test(`${build}: every export has a line in src/wasm/generated/kernels.ts with as many arguments and the same result, and the other way round`, () => {
    const lines = declared();
    const found = exportsOf(wat);
    assert.deepEqual(found.map(({ name }) => name).sort(), [...lines.keys()].sort());
    for (const { name, target } of found) {
      const header = wat.slice(wat.indexOf(`(func ${target} `)).split("\n", 1)[0]!;
      assert.equal(header.match(/\(param /g)?.length, lines.get(name)!.arguments, `${name}: ${header}`);
      assert.equal(/\(result [fi]32\)/.test(header), lines.get(name)!.returns, `${name}: ${header}`);
    }
  });

  test(`${build}: every export is a function that assembly/index.ts names and a test calls`, () => {
    const abi = readFileSync("assembly/index.ts", "utf8");
    const listed = [...abi.matchAll(/export \{([^}]*)\}/g)].flatMap(([, list]) => list!.split(",").map((name) => name.trim()));
    const found = exportsOf(wat);
    assert.deepEqual(found.map(({ name }) => name).sort(), listed.sort());
    const tests = ["test/ops", "test/kernels"].flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith(".test.ts"))
        .map((name) => readFileSync(join(folder, name), "utf8")),
    );
    for (const { name, kind } of found) {
      assert.equal(kind, "func", name);
      assert.ok(
        tests.some((text) => text.includes(`kernels.${name}(`)),
        `${name}: expected a test that calls it`,
      );
    }
  });

  test(`${build}: imports one memory and nothing else, never grows it, and keeps no state`, () => {
    const imports = [...wat.matchAll(/\(import [^\n]*/g)].map(([line]) => line);
    assert.equal(imports.length, 1);
    assert.match(imports[0]!, /^\(import "env" "memory" \(memory /);
    assert.ok(wat.includes("(func "));
    for (const word of [/memory\.grow/, /\(global [^\n]*\(mut /, /\(data /, /\(start /, /call_indirect/]) assert.doesNotMatch(wat, word);
  });
}

test("the runtime sees the same exports and the same import in the module that is loaded", async () => {
  const module = await ownKernels();
  assert.deepEqual(WebAssembly.Module.imports(module), [{ module: "env", name: "memory", kind: "memory" }]);
  const found = WebAssembly.Module.exports(module);
  assert.ok(found.every(({ kind }) => kind === "function"));
  assert.deepEqual(found.map(({ name }) => name).sort(), [...declared().keys()].sort());
});
