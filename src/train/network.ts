import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Graph } from "../graph/graph.js";
import { buildNetwork, TRUNK_PREFIX } from "../model/build.js";
import { FORMAT, loadModel } from "../model/model.js";
import { endTrunkAt, recentred, shuffleTrunk, type TrunkWidth, trunkOf, unfoldNorms } from "../model/trunk.js";
import { readOnnx } from "../onnx/read.js";
import { dequantized } from "../quant/dequantize.js";

/** The network to train, and the weights it starts from. */
export interface NetworkOptions {
  /** A Fourway model, f32 or int8, to go on from, as the bytes of its file. Its network is kept; `trunk`, `width`, `path` and `head` do not count. */
  start?: Uint8Array;
  /** A pretrained trunk as the bytes of an ONNX file: RGB 0..1 in and strides 8, 16 and 32 out, or a Fourway model, f32 or int8. */
  trunk?: Uint8Array;
  /** Width of a trunk with random weights, where neither `start` nor `trunk` is given; default "0.5". */
  width?: TrunkWidth;
  /** Leaves out what the trunk computes after this value, such as "trunk.stage4.1". */
  trunkEnd?: string;
  /** Channels of the path behind the trunk, a multiple of 8; default 64. */
  path?: number;
  /** Channels within each head, a multiple of 8; default 32. */
  head?: number;
}

/** The graph that a training starts with, and the prefix of the names of its pretrained part: null where all weights are random. */
interface FirstGraph {
  graph: Graph;
  prefix: string | null;
}

/** Builds or reads the graph that a training starts with. @throws E_ONNX, E_MODEL for a file that cannot be read or does not fit */
export function firstGraph(options: NetworkOptions, tasks: readonly Task[], seed: number): FirstGraph {
  const { graph, prefix } = wholeGraph(options, tasks, seed);
  return { graph: options.trunkEnd === undefined ? graph : endTrunkAt(graph, options.trunkEnd), prefix };
}

function wholeGraph({ trunk, start, width = "0.5", path, head }: NetworkOptions, tasks: readonly Task[], seed: number): FirstGraph {
  if (start !== undefined) return { graph: unfoldNorms(readStart(start, tasks)), prefix: "" };
  const base = trunk === undefined ? shuffleTrunk(width, seed) : unfoldNorms(readTrunk(trunk));
  return { graph: buildNetwork(base, { tasks, path, head, seed }), prefix: trunk === undefined ? null : TRUNK_PREFIX };
}

/** The f32 graph of a model of these tasks. */
function readStart(file: Uint8Array, tasks: readonly Task[]): Graph {
  const { graph, info } = loadModel(file);
  if (info.tasks.join() !== tasks.join())
    throw new FourwayError(
      "E_MODEL",
      `start: expected a model of ${tasks.join(", ")}, got one of ${info.tasks.join(", ")}; give another model, or its tasks`,
    );
  return dequantized(graph);
}

/** The f32 graph of a foreign trunk, or of that of a Fourway model. */
function readTrunk(file: Uint8Array): Graph {
  const { graph, metadata } = readOnnx(file);
  return metadata.format === FORMAT ? trunkOf(dequantized(graph)) : recentred(graph);
}
