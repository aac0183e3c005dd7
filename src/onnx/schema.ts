import { type Draft, type Message, many, one } from "./wire.js";

// The part of ONNX's protobuf that Fourway reads and writes: field numbers of onnx.proto3, IR version 8 to 13
// (https://github.com/onnx/onnx/blob/v1.23.1/onnx/onnx.proto3). Of what Fourway refuses (subgraphs, functions, sparse and
// external data) only the presence is read.

/** A node is at least some twenty bytes of file, but may ask for work on all of a tensor. */
const MAX_NODES = 10000;
/** Tensors of a file, and values that it declares. */
const MAX_TENSORS = 4 * MAX_NODES;
/** Numbers of one tensor. */
const MAX_NUMBERS = 2 ** 26;
/** Of everything that a model has a handful of: axes, inputs of a node, attributes, opsets, .. */
const FEW = 256;

const stringEntry = { key: one(1, "string"), value: one(2, "string") };
const operatorSet = { domain: one(1, "string"), version: one(2, "int") };

const dimension = { value: one(1, "int"), name: one(2, "string") };
const shape = { dims: many(1, dimension, FEW) };
const tensorType = { elementType: one(1, "int"), shape: one(2, shape) };
const type = { tensor: one(1, tensorType) };
const valueInfo = { name: one(1, "string"), type: one(2, type) };

const tensor = {
  dims: many(1, "int", FEW),
  dataType: one(2, "int"),
  segment: one(3, "bytes"),
  name: one(8, "string"),
  rawData: one(9, "bytes"),
  floatData: many(4, "float", MAX_NUMBERS),
  int32Data: many(5, "int", MAX_NUMBERS),
  int64Data: many(7, "int", MAX_NUMBERS),
  externalData: many(13, "bytes", FEW),
  dataLocation: one(14, "int"),
};

const attribute = {
  name: one(1, "string"),
  type: one(20, "int"),
  float: one(2, "float"),
  int: one(3, "int"),
  string: one(4, "bytes"),
  tensor: one(5, tensor),
  floats: many(7, "float", MAX_TENSORS),
  ints: many(8, "int", MAX_TENSORS),
  reference: one(21, "string"),
};

const node = {
  inputs: many(1, "string", FEW),
  outputs: many(2, "string", FEW),
  name: one(3, "string"),
  op: one(4, "string"),
  domain: one(7, "string"),
  attributes: many(5, attribute, FEW),
  note: one(6, "string"),
};

const graph = {
  name: one(2, "string"),
  nodes: many(1, node, MAX_NODES),
  initializers: many(5, tensor, MAX_TENSORS),
  inputs: many(11, valueInfo, MAX_TENSORS),
  outputs: many(12, valueInfo, FEW),
  sparseInitializers: many(15, "bytes", FEW),
};

/** ModelProto. The graph is written last, so that a file cut short anywhere is seen to be cut short. */
export const model = {
  irVersion: one(1, "int"),
  producerName: one(2, "string"),
  operatorSets: many(8, operatorSet, FEW),
  metadata: many(14, stringEntry, 4 * FEW),
  functions: many(25, "bytes", FEW),
  graph: one(7, graph),
};

/** Messages as they are read, and as they are written. */
export type Model = Message<typeof model>;
export type OnnxNode = Message<typeof node>;
export type OnnxTensor = Message<typeof tensor>;
export type OnnxAttribute = Message<typeof attribute>;
export type OnnxValueInfo = Message<typeof valueInfo>;
export type NodeDraft = Draft<typeof node>;
export type TensorDraft = Draft<typeof tensor>;
export type AttributeDraft = Draft<typeof attribute>;
export type ValueInfoDraft = Draft<typeof valueInfo>;

/** TensorProto.DataType, as far as it is used. */
export const DATA_TYPE = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
/** AttributeProto.AttributeType, as far as it is used. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

/** What Fourway writes: the IR version that came with opset 17 (ONNX 1.12). */
export const IR_VERSION = 8;
/** What Fourway writes; 17 is read by every engine of the last years. */
export const OPSET = 17;
/** What Fourway reads: since 13 DequantizeLinear knows an axis; after 22 the meaning of the ops was not checked. */
export const OPSETS_READ = { first: 13, last: 22 } as const;
/** NodeProto.doc_string of an activation that is a node of its own, so that reading does not merge it into the node before it. */
export const OWN_NODE = "a node of its own";
