import { FourwayError } from "../core/errors.js";
import { TASKS, type Task } from "../core/task.js";
import type { Graph } from "../graph/graph.js";
import { buildNetwork } from "../model/build.js";
import { boxHead, type HeadKind, type HeadMaps, PRESENCE_MAPS, STRIDES } from "../model/head.js";
import { isFourway, loadModel, type Model } from "../model/model.js";
import { isNanodet, nanodetModel } from "../model/nanodet.js";
import { withCoarserMap, withLayout, withTasks } from "../model/surgery.js";
import { endTrunkAt, recentred, shuffleTrunk, type TrunkWidth, trunkOf, unfoldNorms } from "../model/trunk.js";
import { readOnnx } from "../onnx/read.js";
import { dequantized } from "../quant/dequantize.js";

/** The network to train, and the weights it starts from. */
export interface NetworkOptions {
  /**
   * A Fourway model, f32 or int8, to start from, as the bytes of its file, or a NanoDet-Plus detector (outputs class{s} of 4 and box{s} of 32
   * channels for the strides s, RGB of 0..1 in). Its network is kept; `trunk`, `width`, `path` and `head` are not used.
   */
  start?: Uint8Array;
  /** A pretrained trunk as the bytes of an ONNX file: RGB 0..1 in and strides 8, 16 and 32 out, or a Fourway model, f32 or int8. */
  trunk?: Uint8Array;
  /** Width of a trunk with random weights, where neither `start` nor `trunk` is given; default "0.5". */
  width?: TrunkWidth;
  /** Leaves out what the trunk computes after this value, such as "trunk.stage4.1". */
  trunkEnd?: string;
  /** Channels of the path after the trunk, a multiple of 8; default 64. */
  path?: number;
  /** Channels within each head, a multiple of 8; default 32. */
  head?: number;
  /**
   * Logits of a side's distribution, a multiple of 4: a box's sides are the means of distributions over 0 to bins - 1 strides; 0: a side is one number.
   * Default: as in `start`, otherwise 0.
   */
  bins?: number;
  /**
   * Heads give points of each object too: which point each becomes in the mirror, such as 1, 0, 2, 4, 3 for eyes, nose and mouth corners. Default: as in
   * `start`, otherwise none.
   */
  points?: readonly number[];
  /**
   * Strides of the heads' maps, fine to coarse; default: as in `start`, otherwise 8, 16, 32. Coarser ones than `start` has are added to it, each a copy of the
   * one before, and find what fills the picture at many pixels.
   */
  strides?: readonly number[];
  /** What heads answer, where `start` is not given: "boxes", or "presence", one logit a task for the whole picture; default "boxes". */
  heads?: HeadKind;
  /**
   * false: a Fourway model of `start` learns on as it is, without the batch norms that it once learned with. At small rates that takes it further: put back, norms
   * know one batch only, and what that costs is first to be made up for. Default true.
   */
  norms?: boolean;
}

/** The graph that a training starts with, its maps, and whether a part of it is pretrained. */
interface FirstGraph {
  graph: Graph;
  maps: HeadMaps;
  pretrained: boolean;
}

/** Builds or reads the graph that a training starts with. @throws E_ONNX, E_MODEL for a file that cannot be read or does not fit */
export function firstGraph(options: NetworkOptions, tasks: readonly Task[], seed: number): FirstGraph {
  const { graph, ...rest } = wholeGraph(options, tasks, seed);
  return { graph: options.trunkEnd === undefined ? graph : endTrunkAt(graph, options.trunkEnd), ...rest };
}

function wholeGraph(
  { trunk, start, width = "0.5", path, head, bins, points, strides, heads, norms = true }: NetworkOptions,
  tasks: readonly Task[],
  seed: number,
): FirstGraph {
  if (start !== undefined) {
    const model = readStart(start);
    const same = withStrides(withTasks({ ...model, graph: dequantized(model.graph) }, tasks, seed), strides);
    const { layout } = same.info;
    const wanted = { bins: bins ?? layout.bins, points: points ?? layout.points?.mirror };
    const kept = wanted.bins === layout.bins && JSON.stringify(wanted.points) === JSON.stringify(layout.points?.mirror);
    const { graph, info } = kept ? same : withLayout(same, boxHead(wanted.bins, wanted.points), seed);
    return {
      graph: norms && isBuilt(graph) ? unfoldNorms(graph) : graph,
      maps: { strides: info.strides, layout: info.layout },
      pretrained: true,
    };
  }
  if (!norms) throw new FourwayError("E_ARGUMENT", "norms: expected true where no model is given to start from, got false; give start");
  const base = trunk === undefined ? shuffleTrunk(width, seed) : unfoldNorms(readTrunk(trunk));
  if (heads === "presence" && strides !== undefined)
    throw new FourwayError("E_ARGUMENT", "strides: expected none for heads that look at the whole picture, got some; leave them out");
  const maps = heads === "presence" ? PRESENCE_MAPS : { strides: strides ?? STRIDES, layout: boxHead(bins ?? 0, points) };
  return { graph: buildNetwork(base, { tasks, ...maps, path, head, seed }), maps, pretrained: trunk !== undefined };
}

/** A Fourway model, or a detector that `nanodetModel` takes. */
function readStart(file: Uint8Array): Model {
  const { graph, metadata } = readOnnx(file);
  return !isFourway(metadata) && isNanodet(graph) ? nanodetModel(graph) : loadModel(file);
}

/** The model with coarser maps than its own where they are asked for. @throws E_MODEL for strides that do not begin as its own do */
function withStrides(model: Model, strides: readonly number[] = model.info.strides): Model {
  const own = model.info.strides;
  if (own.length < strides.length && own.every((stride, i) => stride === strides[i])) return withStrides(withCoarserMap(model), strides);
  if (own.join() === strides.join()) return model;
  throw new FourwayError(
    "E_MODEL",
    `strides: expected ${own.join(", ")} and then each twice the one before, got ${strides.join(", ")}; maps can be added to a model, not taken away`,
  );
}

/** Whether `buildNetwork` made it, so that it was trained with batch norm. Others are trained without: restored norms cost them accuracy. */
function isBuilt({ nodes }: Graph): boolean {
  return nodes.some(({ name }) => name.startsWith("path.lateral"));
}

/** The tasks of a training that names none: those of the model that it starts from, else those of the shipped models. */
export function defaultTasks(start: Uint8Array | undefined): readonly Task[] {
  return start === undefined ? TASKS : readStart(start).info.tasks;
}

/** The f32 graph of a third-party trunk, or of that of a Fourway model. */
function readTrunk(file: Uint8Array): Graph {
  const { graph, metadata } = readOnnx(file);
  return isFourway(metadata) ? trunkOf(dequantized(graph)) : recentred(graph);
}
