import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspectLines } from "../../src/cli/inspect.js";
import { type Graph, imageInput } from "../../src/graph/graph.js";
import { saveModel } from "../../src/model/model.js";
import { shuffleTrunk } from "../../src/model/trunk.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { foldNorms } from "../../src/quant/fold.js";
import { randomModel } from "../detect/models.js";
import { fourway } from "./run.js";

function lineOf(lines: string[], name: string): string {
  const line = lines.find((text) => text.startsWith(`${name} `));
  assert.ok(line, `a line for ${name}`);
  return line;
}

test("a model's layers, totals and metadata are listed, with the sketch's MACs at 320 x 192", () => {
  const { graph, info } = randomModel();
  const bytes = saveModel({ graph: foldNorms(graph), info: { ...info, notes: { seed: "1", "a\u001b[31m\nkey": "two\nlines" } } });
  const lines = inspectLines(bytes);
  assert.match(lineOf(lines, "trunk.stem"), /conv3x3 \/2 relu +96 x 160 x 24 +9 953 280 +672$/);
  assert.match(lineOf(lines, "car.8.block.depthwise"), /dwconv 3x3 relu +24 x 40 x 64 +552 960 +640$/);
  assert.match(lineOf(lines, "car.16.block.depthwise"), /shared$/, "parameters of later strides count once");
  assert.match(lineOf(lines, "MACs"), /64\.3 M/);
  assert.match(lineOf(lines, "numbers"), /f32/);
  assert.match(lineOf(lines, "input"), /192 x 320 x 3/);
  assert.match(lineOf(lines, "file"), new RegExp(`^file +${String(bytes.length).replace(/\B(?=(\d{3})+$)/g, " ")} bytes`));
  assert.match(lineOf(lines, "arena"), /\d bytes/);
  assert.match(lineOf(lines, "tasks"), /\["pedestrian","car","stopSign","trafficLight"\]/);
  assert.match(lineOf(lines, "seed"), /1$/);
  assert.ok(
    lines.every((line) => !/\p{Cc}/u.test(line)),
    "no control character of the file reaches the terminal",
  );
  const parameters = lines
    .slice(1, lines.indexOf(""))
    .map((line) => Number(/ {2}(\d{1,3}(?: \d{3})*)$/.exec(line)?.[1]?.replaceAll(" ", "") ?? 0))
    .reduce((a, b) => a + b, 0);
  assert.equal(
    Number(/parameters +([\d ]+)$/.exec(lineOf(lines, "parameters"))![1]!.replaceAll(" ", "")),
    parameters,
    "the column adds up",
  );
});

test("columns are aligned", () => {
  const { graph, info } = randomModel();
  const lines = inspectLines(saveModel({ graph: foldNorms(graph), info }));
  const layers = lines.slice(0, lines.indexOf(""));
  assert.equal(new Set(layers.map((line) => line.length)).size, 1, "numbers end in one column");
});

test("a third-party trunk without metadata and a graph with norms are listed too", () => {
  const trunk = shuffleTrunk("1.0", 1);
  for (const graph of [trunk, foldNorms(trunk)]) {
    const lines = inspectLines(writeOnnx(graph, {}));
    assert.match(lineOf(lines, "stage4.3"), /concat +6 x 10 x 464/);
    assert.match(lines.at(-1)!, /no metadata/);
  }
});

test("an int8 graph is named as such", () => {
  const params: Graph["params"] = new Map([
    ["w", { dims: [8, 3, 3, 3], data: new Int8Array(216).fill(3), scales: new Float32Array(8).fill(0.01) }],
    ["b", { dims: [8], data: new Int32Array(8) }],
    ["v", { dims: [5, 8, 1, 1], data: new Int8Array(40).fill(2), scales: new Float32Array(5).fill(0.02) }],
    ["c", { dims: [5], data: new Int32Array(5) }],
  ]);
  const graph: Graph = {
    inputs: [imageInput("input")],
    outputs: ["out"],
    nodes: [
      {
        op: "conv3x3",
        name: "stem",
        inputs: ["input"],
        outputs: ["stem"],
        attributes: { stride: 2, activation: { kind: "relu" } },
        params: { weight: "w", bias: "b" },
      },
      {
        op: "conv1x1",
        name: "out",
        inputs: ["stem"],
        outputs: ["out"],
        attributes: { activation: { kind: "none" } },
        params: { weight: "v", bias: "c" },
      },
    ],
    params,
    scales: new Map([
      ["input", 1 / 256],
      ["stem", 0.03125],
    ]),
  };
  const lines = inspectLines(writeOnnx(graph, { trained: "never" }));
  assert.match(lineOf(lines, "numbers"), /int8/);
  assert.match(lineOf(lines, "parameters"), /269$/);
  assert.match(lineOf(lines, "trained"), /never/);
});

test("fourway inspect prints them, and rejects a file that is not a model in one line with exit code 1", () => {
  const folder = mkdtempSync(join(tmpdir(), "fourway-inspect-"));
  try {
    const path = join(folder, "trunk.onnx");
    writeFileSync(path, writeOnnx(shuffleTrunk("0.5", 1), {}));
    const { stdout, stderr, status } = fourway(["inspect", path]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^layer +op +output +MACs +parameters\n/);
    writeFileSync(path, "no model");
    const bad = fourway(["inspect", path]);
    assert.equal(bad.status, 1);
    assert.match(bad.stderr, /expected/);
    assert.doesNotMatch(bad.stderr, /\.js:\d/);
    assert.equal(bad.stdout, "");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
