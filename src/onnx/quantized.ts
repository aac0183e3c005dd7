import { attributesOf } from "./attributes.js";
import { Fault, quote } from "./faults.js";
import { claim, constantAt, MAX_CHANNELS, missing, onlyOutput, type Reading, valueAt } from "./reading.js";
import { DATA_TYPE, type OnnxNode } from "./schema.js";
import type { Constant } from "./tensors.js";

// QuantizeLinear and DequantizeLinear, as far as they are symmetric int8: zero point 0, one scale a value or a weight's output
// channel. A pair of them says that a value is int8; on a constant, DequantizeLinear says what its integers mean.

function scalesAt(reading: Reading, node: OnnxNode): Float32Array {
  const { type, data, name } = constantAt(reading, node, 1);
  if (type !== "float32") throw new Fault(`expected float32 scales, got ${type} in ${quote(name)}`);
  if (data.length === 0 || data.some((scale) => scale <= 0)) throw new Fault(`expected scales above 0 in ${quote(name)}, got none or less`);
  return data as Float32Array;
}

function valueScale(reading: Reading, node: OnnxNode): number {
  const scales = scalesAt(reading, node);
  if (scales.length !== 1) throw new Fault(`expected one scale for the whole value, got ${scales.length}`);
  return scales[0] as number;
}

/** Throws Fault unless the zero point is 0 everywhere and of the integers' type; absent it is 0. */
function expectZero(reading: Reading, node: OnnxNode, type: Constant["type"]): void {
  const zero = constantAt(reading, node, 2);
  if (zero.type !== type || zero.data.some((value) => value !== 0))
    throw new Fault(`expected zero point 0 of type ${type}, got ${zero.data[0] ?? "none"} of type ${zero.type}; quantize symmetrically`);
}

const ATTRIBUTES = ["axis", "block_size", "output_dtype", "saturate"];

/** QuantizeLinear: its input becomes an int8 value. */
export function quantizeLinear(reading: Reading, node: OnnxNode): void {
  const attributes = attributesOf(node, ATTRIBUTES);
  const value = valueAt(reading, node, 0);
  const scale = valueScale(reading, node);
  if (node.inputs[2]) expectZero(reading, node, "int8");
  else if (attributes.int("output_dtype", 0) !== DATA_TYPE.int8)
    throw new Fault("expected an int8 zero point, got none (that means uint8)");
  if (attributes.int("block_size", 0) !== 0) throw new Fault("expected one scale a value, got blocks");
  if (value.scale === undefined ? value.shared : value.scale !== scale)
    throw new Fault(`expected ${quote(value.name)} to be read quantized alone and with one scale, got it otherwise too`);
  const output = onlyOutput(node);
  claim(reading, output);
  value.scale = scale;
  reading.quantized.set(output, value);
}

/** DequantizeLinear: of a value that was quantized, or of a weight or bias in the file. */
export function dequantizeLinear(reading: Reading, node: OnnxNode): void {
  const attributes = attributesOf(node, ATTRIBUTES);
  const tensor = node.inputs[0] ?? "";
  const output = onlyOutput(node);
  claim(reading, output);
  if (attributes.int("block_size", 0) !== 0) throw new Fault("expected one scale a value or channel, got blocks");
  const value = reading.quantized.get(tensor);
  if (value) {
    const scale = valueScale(reading, node);
    if (node.inputs[2]) expectZero(reading, node, "int8");
    if (scale !== value.scale) throw new Fault(`expected the scale it was quantized with, ${value.scale}, got ${scale}`);
    if (value.producer) value.name = output;
    reading.values.set(output, value);
    return;
  }
  const constant = reading.constants.get(tensor);
  if (!constant) throw missing(reading, tensor, "a quantized value or constant");
  if (constant.type !== "int8" && constant.type !== "int32") throw new Fault(`expected int8 or int32 values, got ${constant.type}`);
  if (node.inputs[2]) expectZero(reading, node, constant.type);
  const [channels = 0] = constant.dims;
  if (channels < 1 || channels > MAX_CHANNELS) throw new Fault(`expected 1 to ${MAX_CHANNELS} output channels, got ${channels}`);
  const scales = scalesAt(reading, node);
  const axis = attributes.int("axis", 1);
  if (scales.length > 1 && (scales.length !== channels || (axis !== 0 && axis !== -constant.dims.length)))
    throw new Fault(`expected one scale, or ${channels} on axis 0, got ${scales.length} on axis ${axis}`);
  reading.constants.set(output, { ...constant, scales });
}
