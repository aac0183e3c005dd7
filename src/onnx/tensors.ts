import { Fault } from "./faults.js";
import { DATA_TYPE, type OnnxTensor, type TensorDraft } from "./schema.js";

/** The element types that are read; int64 becomes numbers, exact up to 2^53. */
type ElementType = keyof typeof DATA_TYPE;

/** A tensor whose values are in the file, row-major over `dims`. */
export interface Constant {
  name: string;
  type: ElementType;
  dims: number[];
  data: Float32Array | Int8Array | Uint8Array | Int32Array | Float64Array;
  /** Present where a DequantizeLinear gives the values a meaning: one an output channel, or one for all. */
  scales?: Float32Array;
}

const ELEMENTS = {
  float32: { size: 4, array: Float32Array, read: (view: DataView, at: number) => view.getFloat32(at, true) },
  uint8: { size: 1, array: Uint8Array, read: (view: DataView, at: number) => view.getUint8(at) },
  int8: { size: 1, array: Int8Array, read: (view: DataView, at: number) => view.getInt8(at) },
  int32: { size: 4, array: Int32Array, read: (view: DataView, at: number) => view.getInt32(at, true) },
  int64: { size: 8, array: Float64Array, read: (view: DataView, at: number) => Number(view.getBigInt64(at, true)) },
};

const typeNames = new Map<number, ElementType>(Object.entries(DATA_TYPE).map(([name, id]) => [id, name as ElementType]));

/** The number of elements, or a Fault where the dims are no sizes or say more than `limit`. */
function elementCount(dims: readonly number[], limit: number): number {
  let count = 1;
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0) throw new Fault(`expected sizes, got dims ${dimsText(dims)}`);
    count *= dim;
  }
  if (count > limit || Number.isNaN(count)) throw new Fault(`expected dims of ${limit} elements, as many as it has, got ${dimsText(dims)}`);
  return count;
}

/** Dims as messages show them. */
export function dimsText(dims: readonly number[]): string {
  return `[${dims.slice(0, 8).join(", ")}${dims.length > 8 ? ", .." : ""}]`;
}

/** Reads a TensorProto; nothing is allocated before dims and data agree. Throws Fault. */
export function readTensor(tensor: OnnxTensor, name: string): Constant {
  if (tensor.externalData.length > 0 || tensor.dataLocation) throw new Fault("expected its data in the file, got external data");
  if (tensor.segment) throw new Fault("expected a whole tensor, got a segment");
  const type = typeNames.get(tensor.dataType ?? 0);
  if (!type) throw new Fault(`expected float32, int8, uint8, int32 or int64 data, got data type ${tensor.dataType ?? 0}`);
  const { size, array, read } = ELEMENTS[type];
  const raw = tensor.rawData;
  const listed = type === "float32" ? tensor.floatData : type === "int64" ? tensor.int64Data : tensor.int32Data;
  if (raw && listed.length > 0) throw new Fault("expected raw data or a list, got both");
  const available = raw ? raw.length / size : listed.length;
  const count = elementCount(tensor.dims, available);
  if (count !== available) throw new Fault(`expected ${count} elements for dims ${dimsText(tensor.dims)}, got ${available}`);
  const data = new array(count);
  if (raw) {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    for (let i = 0; i < count; i++) data[i] = read(view, i * size);
  } else {
    data.set(listed);
    if (type !== "float32" && listed.some((value, i) => value !== data[i])) throw new Fault(`expected ${type} values, got one beyond that`);
  }
  if (!data.every(Number.isFinite)) throw new Fault("expected finite values, got NaN or infinity");
  return { name, type, dims: tensor.dims, data };
}

/** A TensorProto of the data's own type; numbers in an array become int64. */
export function writeTensor(
  name: string,
  dims: readonly number[],
  data: Float32Array | Int8Array | Int32Array | readonly number[],
): TensorDraft {
  const type =
    data instanceof Float32Array ? "float32" : data instanceof Int8Array ? "int8" : data instanceof Int32Array ? "int32" : "int64";
  const { size } = ELEMENTS[type];
  const rawData = new Uint8Array(data.length * size);
  const view = new DataView(rawData.buffer);
  for (const [i, value] of data.entries()) {
    if (type === "float32") view.setFloat32(i * size, value, true);
    else if (type === "int8") view.setInt8(i, value);
    else if (type === "int32") view.setInt32(i * size, value, true);
    else view.setBigInt64(i * size, BigInt(value), true);
  }
  return { name, dims, dataType: DATA_TYPE[type], rawData };
}
