import type { ErrorData } from "../core/errors.js";
import type { FrameStream, VideoTrack, WasmModule } from "../core/globals.js";
import type { Model } from "../model/model.js";
import type { Chosen } from "./budget.js";
import type { Detection } from "./detector.js";
import type { DetectOptions, DetectorOptions } from "./options.js";
import type { Handed } from "./pictures.js";

// What a spawned detector and its worker tell each other. A lane is one source of pictures: at most one picture of it is under way, so that its
// number says to which an answer belongs.

/** What can be said of a detector in a worker. */
export interface AboutDetector {
  engine: string;
  tasks: readonly string[];
  threads: number;
  singleThreadReason: string | undefined;
  /** For a budget. */
  chosen: Chosen | undefined;
  /** Whether the worker can read a track's frames itself. */
  readsTracks: boolean;
}

/** Compiled kernels for one thread and for several, which a worker has not itself. */
export interface WorkerKernels {
  plain: WasmModule | undefined;
  shared: WasmModule | undefined;
}

/** To the worker, which has answered its start: first `load`; its lock is held for as long as the worker lives, so that whoever gets it knows it died. */
export type ToWorker =
  | { kind: "load"; model: Uint8Array | Model; kernels: WorkerKernels; options: DetectorOptions; lock: string | undefined }
  | { kind: "use"; change: number; model: Uint8Array | Model }
  | { kind: "look"; lane: number; picture: Handed; options: DetectOptions }
  | { kind: "watch"; lane: number; from: FrameStream | VideoTrack; options: DetectOptions }
  | { kind: "leave"; lane: number };

/** Whether another model is in use: what is to be said of the detector now, or why it stayed with the old one. */
export interface Used {
  kind: "used";
  change: number;
  about?: AboutDetector;
  error?: ErrorData;
}

/** To keep to its budget the detector has chosen anew. */
export interface Changed {
  kind: "changed";
  about: AboutDetector;
}

/**
 * From the worker: whether it is ready, and with the next model; what it saw or why it could not look; of a lane that it watches also the end.
 */
export type FromWorker =
  | { kind: "ready"; about: AboutDetector }
  | Changed
  | { kind: "unfit"; error: ErrorData }
  | Used
  | { kind: "seen"; lane: number; seen: Seen; dropped: number }
  | { kind: "fault"; lane: number; error: ErrorData }
  | { kind: "ended"; lane: number };

/** A detection, and of what. */
export interface Seen extends Detection {
  /** Of the frame that its boxes lie in, pixels. */
  width: number;
  height: number;
  /** Of the frame, where it has one: microseconds from a start of the source's own. */
  timestamp?: number;
}
