import assert from "node:assert/strict";
import { test } from "node:test";
import { BOX_MAPS } from "../../src/model/head.js";
import { defaultInfo, loadModel, type Model, saveModel } from "../../src/model/model.js";
import { readOnnx } from "../../src/onnx/read.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { foldNorms } from "../../src/quant/fold.js";
import { SMALL_TASKS, smallNetwork } from "../support/network.js";

function model(): Model {
  const info = {
    tasks: [...SMALL_TASKS],
    ...BOX_MAPS,
    pixels: 100_352,
    thresholds: { a: 0, b: 0.5, c: 1 },
    presence: { a: { scale: 0.7, offset: -1.25 }, b: { scale: 1, offset: 0 }, c: { scale: 2, offset: 3 } },
    notes: { trained: "2 epochs, seed 1", data: "scenes, street ✓" },
  };
  return { graph: foldNorms(smallNetwork(1)), info };
}

test("a model comes back from its file as it was, graph, numbers and notes", () => {
  const saved = model();
  assert.deepEqual(loadModel(saveModel(saved)), saved);
});

test("a model that nothing is known of reports objects above .35, at the default size, with presence as it is", () => {
  assert.deepEqual(defaultInfo(["x"]), {
    tasks: ["x"],
    ...BOX_MAPS,
    pixels: 320 * 192,
    thresholds: { x: 0.35 },
    presence: { x: { scale: 1, offset: 0 } },
    notes: {},
  });
});

/** The model's file with one entry of its metadata changed, or left out. */
function changed(key: string, value: string | undefined): Uint8Array {
  const { graph, metadata } = readOnnx(saveModel(model()));
  const entries = Object.entries(metadata).filter(([name]) => name !== key);
  return writeOnnx(graph, Object.fromEntries(value === undefined ? entries : [...entries, [key, value]]));
}

const WRONG: [key: string, value: string | undefined][] = [
  ["format", undefined],
  ["format", "fourway.3"],
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
  ["thresholds", '{"a":0.5,"b":0.5}'],
  ["thresholds", '{"a":0.5,"b":0.5,"c":1.5}'],
  ["thresholds", "null"],
  ["presence", '{"a":1,"b":1,"c":1}'],
  ["presence", '{"a":{"scale":1,"offset":null},"b":{"scale":1,"offset":0},"c":{"scale":1,"offset":0}}'],
];

for (const [key, value] of WRONG)
  test(`a file whose ${key} is ${value ?? "missing"} is no model, and the message names ${key}`, () => {
    assert.throws(() => loadModel(changed(key, value)), { code: "E_MODEL", message: new RegExp(`^model: expected .*${key}`) });
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
