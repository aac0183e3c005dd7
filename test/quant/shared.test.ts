import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import type { Graph, GraphNode, Role } from "../../src/graph/graph.js";
import { readOnnx } from "../../src/onnx/read.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { foldNorms } from "../../src/quant/fold.js";
import { quantize } from "../../src/quant/quantize.js";
import { createEngine } from "../../src/wasm/load.js";
import { GraphMaker, randomInput } from "../onnx/graphs.js";
import { runGraph } from "../oracle/graph.js";
import { close, F32_FEW } from "../support/compare.js";
import { runOnnx } from "../support/ort.js";

// Exporters merge equal tensors: nodes then share a parameter that has nothing to do with the others, or some of them.

const SIZE = 32;
const GRAPHS = 200;
const CHANNELS = 8;
/** Of the output's size. Convolutions that share all parameters share their inputs' scale too, which may suit one of them badly. */
const INT8_ERROR = 0.2;

/** Convolutions with and without norms in a row, with adds between; parameters are shared at random, and names invite clashes. */
function sharing(seed: number, norms = true): Graph {
  const random = new Random(seed, 7);
  const make = new GraphMaker(seed);
  let x = make.conv("conv3x3", "c0", "input", [3, CHANNELS], { stride: 2 });
  const values = [x];
  const units = 3 + random.below(3);
  for (let i = 1; i <= units; i++) {
    const op = (["conv1x1", "dwconv", "conv3x3"] as const)[random.below(3)]!;
    x = make.conv(op, `c${i}`, x, [CHANNELS, CHANNELS], { bias: !norms || random.chance(0.6) });
    if (norms && random.chance(0.7)) x = make.norm(`n${i}`, x, CHANNELS, random.chance(0.5) ? 0 : 0.1);
    if (random.chance(0.3)) x = make.simple("add", `s${i}`, x, values[random.below(values.length)]!);
    if (random.chance(0.2)) x = make.simple("sigmoid", `g${i}`, x);
    values.push(x);
  }
  make.graph.outputs = [make.conv("conv1x1", "end", x, [CHANNELS, CHANNELS], {})];
  const { nodes, params } = make.graph;
  const seen: { op: GraphNode["op"]; role: Role; name: string }[] = [];
  for (const node of nodes)
    for (const [key, own] of Object.entries(node.params)) {
      const role = key as Role;
      const like = seen.filter((each) => each.role === role && (role !== "weight" || (each.op === node.op && node.name !== "c0")));
      const fitting = like.filter(({ name }) => `${params.get(name)!.dims}` === `${params.get(own)!.dims}`);
      if (fitting.length > 0 && random.chance(0.4)) node.params[role] = fitting[random.below(fitting.length)]!.name;
      else if (role === "beta" && random.chance(0.5)) {
        const name = `c${random.below(units + 1)}.beta`; // what is folded into it would be the bias of c..
        if (!params.has(name)) {
          params.set(name, params.get(own)!);
          node.params.beta = name;
        }
      }
      seen.push({ op: node.op, role, name: node.params[role]! });
    }
  const used = new Set(nodes.flatMap((node) => Object.values(node.params)));
  return { ...make.graph, params: new Map([...params].filter(([name]) => used.has(name))) };
}

const outputOf = (graph: Graph, picture: Float32Array): Float64Array => runGraph(graph, picture, SIZE, SIZE).get(graph.outputs[0]!)!.data;

test(`${GRAPHS} random graphs whose nodes share parameters are the same functions folded`, () => {
  for (let seed = 1; seed <= GRAPHS; seed++) {
    const graph = sharing(seed);
    const picture = randomInput(new Random(seed), SIZE, SIZE);
    const folded = foldNorms(graph);
    assert.ok(folded.nodes.every(({ op }) => op !== "norm"));
    close(outputOf(folded, picture), outputOf(graph, picture), F32_FEW * 10, `graph ${seed}`);
  }
});

test("what onnxruntime-web makes of a file that shares tensors is what the graph that was read from it computes, folded", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const bytes = writeOnnx(sharing(seed), {});
    const folded = foldNorms(readOnnx(bytes).graph);
    const picture = randomInput(new Random(seed), SIZE, SIZE);
    const [expected] = (await runOnnx(bytes, picture, SIZE, SIZE)).values();
    close(outputOf(folded, picture), expected!.data, F32_FEW * 10, `graph ${seed}`);
  }
});

test("convolutions that share all of weight, bias and norm share the folded parameters; those that share some have their own", () => {
  const share = (roles: Role[], normRoles: Role[]) => {
    const make = new GraphMaker(1);
    const x = make.norm("a", make.conv("conv3x3", "first", "input", [3, 8]), 8, 0);
    const y = make.norm("b", make.conv("conv1x1", "c", x, [8, 8]), 8, 0);
    make.graph.outputs = [make.norm("d", make.conv("conv1x1", "e", y, [8, 8]), 8, 0)];
    const [, , c, b, e, d] = make.graph.nodes as GraphNode[];
    for (const role of roles) e!.params[role] = c!.params[role]!;
    for (const role of normRoles) d!.params[role] = b!.params[role]!;
    const [, one, other] = foldNorms(make.graph).nodes;
    return [one!.params, other!.params] as const;
  };
  const [one, other] = share(["weight", "bias"], ["gamma", "beta", "mean", "variance"]);
  assert.deepEqual(one, other);
  for (const [roles, normRoles] of [
    [
      ["weight", "bias"],
      ["gamma", "beta", "mean"],
    ],
    [["weight"], ["gamma", "beta", "mean", "variance"]],
    [["weight", "bias"], []],
    [[], ["gamma", "beta", "mean", "variance"]],
  ] as [Role[], Role[]][]) {
    const [a, b] = share(roles, normRoles);
    assert.notEqual(a.weight, b.weight);
    assert.notEqual(a.bias, b.bias);
  }
});

test("random graphs whose convolutions share a weight or a bias alone are nearly the same functions in int8", async () => {
  const engine = await createEngine();
  for (let seed = 1; seed <= 40; seed++) {
    const graph = sharing(seed, false);
    const pixels = randomInput(new Random(seed), SIZE, SIZE);
    const int8 = quantize(engine, graph, [{ pixels, width: SIZE, height: SIZE }]);
    const [expected, found] = [outputOf(graph, pixels), outputOf(int8, pixels)];
    let [error, size] = [0, 0];
    for (const [i, v] of expected.entries()) {
      error += (found[i]! - v) ** 2;
      size += v ** 2;
    }
    assert.ok(Math.sqrt(error / size) < INT8_ERROR, `graph ${seed}: apart by ${Math.sqrt(error / size)} of their size`);
  }
});
