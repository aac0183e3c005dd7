import type { Activation, Graph, GraphNode, Param, Role } from "../../src/graph/graph.js";
import { dequantize } from "./dequantize.js";

// A second telling of what a graph means: plain loops in double precision, channels last, one image. Shares no code with src.

/** A value, channels last. In an int8 graph `data` holds the integers of a value with a scale, real numbers elsewhere. */
export interface OracleValue {
  height: number;
  width: number;
  channels: number;
  data: Float64Array;
}

/** The least int8 that an op without ReLU gives. */
export const LOWEST = -128;

/**
 * Runs a graph and returns all its values by name, the input included. Batch norm is in inference form.
 *
 * int8 (`graph.scales` present), r() rounds half to even, f() rounds to float32:
 *   input      q = clamp(r(x / scale), -128, 127)
 *   conv       acc = sum of integer products + bias, exact; m[c] = f(input scale * weight scale[c] / output scale)
 *              v = f(f(acc) * m[c]); v = max(v, f(slope * v)); q = clamp(r(v), slope == 0 ? 0 : LOWEST, 127)
 *              without an output scale: the same with output scale 1, not rounded
 *   add        q = r(clamp(f(f(a * f(scale a / scale y)) + f(b * f(scale b / scale y))), LOWEST, 127))
 *   relu       v = f(x * f(scale x / scale y)), then slope, rounding and clamp as for conv
 *   others     copy the integers; without an output scale they are multiplied by the input's
 */
export function runGraph(graph: Graph, input: Float64Array | Float32Array, height: number, width: number): Map<string, OracleValue> {
  const values = new Map<string, OracleValue>();
  const scale = graph.scales?.get(graph.inputs[0]!.name);
  const data = Float64Array.from(input, (x) => (scale === undefined ? x : clamp(halfToEven(x / Math.fround(scale)), -128, 127)));
  values.set(graph.inputs[0]!.name, { height, width, channels: 3, data });
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => values.get(name) as OracleValue);
    const inputScales = node.inputs.map((name) => graph.scales?.get(name));
    const outputScale = graph.scales?.get(node.outputs[0] as string);
    const outputs = runNode(graph, node, inputs, inputScales.map(asFloat), asFloat(outputScale));
    for (const [i, output] of outputs.entries()) values.set(node.outputs[i] as string, output);
  }
  return values;
}

const asFloat = (scale: number | undefined): number | undefined => (scale === undefined ? undefined : Math.fround(scale));

const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

function halfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

function runNode(
  graph: Graph,
  node: GraphNode,
  inputs: OracleValue[],
  scales: (number | undefined)[],
  outputScale: number | undefined,
): OracleValue[] {
  const [x, y] = inputs as [OracleValue, OracleValue];
  const [scaleX, scaleY] = scales;
  const param = (role: Role): Param | undefined => graph.params.get(node.params[role] ?? "");
  switch (node.op) {
    case "conv1x1":
      return [convolve(x, param("weight") as Param, param("bias"), 1, slopeOf(node.attributes.activation), scaleX, outputScale)];
    case "conv3x3":
    case "dwconv":
      return [
        convolve(
          x,
          param("weight") as Param,
          param("bias"),
          node.attributes.stride,
          slopeOf(node.attributes.activation),
          scaleX,
          outputScale,
        ),
      ];
    case "norm": {
      const { epsilon, activation } = node.attributes;
      const of = (role: Role, c: number): number => param(role)?.data[c] as number;
      return [
        map(x, (v, c) => {
          const normal = (v - of("mean", c)) / Math.sqrt(of("variance", c) + epsilon);
          return leaky(normal * of("gamma", c) + of("beta", c), slopeOf(activation));
        }),
      ];
    }
    case "relu":
      return [
        map(x, (v) => (scaleX === undefined ? leaky(v, node.attributes.slope) : requantize(v, scaleX, node.attributes.slope, outputScale))),
      ];
    case "sigmoid":
      return [map(x, (v) => through((r) => 1 / (1 + Math.exp(-r)), v, scaleX, outputScale))];
    case "bilinear2":
      return [
        copied(x.height * 2, x.width * 2, x.channels, (row, column, c) => {
          let total = 0;
          for (const [i, v] of around(row, x.height)) for (const [j, w] of around(column, x.width)) total += v * w * at(x, i, j, c);
          return scaleX === undefined || outputScale === undefined
            ? total * (scaleX ?? 1)
            : requantize(16 * total, scaleX / 16, 1, outputScale);
        }),
      ];
    case "add":
      return [map(x, (v, _, i) => sum(v, y.data[i] as number, scaleX, scaleY, outputScale))];
    case "upsample2":
      return [
        copied(
          x.height * 2,
          x.width * 2,
          x.channels,
          (row, column, c) => at(x, row >> 1, column >> 1, c) * (outputScale ? 1 : (scaleX ?? 1)),
        ),
      ];
    case "maxpool":
      return [
        copied((x.height + 1) >> 1, (x.width + 1) >> 1, x.channels, (row, column, c) => {
          let most = Number.NEGATIVE_INFINITY;
          for (let i = row * 2 - 1; i <= row * 2 + 1; i++)
            for (let j = column * 2 - 1; j <= column * 2 + 1; j++)
              if (i >= 0 && j >= 0 && i < x.height && j < x.width) most = Math.max(most, at(x, i, j, c));
          return most * (outputScale ? 1 : (scaleX ?? 1));
        }),
      ];
    case "globalmean":
      return [
        copied(1, 1, x.channels, (_row, _column, c) => {
          let total = 0;
          for (let i = 0; i < x.height; i++) for (let j = 0; j < x.width; j++) total += at(x, i, j, c);
          const cells = x.height * x.width;
          return scaleX === undefined || outputScale === undefined
            ? (total * (scaleX ?? 1)) / cells
            : requantize(total, scaleX / cells, 1, outputScale);
        }),
      ];
    case "split":
      return [0, 1].map((start) =>
        copied(
          x.height,
          x.width,
          (x.channels + 1 - start) >> 1,
          (row, column, c) => at(x, row, column, 2 * c + start) * (outputScale ? 1 : (scaleX ?? 1)),
        ),
      );
    case "dequantize":
      return [{ ...x, data: Float64Array.from(dequantize(x.data, scaleX as number)) }];
    case "concat":
      return [
        copied(x.height, x.width, x.channels + y.channels, (row, column, c) =>
          c < x.channels
            ? at(x, row, column, c) * (outputScale ? 1 : (scaleX ?? 1))
            : at(y, row, column, c - x.channels) * (outputScale ? 1 : (scaleY ?? 1)),
        ),
      ];
  }
}

const at = (value: OracleValue, row: number, column: number, c: number): number =>
  value.data[(row * value.width + column) * value.channels + c] as number;

function copied(height: number, width: number, channels: number, element: (row: number, column: number, c: number) => number): OracleValue {
  const data = new Float64Array(height * width * channels);
  let i = 0;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) for (let c = 0; c < channels; c++) data[i++] = element(row, column, c);
  return { height, width, channels, data };
}

function map(x: OracleValue, element: (value: number, c: number, i: number) => number): OracleValue {
  return { ...x, data: x.data.map((value, i) => element(value, i % x.channels, i)) };
}

const slopeOf = (activation: Activation): number => ("slope" in activation ? activation.slope : activation.kind === "relu" ? 0 : 1);

/** The two pixels about an output's centre along one side, and how much each counts. */
function around(output: number, size: number): [number, number][] {
  const centre = (output + 0.5) / 2 - 0.5;
  const first = Math.floor(centre);
  return [first, first + 1].map((i) => [clamp(i, 0, size - 1), 1 - Math.abs(centre - i)]);
}

/** A function of one value; with scales, of an integer in units of one to an integer in units of the other, float32 in between. */
function through(f: (x: number) => number, v: number, scale: number | undefined, outputScale: number | undefined): number {
  if (scale === undefined) return f(v);
  const y = Math.fround(f(Math.fround(v * scale)));
  return outputScale === undefined ? y : clamp(halfToEven(Math.fround(y / outputScale)), -128, 127);
}

const leaky = (v: number, slope: number): number => (v > 0 ? v : slope * v);

/** An integer in units of `scale`, through the activation, to an integer in units of `outputScale`, or to a real number without one. */
function requantize(integer: number, scale: number, slope: number, outputScale: number | undefined): number {
  const v = Math.fround(Math.fround(integer) * Math.fround(scale / (outputScale ?? 1)));
  const active = Math.max(v, Math.fround(slope * v));
  return outputScale === undefined ? active : clamp(halfToEven(active), slope === 0 ? 0 : LOWEST, 127);
}

function sum(a: number, b: number, scaleA: number | undefined, scaleB: number | undefined, outputScale: number | undefined): number {
  if (scaleA === undefined || scaleB === undefined) return a + b;
  const unit = outputScale ?? 1;
  const v = Math.fround(Math.fround(a * Math.fround(scaleA / unit)) + Math.fround(b * Math.fround(scaleB / unit)));
  return outputScale === undefined ? v : halfToEven(clamp(v, LOWEST, 127));
}

/** Every convolution: weight [co, ci or 1, kernel, kernel]; padding kernel / 2; one group a channel where the weight has one input and x has more. */
function convolve(
  x: OracleValue,
  weight: Param,
  bias: Param | undefined,
  stride: number,
  slope: number,
  inputScale: number | undefined,
  outputScale: number | undefined,
): OracleValue {
  const [channels, inner, kernel] = weight.dims as [number, number, number];
  const depthwise = inner === 1 && x.channels > 1;
  const half = (kernel - 1) / 2;
  const height = Math.floor((x.height + 2 * half - kernel) / stride) + 1;
  const width = Math.floor((x.width + 2 * half - kernel) / stride) + 1;
  return copied(height, width, channels, (row, column, co) => {
    let total = bias ? (bias.data[co] as number) : 0;
    for (let i = 0; i < kernel; i++)
      for (let j = 0; j < kernel; j++) {
        const [y, z] = [row * stride + i - half, column * stride + j - half];
        if (y < 0 || z < 0 || y >= x.height || z >= x.width) continue;
        for (let ci = 0; ci < inner; ci++)
          total += (weight.data[((co * inner + ci) * kernel + i) * kernel + j] as number) * at(x, y, z, depthwise ? co : ci);
      }
    if (inputScale === undefined) return leaky(total, slope);
    return requantize(total, inputScale * (weight.scales?.[co] as number), slope, outputScale);
  });
}
