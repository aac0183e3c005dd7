import assert from "node:assert/strict";
import { test } from "node:test";
import { Detector } from "../../src/detect/detector.js";
import { Learner } from "../../src/learn/index.js";
import { withoutTask, withTask } from "../../src/learn/tasks.js";
import { loadModel, saveModel } from "../../src/model/model.js";
import { cameraFrame, smallFile, smallModel } from "./support.js";

const found = async (model: Parameters<typeof Detector.load>[0], task: string): Promise<unknown> => {
  using detector = await Detector.load(model);
  const { objects, presence } = detector.detect(cameraFrame(0, { scene: 9 }).frame, { minScore: 0.05 });
  return { objects: objects.filter((object) => object.task === task).map(({ score, box }) => ({ score, box })), presence: presence[task] };
};

test("a new task begins as its model, with or without a path of its own, and the others answer the same bits", async () => {
  const model = smallModel();
  for (const ownPath of [true, false]) {
    const more = loadModel(saveModel(withTask(model, "bus", "car", ownPath)));
    assert.deepEqual(more.info.tasks, ["pedestrian", "car", "stopSign", "trafficLight", "bus"]);
    for (const task of model.info.tasks) assert.deepEqual(await found(more, task), await found(model, task), task);
    const raw = {
      ...more,
      info: {
        ...more.info,
        scores: { ...more.info.scores, bus: more.info.scores.car! },
        presence: { ...more.info.presence, bus: more.info.presence.car! },
      },
    };
    assert.deepEqual(await found(raw, "bus"), await found(model, "car"));
    assert.equal(
      [...more.graph.params.keys()].some((name) => name.startsWith("head.bus.path.")),
      ownPath,
    );
    const less = withoutTask(more, "bus");
    assert.deepEqual(saveModel(less), saveModel(model), "and without it the file is what it was");
  }
  assert.deepEqual(withoutTask(model, "car").info.tasks, ["pedestrian", "stopSign", "trafficLight"]);
});

test("names that cannot be are told", () => {
  const model = smallModel();
  assert.throws(() => withTask(model, "car", "car", true), {
    code: "E_ARGUMENT",
    message: /expected a new name of letters and digits, got "car"/,
  });
  assert.throws(() => withTask(model, "a.b", "car", true), { code: "E_ARGUMENT" });
  assert.throws(() => withTask(model, "bus", "tram", true), { code: "E_ARGUMENT", message: /expected like to be one of/ });
  assert.throws(() => withoutTask(model, "bus"), { code: "E_ARGUMENT" });
});

test("a fifth task learns from frames that are labelled for it; the four others stay bit for bit, and it goes again", async () => {
  const learner = await Learner.open(smallFile(), { seed: 7 });
  const before = learner.model;
  await learner.addTask("bus", { like: "stopSign" });
  for (let i = 0; i < 8; i++) {
    const { frame, labels } = cameraFrame(2 * i, { scene: 9 });
    await learner.add(frame, { bus: labels.car! }, { sure: true });
  }
  const { refused } = await learner.fit({ what: "heads", steps: 120 });
  assert.deepEqual(refused, []);
  const { bus } = await learner.evaluate();
  assert.ok(bus!.after.f1! > bus!.before.f1!, JSON.stringify(bus));
  await learner.commit();
  for (const [name, param] of before.graph.params) assert.deepEqual(learner.model.graph.params.get(name), param, name);
  for (const task of before.info.tasks) assert.deepEqual(await found(learner.model, task), await found(before, task), task);
  const version = await learner.removeTask("bus");
  assert.deepEqual(version.tasks, before.info.tasks);
  assert.deepEqual(learner.model.graph, before.graph);
});
