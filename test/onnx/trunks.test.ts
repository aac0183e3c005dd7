import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { readOnnx } from "../../src/onnx/read.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { slopeOf } from "../../src/ops/activation.js";
import { runGraph } from "../oracle/graph.js";
import { runOnnx } from "../support/ort.js";

const folder = join(process.env.FOURWAY_SHARED ?? "", "trunks");

/** 16 units, three of them of stride 2 (two more convolutions, no slices): 55 convolutions, 36 activations merged into them. */
const NODES = { conv1x1: 16 * 2 + 3, conv3x3: 1, dwconv: 16 + 3, maxpool: 1, split: 13, concat: 16 };

for (const [file, channels, slope] of [
  ["shufflenetv2-0.5-coco.onnx", [48, 96, 192], 0],
  ["shufflenetv2-1.0-coco.onnx", [116, 232, 464], 0.1],
] as const) {
  const path = join(folder, file);
  const skip =
    process.env.FOURWAY_SHARED && existsSync(path) ? false : `${file} is not there; set FOURWAY_SHARED to the folder that holds trunks/`;

  test(`${file} is read: all nodes, all activations merged`, { skip }, () => {
    const { graph } = readOnnx(readFileSync(path));
    const counts: Record<string, number> = {};
    for (const { op } of graph.nodes) counts[op] = (counts[op] ?? 0) + 1;
    assert.deepEqual(counts, NODES);
    assert.deepEqual(graph.outputs, ["stride8", "stride16", "stride32"]);
    assert.equal(graph.params.size, 110);
    const slopes = graph.nodes.map((node) => ("activation" in node.attributes ? slopeOf(node.attributes.activation) : undefined));
    assert.equal(slopes.filter((s) => s === slope).length, 36);
    assert.equal(slopes.filter((s) => s === 1).length, 19);
    const split = graph.nodes.find(({ op }) => op === "split");
    assert.deepEqual([split?.name, split?.outputs], ["stage2.1", ["stage2.1.kept", "stage2.1.in"]]);
    assert.deepStrictEqual(readOnnx(writeOnnx(graph, {})).graph, graph);
  });

  test(`${file} run by the oracle at 64 x 64 equals onnxruntime-web, also after writing it anew`, { skip }, async () => {
    const bytes = readFileSync(path);
    const { graph } = readOnnx(bytes);
    const random = new Random(5);
    const input = Float32Array.from({ length: 64 * 64 * 3 }, () => random.uniform());
    const expected = runGraph(graph, input, 64, 64);
    for (const model of [bytes, writeOnnx(graph, {})]) {
      const got = await runOnnx(model, input, 64, 64);
      for (const [i, name] of graph.outputs.entries()) {
        const [value, picture] = [expected.get(name), got.get(name)];
        assert.equal(value?.channels, channels[i]);
        const largest = Math.max(...(value?.data ?? []).map(Math.abs));
        const difference = Math.max(...(value?.data ?? []).map((v, j) => Math.abs(v - (picture?.data[j] as number))));
        assert.ok(difference <= 1e-4 * largest, `${name}: ${difference} of ${largest}`);
      }
    }
  });
}
