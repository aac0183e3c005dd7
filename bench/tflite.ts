// TensorFlow Lite's file format (tensorflow/lite/schema/schema.fbs, version 3), as far as the benchmarks' nets need it. Numbers of fields and
// enums are the schema's.
import { Builder } from "flatbuffers";
import { type Graph, type GraphNode, type Param, paramOf } from "../src/graph/graph.js";
import { slopeOf } from "../src/ops/activation.js";
import { shapesOf } from "../src/program/plan.js";

const OPERATORS = { ADD: 0, CONV_2D: 3, DEPTHWISE_CONV_2D: 4, DEQUANTIZE: 6, PAD: 34, RESIZE_NEAREST_NEIGHBOR: 97, QUANTIZE: 114 };
const CODES = Object.values(OPERATORS);
const OPTIONS = { NONE: 0, CONV_2D: 1, DEPTHWISE_CONV_2D: 2, ADD: 11, RESIZE_NEAREST_NEIGHBOR: 74 };
const TYPES = { FLOAT32: 0, INT32: 2, INT8: 9 };
/** Half a kernel on every side where the stride is 1. Where it is 2 the sides differ, unlike ONNX's, and an op of its own pads instead. */
const SAME = 0;
const VALID = 1;
const RELU = 1;
/** Every table of data begins at a multiple of it. */
const ALIGNMENT = 16;

/** Its offset in the file, once it is written. */
type Table = number;
/** Field by field: [size in bytes or "offset", value, default]. */
type Fields = [kind: "i8" | "i32" | "offset", value: number, left?: number][];

/**
 * A folded graph, f32 or int8, as a .tflite file with f32 input [1, height, width, 3] and outputs. An int8 graph gets a conversion
 * at either end.
 * @param outputScales int8: scales of the outputs, which are quantized too
 * @throws Error for another op or activation
 */
export function writeTflite(
  graph: Graph,
  { height, width }: { height: number; width: number },
  outputScales?: ReadonlyMap<string, number>,
): Uint8Array {
  const quantized = graph.scales !== undefined;
  const b = new Builder(1 << 16);
  const table = (fields: Fields): Table => {
    b.startObject(fields.length);
    fields.forEach(([kind, value, left = 0], i) => {
      if (kind === "i8") b.addFieldInt8(i, value, left);
      else if (kind === "i32") b.addFieldInt32(i, value, left);
      else b.addFieldOffset(i, value, left);
    });
    return b.endObject();
  };
  const ints = (values: readonly number[]): number => {
    b.startVector(4, values.length, 4);
    for (const value of values.toReversed()) b.addInt32(value);
    return b.endVector();
  };
  const floats = (values: ArrayLike<number>): number => {
    b.startVector(4, values.length, 4);
    for (let i = values.length - 1; i >= 0; i--) b.addFloat32(values[i]!);
    return b.endVector();
  };
  const zeros = (count: number): number => {
    b.startVector(8, count, 8);
    for (let i = 0; i < count; i++) b.addInt64(0n);
    return b.endVector();
  };
  const offsets = (values: readonly number[]): number => {
    b.startVector(4, values.length, 4);
    for (const value of values.toReversed()) b.addOffset(value);
    return b.endVector();
  };

  const buffers: Table[] = [table([])];
  const tensors: Table[] = [];
  const operators: Table[] = [];
  const tensor = (name: string, dims: readonly number[], type: number, scales?: ArrayLike<number>, axis = 0, buffer = 0): number => {
    const quantization =
      scales === undefined
        ? 0
        : table([
            ["offset", 0],
            ["offset", 0],
            ["offset", floats(scales)],
            ["offset", zeros(scales.length)],
            ["i8", 0],
            ["offset", 0],
            ["i32", axis],
          ]);
    const [shape, text] = [ints(dims), b.createString(name)];
    tensors.push(
      table([
        ["offset", shape],
        ["i8", type],
        ["i32", buffer],
        ["offset", text],
        ["offset", quantization],
      ]),
    );
    return tensors.length - 1;
  };
  const constant = (name: string, dims: readonly number[], data: Param["data"], scales?: ArrayLike<number>, axis = 0): number => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    b.startVector(1, bytes.length, ALIGNMENT);
    for (let i = bytes.length - 1; i >= 0; i--) b.addInt8(bytes[i]!);
    buffers.push(table([["offset", b.endVector()]]));
    const type = data instanceof Float32Array ? TYPES.FLOAT32 : data instanceof Int8Array ? TYPES.INT8 : TYPES.INT32;
    return tensor(name, dims, type, scales, axis, buffers.length - 1);
  };
  const operator = (code: number, inputs: readonly number[], output: number, kind = OPTIONS.NONE, options = 0): void => {
    const [from, to] = [ints(inputs), ints([output])];
    operators.push(
      table([
        ["i32", CODES.indexOf(code)],
        ["offset", from],
        ["offset", to],
        ["i8", kind],
        ["offset", options],
      ]),
    );
  };

  const shapes = shapesOf(graph, height, width);
  const scaleOf = (value: string): number[] | undefined =>
    quantized ? [graph.scales!.get(value) ?? outputScales!.get(value)!] : undefined;
  const dimsOf = (value: string): number[] => {
    const { height, width, channels } = shapes.get(value)!;
    return [1, height, width, channels];
  };
  const values = new Map<string, number>();
  const value = (name: string): number => {
    const known = values.get(name) ?? tensor(name, dimsOf(name), quantized ? TYPES.INT8 : TYPES.FLOAT32, scaleOf(name));
    values.set(name, known);
    return known;
  };
  const outside = (name: string): number => (quantized ? tensor(`${name}:f32`, dimsOf(name), TYPES.FLOAT32) : value(name));

  const input = outside(graph.inputs[0]!.name);
  if (quantized) operator(OPERATORS.QUANTIZE, [input], value(graph.inputs[0]!.name));
  for (const node of graph.nodes) {
    if (node.op === "add") {
      operator(OPERATORS.ADD, node.inputs.map(value), value(node.outputs[0]!), OPTIONS.ADD, table([["i8", 0]]));
      continue;
    }
    if (node.op === "upsample2") {
      const { height, width } = shapes.get(node.outputs[0]!)!;
      const size = constant(`${node.name}:size`, [2], Int32Array.of(height, width));
      const kind = OPTIONS.RESIZE_NEAREST_NEIGHBOR;
      operator(OPERATORS.RESIZE_NEAREST_NEIGHBOR, [value(node.inputs[0]!), size], value(node.outputs[0]!), kind, table([]));
      continue;
    }
    const { depthwise, stride, relu } = convolutionOf(node);
    const [weight, bias] = [paramOf(graph, node, "weight"), paramOf(graph, node, "bias")];
    const inputScale = graph.scales?.get(node.inputs[0]!);
    const parameters = [
      constant(node.params.weight!, ...channelsLast(weight, depthwise), weight.scales, depthwise ? 3 : 0),
      constant(
        node.params.bias!,
        bias.dims,
        bias.data,
        weight.scales?.map((scale) => scale * inputScale!),
      ),
    ];
    let from = value(node.inputs[0]!);
    if (stride === 2) {
      const [, height, width, channels] = dimsOf(node.inputs[0]!) as [number, number, number, number];
      const dims = [1, height + 2, width + 2, channels];
      const padded = tensor(`${node.name}:padded`, dims, quantized ? TYPES.INT8 : TYPES.FLOAT32, scaleOf(node.inputs[0]!));
      operator(OPERATORS.PAD, [from, constant(`${node.name}:pads`, [4, 2], Int32Array.of(0, 0, 1, 1, 1, 1, 0, 0))], padded);
      from = padded;
    }
    const activation = relu ? RELU : 0;
    const options: Fields = [
      ["i8", stride === 2 ? VALID : SAME],
      ["i32", stride],
      ["i32", stride],
    ];
    if (depthwise) options.push(["i32", 1]);
    options.push(["i8", activation]);
    const written = table(options);
    operator(
      depthwise ? OPERATORS.DEPTHWISE_CONV_2D : OPERATORS.CONV_2D,
      [from, ...parameters],
      value(node.outputs[0]!),
      depthwise ? OPTIONS.DEPTHWISE_CONV_2D : OPTIONS.CONV_2D,
      written,
    );
  }
  const outputs = graph.outputs.map((name) => {
    const output = outside(name);
    if (quantized) operator(OPERATORS.DEQUANTIZE, [value(name)], output);
    return output;
  });

  const lists = [offsets(tensors), ints([input]), ints(outputs), offsets(operators)] as const;
  const subgraph = table(lists.map((list) => ["offset", list]));
  // int8 convolutions, with a scale an output channel, are the operators' third version
  const codes = CODES.map((code) =>
    table([
      ["i8", code],
      ["offset", 0],
      ["i32", quantized ? 3 : 1, 1],
      ["i32", code],
    ]),
  );
  const fields = [offsets(codes), offsets([subgraph]), b.createString("Fourway"), offsets(buffers)] as const;
  b.finish(table([["i32", 3], ...fields.map((field) => ["offset", field] as Fields[number])]), "TFL3");
  return b.asUint8Array();
}

function convolutionOf(node: GraphNode): { depthwise: boolean; stride: number; relu: boolean } {
  if (node.op !== "conv1x1" && node.op !== "conv3x3" && node.op !== "dwconv")
    throw new Error(`tflite: expected convolutions, add and upsample2, got ${node.op} "${node.name}"`);
  const slope = slopeOf(node.attributes.activation);
  if (slope !== 0 && slope !== 1) throw new Error(`tflite: expected ReLU or no activation, got a slope of ${slope} at "${node.name}"`);
  return { depthwise: node.op === "dwconv", stride: node.op === "conv1x1" ? 1 : node.attributes.stride, relu: slope === 0 };
}

/** Weights [co, ci, k, k] as [co, k, k, ci], or [c, 1, k, k] as [1, k, k, c]. */
function channelsLast({ dims, data }: Param, depthwise: boolean): [dims: number[], data: Param["data"]] {
  const [co, ci, kernel] = dims as [number, number, number];
  const taps = kernel * kernel;
  const moved = data.slice();
  for (let o = 0; o < co; o++)
    for (let i = 0; i < ci; i++)
      for (let tap = 0; tap < taps; tap++) moved[depthwise ? tap * co + o : (o * taps + tap) * ci + i] = data[(o * ci + i) * taps + tap]!;
  return [depthwise ? [1, kernel, kernel, co] : [co, kernel, kernel, ci], moved];
}
