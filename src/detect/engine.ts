import { kindOf } from "../core/address.js";
import { FourwayError } from "../core/errors.js";
import type { RunningWorker } from "../core/worker.js";
import type { DetectorOptions } from "./options.js";

/** What runs a model's network in place of Fourway's kernels; `onnxruntime()` of fourway/onnxruntime makes one. */
export interface DetectorEngine {
  /** Its name in messages. */
  readonly name: string;
  /** Starts what answers in a worker's place. @internal */
  start(): RunningWorker;
}

/** How a detector is to work that answers later. */
export interface SpawnOptions extends DetectorOptions {
  /** Runs the network in place of Fourway's kernels, in the calling thread. Default: Fourway's kernels, in a worker. */
  engine?: DetectorEngine;
}

/** The engine, if one is given. @throws E_ARGUMENT for something else */
export function engineOf(engine: DetectorEngine | undefined): DetectorEngine | undefined {
  if (engine === undefined || typeof engine?.start === "function") return engine;
  throw new FourwayError(
    "E_ARGUMENT",
    `spawn: expected an engine as onnxruntime() of fourway/onnxruntime makes it, got ${kindOf(engine)}; import it from there`,
  );
}
