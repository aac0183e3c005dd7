import assert from "node:assert/strict";
import { test } from "node:test";
import { cutBefore, PARTS, putBack } from "../../src/learn/cut.js";
import { answersAt, answersOf } from "../../src/learn/look.js";
import { featuresOf } from "../../src/learn/passes.js";
import { scenePixels } from "../../src/learn/rehearsal.js";
import { saveModel } from "../../src/model/model.js";
import { dequantized } from "../../src/quant/dequantize.js";
import { createEngine } from "../../src/wasm/load.js";
import { smallModel } from "./support.js";

const SIZE = { width: 224, height: 128 };

test("what is before a cut and what is behind it answer together as the whole network, to the bit", async () => {
  const engine = await createEngine();
  const model = smallModel();
  const pictures = [1, 2].map((index) => ({ ...SIZE, pixels: scenePixels(3, index, SIZE) }));
  const whole = answersOf(engine, model, pictures, 0.01);
  assert.ok(whole.every(({ objects }) => objects.length > 0));
  for (const part of PARTS) {
    const cut = cutBefore(model, part);
    const seen = featuresOf(engine, cut, pictures).map((features) => ({ ...SIZE, features }));
    assert.deepEqual(answersAt(engine, cut, model.info, seen, 0.01), whole, part);
  }
  const one = answersOf(engine, model, pictures, 0.01, ["car"]);
  assert.deepEqual(
    one.map(({ objects }) => objects),
    whole.map(({ objects }) => objects.filter(({ task }) => task === "car")),
  );
});

test("each part holds the smaller ones, and what learned nothing goes back bit for bit", () => {
  const model = smallModel();
  let fewer = 0;
  for (const part of PARTS) {
    const cut = cutBefore(model, part);
    assert.ok(cut.learner.params.size > fewer, part);
    fewer = cut.learner.params.size;
    const graph = putBack(model.graph, cut, { ...cut.learner, params: new Map(cut.learner.params) }, cut.behind.scales!);
    assert.deepEqual(saveModel({ ...model, graph }), saveModel(model), part);
  }
});

test("of a network in which one head changed all other weights keep their bits, and a changed one is near what was learned", () => {
  const model = smallModel();
  const cut = cutBefore(model, "path");
  const params = new Map(cut.learner.params);
  const name = "head.car.pointwise.weight";
  const changed = { ...params.get(name)!, data: Float32Array.from(params.get(name)!.data, (v, i) => v + 0.05 * Math.sin(i)) };
  params.set(name, changed);
  const graph = putBack(model.graph, cut, { ...cut.learner, params }, cut.behind.scales!);
  const differing = [...graph.params]
    .filter(([key, { data }]) => data.some((v, i) => v !== model.graph.params.get(key)!.data[i]))
    .map(([key]) => key);
  assert.ok(differing.includes(name));
  assert.deepEqual(
    differing.filter((key) => !["head.car.pointwise.weight", "head.car.pointwise.bias"].includes(key)),
    [],
  );
  const { data, scales } = graph.params.get(name)!;
  const back = dequantized(graph).params.get(name)!.data;
  const each = data.length / scales!.length;
  back.forEach((v, i) => void assert.ok(Math.abs(v - changed.data[i]!) <= 0.51 * scales![Math.floor(i / each)]!));
});

test("f32 models, and networks without the part, are refused", () => {
  const model = smallModel();
  assert.throws(() => cutBefore({ ...model, graph: dequantized(model.graph) }, "path"), {
    code: "E_MODEL",
    message: /expected an int8 model/,
  });
  const foreign = {
    ...model.graph,
    nodes: model.graph.nodes.map((node) => ({
      ...node,
      params: Object.fromEntries(Object.entries(node.params).map(([role, name]) => [role, `x.${name}`])),
    })),
  } as typeof model.graph;
  const params = new Map([...model.graph.params].map(([name, param]) => [`x.${name}`, param]));
  assert.throws(() => cutBefore({ ...model, graph: { ...foreign, params } }, "heads"), {
    code: "E_MODEL",
    message: /parameters named "head\..": ?|parameters named "head\.\.\."/,
  });
});
