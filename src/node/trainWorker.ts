import { type MessagePort, parentPort } from "node:worker_threads";
import { type ErrorData, toErrorData } from "../core/errors.js";
import type { Example } from "../data/example.js";
import type { Graph } from "../graph/graph.js";
import { allReduce, exchangeLength, publish } from "../train/allReduce.js";
import { Replica, type ReplicaOptions } from "../train/replica.js";
import type { SliceLoss } from "../train/trainingStep.js";
import type { Update } from "../train/weights.js";
import { createEngine } from "../wasm/load.js";

/** Requests to a worker; each but `apply` is answered once, in order. */
export type Request =
  | { kind: "start"; graph: Graph; options: ReplicaOptions; index: number }
  | { kind: "slots"; slots: SharedArrayBuffer[][] }
  | { kind: "restoreNorms"; examples: Example[]; width: number; height: number }
  | { kind: "gradientProducts"; examples: Example[]; width: number; height: number }
  | { kind: "compute"; examples: Example[]; width: number; height: number; parity: number }
  | { kind: "apply"; update: Update; parity: number }
  | { kind: "save" }
  | { kind: "restore"; state: Float32Array }
  | { kind: "export" };

/** A worker that is ready: floats that it exchanges a step, bytes of its memory. */
export interface Started {
  floats: number;
  bytes: number;
}

/** A worker's answer. */
export type Reply = { value: Started | SliceLoss | number[] | Float32Array | Graph | null } | { error: ErrorData };

let replica: Replica;
let own = 0;
let slots: Float32Array[][] = [];

async function answer(request: Request): Promise<Started | SliceLoss | number[] | Float32Array | Graph | null> {
  switch (request.kind) {
    case "start":
      replica = new Replica(await createEngine(), request.graph, request.options);
      own = request.index;
      return { floats: exchangeLength(replica.gradients(), replica.state()), bytes: replica.bytes };
    case "slots":
      slots = request.slots.map((pair) => pair.map((buffer) => new Float32Array(buffer)));
      return null;
    case "restoreNorms":
      replica.restoreNorms(request.examples, request.width, request.height);
      return null;
    case "gradientProducts":
      return replica.gradientProducts(request.examples, request.width, request.height);
    case "compute": {
      const loss = replica.compute(request.examples, request.width, request.height);
      publish(slots[request.parity]![own]!, replica.gradients(), replica.state());
      return loss;
    }
    case "apply":
      allReduce(slots[request.parity]!, replica.gradients(), replica.state());
      replica.apply(request.update);
      return null;
    case "save":
      return replica.save();
    case "restore":
      replica.restore(request.state);
      return null;
    case "export":
      return replica.export(true);
  }
}

const port = parentPort as MessagePort;
let queue = Promise.resolve();
port.on("message", (request: Request) => {
  queue = queue.then(async () => {
    let reply: Reply;
    try {
      reply = { value: await answer(request) };
    } catch (error) {
      reply = { error: toErrorData(error) };
    }
    if (request.kind !== "apply" || "error" in reply) port.postMessage(reply);
  });
});
