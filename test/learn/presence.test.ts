// A learner of a model whose heads say presence alone.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { quantizeModel } from "../../src/eval/quantizeModel.js";
import { Detector, drawScene, type Frame, type Sample } from "../../src/index.js";
import { Learner } from "../../src/learn/index.js";
import { buildNetwork } from "../../src/model/build.js";
import { PRESENCE_MAPS } from "../../src/model/head.js";
import { defaultInfo, type Model } from "../../src/model/model.js";
import { shuffleTrunk } from "../../src/model/trunk.js";
import { foldNorms } from "../../src/quant/fold.js";

const TASKS = ["blue", "red"];
const SIZE = { width: 96, height: 64 };
const frameOf = (i: number): Frame => drawScene(7, i, SIZE).frame;

let model: Model;
before(async () => {
  const graph = foldNorms(buildNetwork(shuffleTrunk("0.5", 1), { tasks: TASKS, path: 16, head: 8, ...PRESENCE_MAPS }));
  const samples = [0, 1, 2, 3].map(
    (i): Sample => ({ image: `${i}`, ...SIZE, split: "train", group: `${i}`, set: "drawn", labels: { red: [] }, ignore: {} }),
  );
  const info = { ...defaultInfo(TASKS, PRESENCE_MAPS), pixels: 6144 };
  ({ model } = await quantizeModel({ graph, info }, samples, { read: (image) => frameOf(Number(image)), images: 4, seed: 1 }));
});

for (const what of ["heads", "path"] as const)
  test(`presence is learned from a yes, and the guard measures it, ${what}`, async () => {
    const learner = await Learner.open(model, { memoryBytes: 4e6, seed: 2 });
    for (let i = 0; i < 5; i++) assert.deepEqual((await learner.add(frameOf(i), { red: true })).held, i === 3 ? ["red"] : []);
    const { guard, refused } = await learner.fit({ what, steps: 60 });
    assert.deepEqual([refused, guard.red!.frames], [[], 1]);
    assert.ok(guard.red!.after < guard.red!.before, JSON.stringify(guard));
    const { red, blue } = await learner.evaluate();
    assert.equal(blue, undefined);
    assert.deepEqual([red!.frames, red!.held, red!.after], [1, true, { ap50: null, f1: null, presenceAp: 1, pointError: null }]);
    await learner.commit();
    const { params } = learner.model.graph;
    const changed = (begin: string): boolean =>
      [...params].some(([name, { data }]) => name.startsWith(begin) && data.some((v, i) => v !== model.graph.params.get(name)!.data[i]));
    assert.deepEqual([changed("head.red."), changed("trunk.")], [true, false]);
    if (what === "heads") assert.deepEqual([changed("head.blue."), changed("path.")], [false, false]);
    using detector = await Detector.load(await learner.export());
    using old = await Detector.load(model);
    const [said, before] = [detector.detect(frameOf(9)), old.detect(frameOf(9))];
    assert.deepEqual(said.objects, []);
    assert.ok(said.presence.red! > before.presence.red!, `${said.presence.red}, before ${before.presence.red}`);
  });

for (const yes of [true, false])
  test(`${yes ? "yes raises" : "no lowers"} presence in frames that were not taught, and a task that nobody spoke of answers as before`, async () => {
    const learner = await Learner.open(model, { memoryBytes: 4e6, seed: 2 });
    for (let i = 0; i < 4; i++) await learner.add(frameOf(i), { red: yes ? true : [] });
    assert.deepEqual((await learner.fit({ what: "heads", steps: 60 })).refused, []);
    await learner.commit();
    using taught = await Detector.load(learner.model);
    using old = await Detector.load(model);
    for (const i of [9, 10, 11]) {
      const [after, before] = [taught.detect(frameOf(i)).presence, old.detect(frameOf(i)).presence];
      assert.ok((after.red! - before.red!) * (yes ? 1 : -1) > 0, `frame ${i}: ${after.red}, before ${before.red}`);
      assert.equal(after.blue, before.blue);
    }
  });
