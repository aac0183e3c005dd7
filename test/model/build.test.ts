import assert from "node:assert/strict";
import { test } from "node:test";
import { TASKS } from "../../src/core/task.js";
import { buildNetwork, mapName } from "../../src/model/build.js";
import { BOX_HEAD, STRIDES } from "../../src/model/head.js";
import { shuffleTrunk } from "../../src/model/trunk.js";
import { shapesOf } from "../../src/program/plan.js";
import { smallTrunk } from "../support/network.js";

test("the network gives every task a map of five channels at strides 8, 16 and 32, in that order, for any size", () => {
  const graph = buildNetwork(smallTrunk(1), { tasks: TASKS, path: 8, head: 8 });
  assert.deepEqual(
    graph.outputs,
    STRIDES.flatMap((stride) => TASKS.map((task) => mapName(task, stride))),
  );
  for (const [height, width] of [
    [192, 320],
    [32, 32],
    [64, 224],
  ] as const) {
    const shapes = shapesOf(graph, height, width);
    for (const stride of STRIDES)
      for (const task of TASKS)
        assert.deepEqual(shapes.get(mapName(task, stride)), {
          height: height / stride,
          width: width / stride,
          channels: BOX_HEAD.channels,
        });
  }
});

test("a head has the same parameters on all strides, and none of another task's", () => {
  const graph = buildNetwork(smallTrunk(1), { tasks: TASKS, path: 8, head: 8 });
  for (const task of TASKS) {
    const used = STRIDES.map((stride) => {
      const nodes = graph.nodes.filter(({ name }) => name.startsWith(`${mapName(task, stride)}.`) || name === mapName(task, stride));
      return nodes.flatMap(({ params }) => Object.values(params)).sort();
    });
    assert.equal(used[0]!.length, 12); // two convolutions with norms, one with a bias
    assert.deepEqual(used[1], used[0]);
    assert.deepEqual(used[2], used[0]);
    assert.ok(used[0]!.every((name) => name.startsWith(`head.${task}.`)));
  }
});

test("heads begin by taking one cell in a hundred for an object that reaches e strides to each side", () => {
  const graph = buildNetwork(smallTrunk(1), { tasks: TASKS, path: 8, head: 8 });
  for (const task of TASKS) {
    assert.deepEqual([...graph.params.get(`head.${task}.out.bias`)!.data], [Math.fround(-4.6), 1, 1, 1, 1]);
    assert.ok(
      graph.params.get(`head.${task}.out.weight`)!.data.every((w) => Math.abs(w) < 0.06),
      "six deviations of .01",
    );
  }
});

test("the same seed draws the same weights, another seed others", () => {
  const weights = (seed: number): number[] => {
    const graph = buildNetwork(shuffleTrunk("0.5", seed), { tasks: TASKS, seed });
    return ["trunk.stem.weight", "path.lateral8.weight", "head.car.out.weight"].flatMap((name) => [...graph.params.get(name)!.data]);
  };
  assert.deepEqual(weights(7), weights(7));
  const [a, b] = [weights(7), weights(8)];
  assert.ok(a.every((v, i) => v !== b[i]));
});

test("the trunk's parameters are copied, so that training one network leaves another alone", () => {
  const trunk = smallTrunk(1);
  const graph = buildNetwork(trunk, { tasks: TASKS, path: 8, head: 8 });
  graph.params.get("trunk.stem.weight")!.data.fill(0);
  assert.ok(trunk.params.get("stem.weight")!.data.some((v) => v !== 0));
});

test("a trunk without exactly three outputs is refused", () => {
  const trunk = smallTrunk(1);
  assert.throws(() => buildNetwork({ ...trunk, outputs: trunk.outputs.slice(0, 2) }, { tasks: TASKS }), {
    code: "E_MODEL",
    message: /^trunk: expected outputs at strides 8, 16 and 32, got 2 outputs$/,
  });
});
