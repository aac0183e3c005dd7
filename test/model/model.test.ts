import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { BOX_MAPS } from "../../src/model/head.js";
import { defaultInfo, loadModel, type Model, saveModel } from "../../src/model/model.js";
import { readOnnx } from "../../src/onnx/read.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { foldNorms } from "../../src/quant/fold.js";
import { SMALL_TASKS, smallNetwork } from "../support/network.js";

const one = (scale: number, offset: number) => ({ sizes: [1], scales: [scale], offsets: [offset] });

function model(): Model {
  const info = {
    tasks: [...SMALL_TASKS],
    ...BOX_MAPS,
    pixels: 100_352,
    thresholds: { precise: { a: 1, b: 0.5, c: 1 }, balanced: { a: 0, b: 0.5, c: 1 }, sensitive: { a: 0, b: 0.25, c: 0 } },
    scores: { a: one(0.7, -1.25), b: { sizes: [8, 16.5, 90], scales: [1, 2, 0.5], offsets: [0, -3, 1e-9] }, c: one(1, 0) },
    presence: { a: one(0.7, -1.25), b: { sizes: [128, 512], scales: [1, 2], bends: [0.5, -1.9], offsets: [0, -3] }, c: one(2, 3) },
    notes: { trained: "2 epochs, seed 1", data: "scenes, street ✓" },
  };
  return { graph: foldNorms(smallNetwork(1)), info };
}

test("a model comes back from its file as it was, graph, numbers and notes", () => {
  const saved = model();
  assert.deepEqual(loadModel(saveModel(saved)), saved);
});

test("a model that nothing is known of reports objects above .35, at the default size, with scores and presence as they are", () => {
  assert.deepEqual(defaultInfo(["x"]), {
    tasks: ["x"],
    ...BOX_MAPS,
    pixels: 320 * 192,
    thresholds: { precise: { x: 0.35 }, balanced: { x: 0.35 }, sensitive: { x: 0.35 } },
    scores: { x: one(1, 0) },
    presence: { x: one(1, 0) },
    notes: {},
  });
});

/** The model's file with one entry of its metadata changed, or left out. */
function changed(key: string, value: string | undefined): Uint8Array {
  const { graph, metadata } = readOnnx(saveModel(model()));
  const entries = Object.entries(metadata).filter(([name]) => name !== key && name !== "sha256");
  return writeOnnx(graph, Object.fromEntries(value === undefined ? entries : [...entries, [key, value]]));
}

/** The same calibration for each task, as a file has it. */
function scalings(scaling: object): string {
  return JSON.stringify({ a: scaling, b: scaling, c: scaling });
}

const WRONG: [key: string, value: string | undefined][] = [
  ["format", undefined],
  ["format", "fourway.4"],
  ["normalisation", undefined],
  ["normalisation", '{"order":"BGR"}'],
  ["tasks", undefined],
  ["tasks", "a, b"],
  ["tasks", "[]"],
  ["tasks", '["a",""]'],
  ["tasks", "{}"],
  ["pixels", undefined],
  ["pixels", "16"],
  ["pixels", "1e12"],
  ["pixels", '"61440"'],
  ["thresholds", '{"a":0.5,"b":0.5,"c":0.5}'],
  ["thresholds", '{"precise":{"a":0,"b":0,"c":0},"balanced":{"a":0,"b":0,"c":0}}'],
  ["thresholds", '{"precise":{"a":0,"b":0,"c":0},"balanced":{"a":0,"b":0},"sensitive":{"a":0,"b":0,"c":0}}'],
  ["thresholds", '{"precise":{"a":0,"b":0,"c":0},"balanced":{"a":0,"b":0,"c":1.5},"sensitive":{"a":0,"b":0,"c":0}}'],
  ["scores", undefined],
  ["scores", scalings({ sizes: [1, 2], scales: [1], offsets: [0] })],
  ["scores", scalings({ sizes: [2, 1], scales: [1, 1], offsets: [0, 0] })],
  ["scores", scalings({ sizes: [1, 1], scales: [1, 1], offsets: [0, 0] })],
  ["scores", scalings({ sizes: [0], scales: [1], offsets: [0] })],
  ["scores", scalings({ sizes: [1], scales: [0], offsets: [0] })],
  ["scores", scalings({ sizes: [], scales: [], offsets: [] })],
  ["scores", scalings({ sizes: Array.from({ length: 65 }, (_, i) => i + 1), scales: Array(65).fill(1), offsets: Array(65).fill(0) })],
  ["thresholds", "null"],
  ["presence", '{"a":1,"b":1,"c":1}'],
  ["presence", '{"a":{"scale":1,"offset":0},"b":{"scale":1,"offset":0},"c":{"scale":1,"offset":0}}'],
  ["presence", scalings({ sizes: [1], scales: [1], offsets: [null] })],
  ["presence", scalings({ sizes: [1], scales: [1], bends: [-1], offsets: [0] })],
  ["presence", scalings({ sizes: [1], scales: [1], bends: [1, 1], offsets: [0] })],
  ["presence", scalings({ sizes: [1], scales: [1], bends: null, offsets: [0] })],
  ["scores", scalings({ sizes: [1], scales: [1], bends: [1], offsets: [0] })],
];

for (const [key, value] of WRONG)
  test(`a file whose ${key} is ${value ?? "missing"} is no model, and the message names ${key}`, () => {
    assert.throws(() => loadModel(changed(key, value)), { code: "E_MODEL", message: new RegExp(`^model: expected .*${key}`) });
  });

test("a flipped bit anywhere in a file is refused, also where the file stays readable; the digest is that of the file with its digits 0", () => {
  const file = saveModel(model());
  const { metadata } = readOnnx(file);
  const at = Buffer.from(file).indexOf(metadata.sha256!);
  const blank = Buffer.from(file);
  blank.write("0".repeat(64), at, "latin1");
  assert.equal(metadata.sha256, createHash("sha256").update(blank).digest("hex"));
  let readable = 0;
  for (let i = 0; i < 400; i++) {
    const damaged = file.slice();
    damaged[Math.floor((i * (file.length - 1)) / 399)]! ^= 1 << (i % 8);
    try {
      readOnnx(damaged);
      readable++;
    } catch {}
    assert.throws(
      () => loadModel(damaged),
      (error: { code: string }) => ["E_MODEL", "E_ONNX"].includes(error.code),
      `byte ${i}`,
    );
  }
  assert.ok(readable > 100, `${readable} of 400 were readable`);
});

for (const format of ["fourway.1", "fourway.2"])
  test(`a ${format} file keeps its thresholds at every operating point, its scores, and its presence at every size`, () => {
    const { graph, metadata } = readOnnx(saveModel(model()));
    const { sha256: _, scores: __, ...older } = metadata;
    const thresholds = { a: 0, b: 0.7, c: 0.4 };
    const presence = { a: { scale: 0.7, offset: -1.25 }, b: { scale: -1, offset: 0 }, c: { scale: 2, offset: 3 } };
    const file = (settings: object) =>
      writeOnnx(graph, { ...older, format, thresholds: JSON.stringify(thresholds), presence: JSON.stringify(presence), ...settings });
    const { info } = loadModel(file({}));
    assert.deepEqual(info.thresholds, { precise: thresholds, balanced: thresholds, sensitive: thresholds });
    assert.deepEqual(info.scores, { a: one(1, 0), b: one(1, 0), c: one(1, 0) });
    assert.deepEqual(info.presence, { a: one(0.7, -1.25), b: one(-1, 0), c: one(2, 3) });
    const offsets = { ...presence, b: { scale: 1, offset: null } };
    assert.throws(() => loadModel(file({ presence: JSON.stringify(offsets) })), { code: "E_MODEL", message: /"presence"/ });
    assert.throws(() => loadModel(file({ thresholds: '{"a":0.5,"b":0.5}' })), { code: "E_MODEL", message: /"thresholds"/ });
  });

test("a file without a digest, as older versions wrote it, is read", () => {
  assert.deepEqual(loadModel(changed("none", undefined)), model());
});

test("loadModel takes bytes of any kind and realm, and names these for anything else", () => {
  const file = saveModel(model());
  const shared = new Uint8Array(new SharedArrayBuffer(file.length));
  shared.set(file);
  const other = runInNewContext("new Uint8Array(length)", { length: file.length }) as Uint8Array;
  other.set(file);
  const within = new Uint8Array(file.length + 8);
  within.set(file, 4);
  const view = new DataView(within.buffer, 4, file.length);
  for (const bytes of [file, file.slice().buffer, shared, shared.buffer, other, other.buffer as ArrayBuffer, view])
    assert.deepEqual(loadModel(bytes), model());
  for (const [bytes, kind] of [
    [undefined, "Undefined"],
    ["a.onnx", "String"],
    [new Blob([]), "Blob"],
    [{}, "Object"],
    [[1], "Array"],
  ])
    assert.throws(() => loadModel(bytes as Uint8Array), { code: "E_ARGUMENT", message: new RegExp(`ArrayBuffer, .*, got ${kind}; `) });
});

test("a file that asks for more pixels than 2^20 is refused before any of them is allocated", () => {
  assert.throws(() => loadModel(changed("pixels", String(2 ** 20 + 1))), { code: "E_MODEL", message: /"pixels"/ });
  assert.equal(loadModel(changed("pixels", String(2 ** 20))).info.pixels, 2 ** 20);
});

test("a network with outputs of other names is no model of these tasks", () => {
  assert.throws(
    () => loadModel(changed("tasks", '["a","c","b"]')),
    (error: { code: string; message: string }) => {
      assert.equal(error.code, "E_MODEL");
      // thresholds and presence are named by task, so they still fit: it is the order of the heads that does not
      assert.match(error.message, /^model: expected the outputs a\.8, c\.8, b\.8, a\.16, .*, got a\.8, b\.8, c\.8, /);
      return true;
    },
  );
});
