import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { meanBin } from "../../src/detect/decode.js";
import { Detector } from "../../src/detect/detector.js";
import { buildNetwork } from "../../src/model/build.js";
import { BOX_HEAD, boxHead, type HeadMaps, headLayout } from "../../src/model/head.js";
import { defaultInfo, loadModel, saveModel } from "../../src/model/model.js";
import { withCoarserMap, withLayout, withTasks } from "../../src/model/surgery.js";
import { readOnnx } from "../../src/onnx/read.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { foldNorms } from "../../src/quant/fold.js";
import { FRESH_GROUPS } from "../../src/train/optimizer.js";
import { Replica } from "../../src/train/replica.js";
import { createEngine } from "../../src/wasm/load.js";
import { runGraph } from "../oracle/graph.js";
import { exampleOf, SMALL_TASKS, smallNetwork, smallTrunk } from "../support/network.js";

const LANDMARKS = headLayout([
  ["logit", 1],
  ["landmarks", 6],
  ["box", 4],
]);
const frame = (width: number, height: number) => {
  const random = new Random(5);
  return { width, height, data: Uint8Array.from({ length: 4 * width * height }, () => random.below(256)) };
};
const small = () => ({ graph: foldNorms(smallNetwork(1)), info: defaultInfo(SMALL_TASKS) });

for (const [name, strides, layout] of [
  ["strides 8 to 64", [8, 16, 32, 64], BOX_HEAD],
  ["strides 16 and 32", [16, 32], BOX_HEAD],
  ["landmarks between logit and box", [8, 16, 32], LANDMARKS],
] as const)
  test(`${name}: a network is built, trained, saved, loaded and detects`, async () => {
    const maps: HeadMaps = { strides, layout };
    const graph = buildNetwork(smallTrunk(1), { tasks: ["a", "b"], path: 12, head: 6, strides, layout });
    const options = { batch: 1, sizes: [{ width: 128, height: 128 }], tasks: 2, groups: FRESH_GROUPS, optimizer: "adamw", maps } as const;
    const replica = new Replica(await createEngine(), graph, options);
    const about = { boxes: [0, 20, 10, 100, 90], mapWeight: [1, 1], presence: [1, 0], presenceWeight: [1, 1] };
    const example = exampleOf(new Random(3), 128, 128, 2, about);
    const losses = Array.from({ length: 24 }, (_, i) => i + 1).map((step) => {
      const { total } = replica.compute([example], 128, 128);
      replica.apply({ step, rate: 0.01, emaWeight: 1 });
      return total;
    });
    assert.ok(losses.at(-1)! < losses[0]!, losses.join(" then "));
    const model = { graph: foldNorms(replica.export(true)), info: defaultInfo(["a", "b"], maps) };
    const again = loadModel(saveModel(model));
    assert.deepEqual(again.info, model.info);
    using detector = await Detector.load(again, { pixels: 128 * 128 });
    const { objects, presence } = detector.detect(frame(200, 150), { minScore: 0 });
    assert.deepEqual(Object.keys(presence), ["a", "b"]);
    assert.ok(objects.length > 0);
    for (const { box } of objects) assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= 200.001 && box.y + box.height <= 150.001);
  });

test("outputs beside logit and box take part in nothing: the same weights detect the same with and without them", async () => {
  const model = small();
  const wide = structuredClone(model.graph);
  for (const task of SMALL_TASKS)
    for (const [name, param] of wide.params)
      if (name.startsWith(`head.${task}.out.`)) {
        const each = param.data.length / 5;
        const data = new Float32Array(each * 11).fill(7);
        data.set(param.data.subarray(0, each) as Float32Array);
        data.set(param.data.subarray(each) as Float32Array, 7 * each);
        wide.params.set(name, { dims: [11, ...param.dims.slice(1)], data });
      }
  using plain = await Detector.load(model);
  using more = await Detector.load({ graph: wide, info: { ...model.info, layout: LANDMARKS } });
  const [a, b] = [plain, more].map((detector) => detector.detect(frame(320, 192), { minScore: 0.001 }));
  assert.ok(a!.objects.length > 0);
  assert.deepEqual([b!.presence, b!.objects], [a!.presence, a!.objects]);
});

test("files of the format before have the shipped models' heads", () => {
  const file = saveModel(small());
  const { graph, metadata } = readOnnx(file);
  const { head: _, sha256: __, ...old } = metadata;
  assert.equal(metadata.format, "fourway.3");
  const thresholds = JSON.stringify({ a: 0.5, b: 0.5, c: 0.5 });
  const pair = { scale: 1, offset: 0 };
  const oldest = { ...old, format: "fourway.1", thresholds, presence: JSON.stringify({ a: pair, b: pair, c: pair }) };
  assert.deepEqual(loadModel(writeOnnx(graph, oldest)).info.layout, loadModel(file).info.layout);
  assert.throws(() => loadModel(writeOnnx(graph, old)), { code: "E_MODEL", message: /"head"/ });
});

test("heads are kept bit for bit, dropped and added: what is kept detects the same", async () => {
  const model = small();
  model.info.thresholds.precise.b = 0.125;
  model.info.scores = { ...model.info.scores, b: { sizes: [8, 64], scales: [1, 2], offsets: [0, -1] } };
  const changed = withTasks(model, ["c", "new", "b"], 4);
  assert.deepEqual(changed.info.tasks, ["c", "new", "b"]);
  assert.deepEqual(changed.info.thresholds.precise, { c: 0.35, new: 0.35, b: 0.125 });
  assert.deepEqual(changed.info.thresholds.sensitive, { c: 0.35, new: 0.35, b: 0.35 });
  assert.deepEqual(changed.info.scores, { c: model.info.scores.c, new: model.info.scores.c, b: model.info.scores.b });
  for (const [name, { data }] of model.graph.params)
    assert.deepEqual(changed.graph.params.get(name)?.data, name.startsWith("head.a.") ? undefined : data, name);
  using before = await Detector.load(model);
  using after = await Detector.load(loadModel(saveModel({ ...changed, graph: foldNorms(changed.graph) })));
  const [a, b] = [before, after].map((detector) => detector.detect(frame(320, 192), { minScore: 0.001 }));
  for (const task of ["b", "c"]) {
    assert.equal(b!.presence[task], a!.presence[task]);
    const of = ({ objects }: typeof a & object) => objects.filter((object) => object.task === task);
    assert.deepEqual(of(b!), of(a!));
  }
  assert.deepEqual(withTasks(model, ["new"], 4).graph.params.get("head.new.out.weight"), changed.graph.params.get("head.new.out.weight"));
});

test("a head's distances become distributions around them: what is there, how surely and about where stays", async () => {
  const model = small();
  const changed = withLayout(model, boxHead(8), 4);
  assert.deepEqual(changed.graph.outputs, model.graph.outputs);
  const scores = { ...defaultInfo(SMALL_TASKS, { strides: model.info.strides, layout: boxHead(8) }), pixels: 61440, notes: {} };
  assert.deepEqual(changed.info, scores);
  for (const [name, { data }] of model.graph.params) {
    const own = /^head\.\w+\.out\./.test(name);
    const after = changed.graph.params.get(name)!;
    assert.equal(after.data.length, own ? (data.length / 5) * 33 : data.length);
    const same = own ? data.length / 5 : data.length;
    assert.deepEqual(after.data.subarray(0, same), data.subarray(0, same), name);
  }
  // sides of different lengths, from a third of a stride to six strides
  const wanted = [0.34, 0.6, 1.1, 1.9, 2.7, 3.6, 4.5, 6];
  for (const [i, length] of wanted.entries()) {
    const bias = Math.log(length);
    const params = new Map(model.graph.params);
    const { dims, data } = params.get("head.a.out.bias")!;
    params.set("head.a.out.bias", { dims, data: data.map((v, channel) => (channel === 0 ? v : bias)) });
    const sides = withLayout({ ...model, graph: { ...model.graph, params } }, boxHead(8)).graph.params.get("head.a.out.bias")!
      .data as Float32Array;
    const [left, top, right, bottom] = [0, 1, 2, 3].map((side) => meanBin(sides, 1 + 8 * side, 8));
    assert.deepEqual([top, bottom], [left, right]); // from the cell's corner instead of its middle: half a stride less and more
    assert.ok(Math.abs(left! - Math.max(0, length - 0.5)) < 0.1 * (length + 0.5), `${i}: left ${left} of ${length - 0.5}`);
    assert.ok(Math.abs(right! - (length + 0.5)) < 0.1 * (length + 0.5), `${i}: right ${right} of ${length + 0.5}`);
  }
  using before = await Detector.load(model);
  using after = await Detector.load(loadModel(saveModel(changed)));
  const [a, b] = [before, after].map((detector) => detector.detect(frame(320, 192), { minScore: 0 }));
  assert.deepEqual(b!.presence, a!.presence);
  const largest = (found: typeof a) => Math.max(...found!.objects.map(({ score }) => score));
  assert.equal(largest(b), largest(a));
  assert.throws(() => withLayout({ ...small(), info: defaultInfo(["x"]) }, boxHead(8)), { code: "E_MODEL", message: /another network/ });
});

test("a head whose distributions become distances begins them anew", () => {
  const back = withLayout(withLayout(small(), boxHead(8)), boxHead(0)).graph.params.get("head.a.out.bias")!;
  assert.deepEqual([...back.data.subarray(1)], [1, 1, 1, 1]);
});

test("a coarser map is added behind a copy of the path's step down: the others stay to the bit", async () => {
  const model = small();
  const { graph, info } = withCoarserMap(model);
  assert.deepEqual(info.strides, [8, 16, 32, 64]);
  assert.deepEqual(graph.params.get("path.up64.depthwise.weight"), graph.params.get("path.up32.depthwise.weight"));
  assert.notEqual(graph.params.get("path.up64.depthwise.weight"), graph.params.get("path.up32.depthwise.weight")); // learns on its own
  assert.equal(graph.params.size, model.graph.params.size + 4); // heads are shared over the strides
  const random = new Random(6);
  const image = Float64Array.from({ length: 3 * 96 * 160 }, () => random.uniform(-1, 1));
  const [before, after] = [model.graph, graph].map((each) => runGraph(each, image, 96, 160));
  for (const [name, map] of before!) assert.deepEqual(after!.get(name), map);
  const { height, width, channels, data } = after!.get("a.64")!;
  assert.deepEqual([height, width, channels], [2, 3, 5]);
  assert.ok(data.every(Number.isFinite));
  using detector = await Detector.load(loadModel(saveModel({ graph, info })), { pixels: 96 * 160 });
  assert.ok(detector.detect(frame(320, 192), { minScore: 0 }).objects.length > 0);
  assert.deepEqual(withCoarserMap({ graph, info }).info.strides, [8, 16, 32, 64, 128]);
  const single = buildNetwork(smallTrunk(1), { tasks: ["a"], strides: [32] });
  const noStep = { graph: foldNorms(single), info: defaultInfo(["a"], { strides: [32], layout: BOX_HEAD }) };
  assert.throws(() => withCoarserMap(noStep), { code: "E_MODEL", message: /another network/ });
});

test("strides and heads that cannot be are refused, and so is a network that is not ours", () => {
  const build = (strides: number[]) => () => buildNetwork(smallTrunk(1), { tasks: ["a"], strides });
  for (const strides of [[], [4, 8], [8, 32], [64], [8, 16, 32, 64, 128, 256, 512]]) assert.throws(build(strides), { code: "E_MODEL" });
  assert.throws(() => headLayout([["box", 4]]), { code: "E_MODEL" });
  assert.throws(
    () =>
      headLayout([
        ["logit", 1],
        ["box", 5],
      ]),
    { code: "E_MODEL" },
  );
  assert.throws(() => withTasks({ ...small(), info: defaultInfo(["x"]) }, ["x"]), { code: "E_MODEL", message: /another network/ });
});
