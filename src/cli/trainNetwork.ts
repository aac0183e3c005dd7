import { readFile } from "node:fs/promises";
import { TASKS, type Task } from "../core/task.js";
import type { Graph } from "../graph/graph.js";
import { buildNetwork, TRUNK_PREFIX } from "../model/build.js";
import { BOX_MAPS, type HeadMaps } from "../model/head.js";
import { isFourway, loadModel } from "../model/model.js";
import { withTasks } from "../model/surgery.js";
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

/** A network to begin with: how its maps are made, and before what its pretrained part's names stand: null where all of it is new. */
export interface FirstNetwork {
  graph: Graph;
  maps: HeadMaps;
  prefix: string | null;
}

/** The network that a training begins with. */
export async function firstNetwork(options: NetworkOptions): Promise<FirstNetwork> {
  const { graph, ...rest } = await wholeNetwork(options);
  return { graph: options.trunkEnd === undefined ? graph : endTrunkAt(graph, options.trunkEnd), ...rest };
}

async function wholeNetwork({ trunk, start, width, seed, tasks, path, head }: NetworkOptions): Promise<FirstNetwork> {
  if (start !== undefined) {
    const { graph, info } = withTasks(loadModel(await readFile(start)), tasks, seed);
    return { graph: unfoldNorms(graph), maps: { strides: info.strides, layout: info.layout }, prefix: "" };
  }
  const base = trunk === undefined ? shuffleTrunk(width, seed) : unfoldNorms(await readTrunk(trunk));
  return { graph: buildNetwork(base, { tasks, path, head, seed }), maps: BOX_MAPS, prefix: trunk === undefined ? null : TRUNK_PREFIX };
}

/** Tasks of a training that names none: those of the model that it goes on from, else those of the shipped models. */
export async function defaultTasks(start: string | undefined): Promise<Task[]> {
  return start === undefined ? [...TASKS] : loadModel(await readFile(start)).info.tasks;
}

/** A foreign trunk, or that of a Fourway model. */
async function readTrunk(file: string): Promise<Graph> {
  const { graph, metadata } = readOnnx(await readFile(file));
  return isFourway(metadata) ? trunkOf(graph) : recentred(graph);
}
