import { readFile } from "node:fs/promises";
import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Graph } from "../graph/graph.js";
import { buildNetwork, TRUNK_PREFIX } from "../model/build.js";
import { FORMAT, loadModel } from "../model/model.js";
import { endTrunkAt, recentred, shuffleTrunk, type TrunkWidth, trunkOf, unfoldNorms } from "../model/trunk.js";
import { readOnnx } from "../onnx/read.js";

/** What network to train, and from what on. */
export interface NetworkOptions {
  trunk?: string;
  start?: string;
  width: TrunkWidth;
  trunkEnd?: string;
  path: number;
  head: number;
  tasks: Task[];
  seed: number;
}

/** The network that a training begins with, and before what its pretrained part's names stand: null where all of it is new. */
export async function firstGraph(options: NetworkOptions): Promise<{ graph: Graph; prefix: string | null }> {
  const { graph, prefix } = await wholeGraph(options);
  return { graph: options.trunkEnd === undefined ? graph : endTrunkAt(graph, options.trunkEnd), prefix };
}

async function wholeGraph(options: NetworkOptions): Promise<{ graph: Graph; prefix: string | null }> {
  const { trunk, start, width, seed, tasks, path, head } = options;
  if (start !== undefined) return { graph: unfoldNorms(await readStart(start, tasks)), prefix: "" };
  const base = trunk === undefined ? shuffleTrunk(width, seed) : unfoldNorms(await readTrunk(trunk));
  return { graph: buildNetwork(base, { tasks, path, head, seed }), prefix: trunk === undefined ? null : TRUNK_PREFIX };
}

/** The graph of an f32 model of these tasks. */
async function readStart(file: string, tasks: readonly Task[]): Promise<Graph> {
  const { graph, info } = loadModel(await readFile(file));
  if (graph.scales || info.tasks.join() !== tasks.join())
    throw new FourwayError(
      "E_MODEL",
      `--start: expected an f32 model of ${tasks.join(", ")}, got ${graph.scales ? "int8" : "f32"} of ${info.tasks.join(", ")} in ${file}; give another`,
    );
  return graph;
}

/** A foreign trunk, or that of a Fourway model. */
async function readTrunk(file: string): Promise<Graph> {
  const { graph, metadata } = readOnnx(await readFile(file));
  return metadata.format === FORMAT ? trunkOf(graph) : recentred(graph);
}
