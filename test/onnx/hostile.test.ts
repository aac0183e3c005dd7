import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { FourwayError } from "../../src/core/errors.js";
import { Random } from "../../src/core/random.js";
import { type Graph, type GraphNode, imageInput } from "../../src/graph/graph.js";
import { Faults, MAX_FAULTS } from "../../src/onnx/faults.js";
import { readOnnx } from "../../src/onnx/read.js";
import { type Model, model, type NodeDraft, type TensorDraft } from "../../src/onnx/schema.js";
import { readMessage, writeMessage } from "../../src/onnx/wire.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { everyOp, GraphMaker, quantized, randomInput } from "./graphs.js";

function small(int8: boolean): Graph {
  const make = new GraphMaker(61);
  const a = make.conv("conv3x3", "a", "input", [3, 4], { stride: 2, slope: 0 });
  const [even, odd] = make.split("s", a);
  const joined = make.simple("concat", "c", make.conv("dwconv", "d", odd, [2, 2], { slope: 0.1 }), even);
  make.graph.outputs = [make.conv("conv1x1", "out", make.simple("upsample2", "u", make.simple("maxpool", "m", joined)), [4, 2])];
  return int8 ? quantized(make.graph, randomInput(new Random(61), 16, 16), 16, 16) : make.graph;
}

/** The message of the E_ONNX that reading ends in, or "" where it is read. Any other error is not caught. */
function complaint(bytes: Uint8Array): string {
  try {
    readOnnx(bytes);
    return "";
  } catch (error) {
    if (error instanceof FourwayError && error.code === "E_ONNX") return error.message;
    throw error;
  }
}

type Drafts = { nodes: NodeDraft[]; initializers: TensorDraft[]; inputs: { name?: string }[]; outputs: { name?: string }[] };

/** The complaint about the small model after a change. */
function complaintAfter(change: (graph: Drafts, file: Model) => void, int8 = false): string {
  const file = readMessage(writeOnnx(small(int8), { tasks: "[]" }), model, "model", new Faults());
  change(file.graph as unknown as Drafts, file);
  return complaint(writeMessage(model, file));
}

const tensorNamed = (graph: Drafts, name: string): TensorDraft => graph.initializers.find((tensor) => tensor.name === name) as TensorDraft;
const nodeNamed = (graph: Drafts, name: string): NodeDraft => graph.nodes.find((node) => node.name === name) as NodeDraft;

test("a file cut short at any byte is refused", () => {
  for (const int8 of [false, true]) {
    const bytes = writeOnnx(small(int8), { tasks: '["car"]' });
    assert.equal(complaint(bytes), "");
    for (let length = 0; length < bytes.length; length++)
      assert.notEqual(complaint(bytes.subarray(0, length)), "", `${length} of ${bytes.length} bytes`);
  }
});

test("flipped bytes end in a model or in E_ONNX, never in another error", () => {
  const files = [writeOnnx(small(false), { a: "b" }), writeOnnx(small(true), { a: "b" })];
  let refused = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 6,
      }),
      (file, flips) => {
        const bytes = file.slice();
        for (const [place, mask] of flips) bytes[Math.floor(place * bytes.length)]! ^= mask;
        if (complaint(bytes) !== "") refused++;
      },
    ),
    { numRuns: 1500, seed: 7 },
  );
  assert.ok(refused > 700, `${refused} of 1500 refused`);
});

test("bytes cut out, doubled or shuffled end in a model or in E_ONNX", () => {
  const file = writeOnnx(small(true), {});
  fc.assert(
    fc.property(fc.nat(file.length), fc.nat(200), fc.nat(file.length), (from, count, to) => {
      const piece = file.subarray(from, from + count);
      complaint(Uint8Array.from([...file.subarray(0, to), ...piece, ...file.subarray(to)]));
      complaint(Uint8Array.from([...file.subarray(0, from), ...file.subarray(from + count)]));
    }),
    { numRuns: 400, seed: 8 },
  );
});

test("random bytes end in E_ONNX", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 300 }), (bytes) => assert.notEqual(complaint(bytes), "")),
    { numRuns: 500, seed: 9 },
  );
});

test("huge dims with tiny data are refused before anything of their size is allocated", () => {
  for (const dims of [[2 ** 31, 2 ** 31], [2 ** 52, 2], [4, 3, 2 ** 40, 0], [-4, 3, 3, -3], [2 ** 62, 2 ** 62, 0], Array(500).fill(10)])
    assert.match(
      complaintAfter((graph) => {
        tensorNamed(graph, "a.weight").dims = dims;
      }),
      /tensor \d+ "a.weight": expected|node 0 Conv "a": expected|\.dims: expected at most 256, got more/,
    );
});

test("channels and sizes that double with each node are refused", () => {
  const doubled = (op: string, ...more: string[]): string =>
    complaintAfter((graph) => {
      let last = "a";
      for (let i = 0; i < 60; i++) {
        const first = graph.nodes.find((node) => node.op === op) as NodeDraft;
        graph.nodes.push({
          op,
          inputs: op === "Concat" ? [last, last] : [last, ...more],
          outputs: [`big${i}`],
          attributes: first.attributes,
        });
        last = `big${i}`;
      }
      graph.outputs.push({ name: last });
    });
  assert.match(doubled("Concat"), /got 1 fault: .*at most 65536 channels, got 131072/);
  assert.match(doubled("Resize", "", "double"), /got 1 fault: .*sides of 2\^-16 to 2\^4/);
  assert.match(doubled("MaxPool"), /got 1 fault: .*sides of 2\^-16 to 2\^4/);
});

test("more nodes than any model has are refused, not worked through", () => {
  assert.match(
    complaintAfter((graph) => {
      for (let i = 0; i < 20_000; i++) graph.nodes.push({ op: "Relu", inputs: ["a"], outputs: [`r${i}`] });
    }),
    /model\.graph\.nodes: expected at most 10000, got more/,
  );
});

/** A protobuf field of bytes. */
function field(id: number, body: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(id, WireType.LengthDelimited).bytes(body).finish();
}

test("files of two-byte messages are refused while they are read, before they fill the memory", () => {
  const opset = field(8, Uint8Array.of(0x10, 17));
  const filled = (...pair: number[]): Uint8Array => Uint8Array.from({ length: 4_000_000 }, (_, i) => pair[i % pair.length]!);
  const bombs: Record<string, Uint8Array> = {
    nodes: field(7, filled(0x0a, 0)),
    initializers: field(7, filled(0x2a, 0)),
    outputs: field(7, filled(0x62, 0)),
    attributes: field(7, field(1, filled(0x2a, 0))),
    inputs: field(7, field(1, filled(0x0a, 0))),
    dims: field(7, field(11, field(2, field(1, field(2, filled(0x0a, 0)))))),
    ints: field(7, field(1, field(5, field(8, filled(0))))),
    metadata: filled(0x72, 0),
    functions: filled(0xca, 0x01, 0),
    operatorSets: filled(0x42, 0),
  };
  for (const [name, bomb] of Object.entries(bombs)) {
    const start = process.cpuUsage();
    assert.match(complaint(Buffer.concat([opset, bomb])), new RegExp(`${name}: expected at most \\d+, got more`), name);
    const { user } = process.cpuUsage(start);
    assert.ok(user < 500_000, `${name}: ${user} microseconds`);
  }
});

test("a file of many allowed parts that are too many together is refused", () => {
  const attributes = Buffer.concat(Array.from({ length: 200 }, () => Buffer.of(0x2a, 0)));
  const node = field(1, attributes);
  assert.match(
    complaint(field(7, Buffer.concat(Array.from({ length: 5000 }, () => node)))),
    /expected at most 300000 messages and texts in a file, got more/,
  );
});

test("nodes that no output needs are left out, with their parameters", () => {
  const bytes = writeOnnx(small(false), {});
  const wanted = readOnnx(bytes).graph;
  const file = readMessage(bytes, model, "model", new Faults()) as unknown as { graph: Drafts };
  const conv = nodeNamed(file.graph, "a");
  const weight = tensorNamed(file.graph, "a.weight");
  file.graph.initializers.push({ ...weight, name: "unused.weight" });
  file.graph.nodes.push({
    ...conv,
    name: "unused",
    inputs: [conv.inputs![0]!, "unused.weight", ...conv.inputs!.slice(2)],
    outputs: ["unused"],
  });
  file.graph.nodes.push({ op: "Relu", name: "after", inputs: ["unused"], outputs: ["after"] });
  assert.deepEqual(readOnnx(writeMessage(model, file as never)).graph, wanted);
});

test("a model that asks for more work than any frame should is refused", () => {
  const channels = 1024;
  const params = new Map([["w", { dims: [channels, 3, 1, 1], data: new Float32Array(3 * channels) }]]);
  const nodes: GraphNode[] = [
    { op: "conv1x1", name: "c", inputs: ["input"], outputs: ["c"], attributes: { activation: { kind: "none" } }, params: { weight: "w" } },
  ];
  let last = "c";
  for (let i = 0; i < 1100; i++) {
    nodes.push({ op: "relu", name: `r${i}`, inputs: [last], outputs: [`r${i}`], attributes: { slope: 0.5 }, params: {} });
    last = `r${i}`;
  }
  assert.match(
    complaint(writeOnnx({ inputs: [imageInput("input")], outputs: [last], nodes, params }, {})),
    /at most 1048576 multiplications a pixel .*, got 1129/,
  );
});

test("deep nesting ends in E_ONNX and not in a stack overflow", () => {
  const groups = new Uint8Array(200_000).fill(0x9b, 0); // start of group 19 .. as two-byte tags
  for (let i = 1; i < groups.length; i += 2) groups[i] = 0x01;
  assert.match(complaint(groups), /damaged/);
  let nested = new Uint8Array([0x0a, 0x00]);
  for (let i = 0; i < 5000; i++) {
    const length: number[] = [];
    for (let rest = nested.length; ; rest >>>= 7) {
      length.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    nested = Uint8Array.from([0x3a, ...length, ...nested]);
  }
  assert.notEqual(complaint(nested), "");
});

test("each kind of damage is named", () => {
  const cases: [(graph: Drafts, file: Model) => void, RegExp][] = [
    [(graph) => graph.nodes.reverse(), /nothing before this node makes/],
    [(graph) => (nodeNamed(graph, "a").inputs = ["out", "a.weight", "a.bias"]), /"out", which nothing before this node makes/],
    [(graph) => (nodeNamed(graph, "a").inputs = ["input"]), /expected a constant as input 1, got none/],
    [(graph) => (nodeNamed(graph, "a").outputs = ["input"]), /made once, got "input" twice/],
    [(graph) => (nodeNamed(graph, "a").outputs = []), /expected an output, got none/],
    [(graph) => graph.initializers.push(tensorNamed(graph, "a.bias")), /"a.bias": expected a name of its own/],
    [
      (graph) => {
        const dims = [{ value: 1 }, { value: 8 }, { name: "height/8" }, { name: "width" }];
        graph.inputs.push(Object.assign({ name: "features" }, { type: { tensor: { elementType: 1, shape: { dims } } } }));
      },
      /graph input "features": expected one stride for both sides, a power of 2, got 8, 1/,
    ],
    [(graph) => graph.inputs.pop(), /expected an input, got none/],
    [(graph) => graph.outputs.push({ name: "a.weight" }), /graph output "a.weight": expected a float32 tensor that a node makes/],
    [(graph) => graph.outputs.push({ name: "out" }), /expected each value once/],
    [(graph) => graph.outputs.push({ name: "input" }), /got an input/],
    [(graph) => graph.outputs.pop(), /expected outputs, got none/],
    [(graph) => (tensorNamed(graph, "a.bias").rawData = new Uint8Array(7)), /expected \d+ elements|1.75/],
    [(graph) => (tensorNamed(graph, "a.bias").floatData = [1]), /raw data or a list, got both/],
    [(graph) => (tensorNamed(graph, "a.bias").dataType = 10), /got data type 10/],
    [(graph) => (tensorNamed(graph, "a.bias").externalData = [new Uint8Array(3)]), /got external data/],
    [(graph) => (tensorNamed(graph, "a.bias").dataLocation = 1), /got external data/],
    [(graph) => (tensorNamed(graph, "a.bias").rawData = new Uint8Array(16).fill(255)), /"a.bias": expected finite values/],
    [(_, file) => (file.operatorSets = []), /expected one opset, 13 to 22, got none/],
    [(_, file) => (file.operatorSets = [{ domain: "", version: 9 }]), /13 to 22, got 9/],
    [(_, file) => file.metadata.push({ key: "tasks", value: "2" }), /each key once, got "tasks" twice/],
    [(_, file) => file.functions.push(new Uint8Array(1)), /expected no functions/],
    [(_, file) => (file.graph = undefined), /expected a graph, got none/],
    [
      (graph) => graph.nodes.push({ op: "Slice", inputs: nodeNamed(graph, "s.odd").inputs, outputs: ["lone"] }),
      /slices of the even and of the odd.* got "lone" alone/,
    ],
  ];
  for (const [change, reason] of cases) assert.match(complaintAfter(change), reason);
});

test("damage to what makes a model int8 is named", () => {
  const quantizeOf = (graph: Drafts, value: string): NodeDraft => {
    const dequantize = graph.nodes.find(({ outputs }) => outputs?.[0] === value)!;
    return graph.nodes.find(({ outputs }) => outputs?.[0] === dequantize.inputs?.[0])!;
  };
  const inputScale = (value: number) => (graph: Drafts) => {
    const [quantize] = graph.nodes; // the input's
    tensorNamed(graph, quantize!.inputs![1]!).rawData = new Uint8Array(new Float32Array([value]).buffer);
  };
  const cases: [(graph: Drafts, file: Model) => void, RegExp][] = [
    [inputScale(0), /scales above 0/],
    [inputScale(-1), /scales above 0/],
    [inputScale(Number.POSITIVE_INFINITY), /expected finite values/],
    [inputScale(Number.NaN), /expected finite values/],
    [inputScale(0.5), /bias scale to be input scale \* weight scale/],
    [(graph) => (tensorNamed(graph, "zero").rawData = new Uint8Array([1])), /expected zero point 0/],
    [(graph) => (tensorNamed(graph, "zero").dataType = 2), /expected zero point 0 of type int8, got 0 of type uint8/],
    [(graph) => (nodeNamed(graph, "out").inputs = nodeNamed(graph, "out").inputs?.slice(0, 2)), /the bias must be there/],
    [(graph) => (nodeNamed(graph, "m").inputs = [quantizeOf(graph, "c").inputs![0]!]), /read quantized alone|quantized inputs/],
  ];
  for (const [change, reason] of cases) assert.match(complaintAfter(change, true), reason);
});

test("all faults of a file are told at once, a bounded number of them in words, and what follows from a fault is not told again", () => {
  const message = complaintAfter((graph) => {
    nodeNamed(graph, "a").op = "Einsum";
    tensorNamed(graph, "d.weight").dataType = 16;
    graph.nodes.push({ op: "Einsum", name: "another", inputs: [], outputs: ["e"] });
    graph.outputs.push({ name: "missing" });
  });
  assert.match(message, /got 4 faults: tensor \d+ "d.weight".*; node 0 Einsum "a".*; node \d+ Einsum "another".*; graph output "missing"/);
  const many = complaintAfter((graph) => {
    for (let i = 0; i < 1000; i++)
      graph.nodes.push({ op: "x".repeat(1000), name: `${"y".repeat(1000)}\n`, inputs: [], outputs: [`e${i}`] });
  });
  assert.match(many, new RegExp(`got 1000 faults: .*; and ${1000 - MAX_FAULTS} more;`));
  assert.ok(many.length < 20_000 && !many.includes("\n"));
});

test("metadata may use any key, and no key reaches an object's prototype", () => {
  const metadata = Object.fromEntries([
    ["__proto__", "polluted"],
    ["constructor", "x"],
    ["", "empty"],
  ]);
  const back = readOnnx(writeOnnx(small(false), metadata)).metadata;
  assert.deepEqual(Object.entries(back), Object.entries(metadata));
  assert.equal(Object.getPrototypeOf(back), Object.prototype);
});

test("reading neither changes nor keeps the bytes", () => {
  const bytes = writeOnnx(everyOp(62, true), {});
  const before = bytes.slice();
  const { graph } = readOnnx(bytes);
  assert.deepEqual(bytes, before);
  for (const { data } of graph.params.values()) assert.notEqual(data.buffer, bytes.buffer);
});
