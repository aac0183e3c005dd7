import type { Frame } from "../../src/core/frame.js";
import { TASKS } from "../../src/core/task.js";
import { type Graph, type GraphNode, imageInput, type Param } from "../../src/graph/graph.js";
import { buildNetwork, mapName } from "../../src/model/build.js";
import { STRIDES } from "../../src/model/head.js";
import { defaultInfo, type Model } from "../../src/model/model.js";
import { shuffleTrunk } from "../../src/model/trunk.js";

/** The real network with random weights, norms and all. */
export function randomModel(seed = 1): Model {
  return { graph: buildNetwork(shuffleTrunk("0.5", seed), { tasks: TASKS, seed }), info: defaultInfo(TASKS) };
}

/** A grey frame with a square in one colour: what the colour model is asked. */
export function painted(red: number, blue: number, side = 256): Frame {
  const data = new Uint8ClampedArray(4 * side * side).fill(128);
  for (let y = 96; y < 160; y++) for (let x = 96; x < 160; x++) data.set([red, 0, blue, 255], 4 * (side * y + x));
  return { data, width: side, height: side };
}

/** Logit of a cell that sees nothing but the colour; half of it gives 0. */
const SURE = 8;

/**
 * A network whose answers are known by construction. Two tasks: "red" and "blue", the logit of a cell is SURE where a pixel of its task's
 * colour lies in or beside it and -SURE on grey, at stride 8 only; boxes reach one stride from the cell's centre to each side.
 */
export function colourModel(): Model {
  const tasks = ["red", "blue"];
  const params = new Map<string, Param>();
  const param = (name: string, dims: number[], value: (index: number) => number): string => {
    params.set(name, { dims, data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => value(i)) });
    return name;
  };
  // red - green and blue - green at the centre tap, the mean left out: grey gives 0, the pure colour 255 steps of the input
  const taps: Record<number, number> = { 4: 1, 13: -1, 40: -1, 49: 1 };
  const nodes: GraphNode[] = [
    {
      op: "conv3x3",
      name: "colours",
      inputs: ["input"],
      outputs: ["half"],
      attributes: { stride: 2, activation: { kind: "relu" } },
      params: { weight: param("colours.weight", [2, 3, 3, 3], (i) => taps[i] ?? 0), bias: param("colours.bias", [2], () => 0) },
    },
  ];
  let x = "half";
  for (const stride of [4, 8, 16, 32]) {
    nodes.push({ op: "maxpool", name: `pool${stride}`, inputs: [x], outputs: [`pool${stride}`], attributes: {}, params: {} });
    x = `pool${stride}`;
  }
  const outputs: string[] = [];
  for (const stride of STRIDES)
    tasks.forEach((task, t) => {
      const name = mapName(task, stride);
      const gain = stride === 8 ? 2 * SURE : 0;
      nodes.push({
        op: "conv1x1",
        name,
        inputs: [`pool${stride}`],
        outputs: [name],
        attributes: { activation: { kind: "none" } },
        params: {
          weight: param(`${name}.weight`, [5, 2, 1, 1], (i) => (i === t ? gain : 0)),
          bias: param(`${name}.bias`, [5], (i) => (i === 0 ? -SURE : 0)),
        },
      });
      outputs.push(name);
    });
  const graph: Graph = { inputs: [imageInput("input")], outputs, nodes, params };
  const info = defaultInfo(tasks);
  return { graph, info: { ...info, presence: { ...info.presence, red: { sizes: [1], scales: [0.5], offsets: [1] } } } };
}
