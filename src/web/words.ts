import type { DetectedObject } from "../core/detection.js";
import type { Task } from "../core/task.js";

/** What a camera element may be at. */
export type CameraState =
  | "idle" // nothing was started
  | "loading" // the model
  | "asking" // the person, for the camera
  | "live" // pictures come
  | "paused"
  | "muted" // the camera sends no pictures
  | "denied" // the person or the page's policy forbids the camera
  | "no-camera"
  | "busy" // another program has the camera
  | "unplugged" // it went away while it was used; it is used again when it is back
  | "insecure" // the page has no camera, since it came without TLS
  | "failed"; // anything else: the message says what

/** What the element says. */
export interface CameraWords {
  /** For each state a sentence; of `failed` what precedes the reason. */
  states: Record<CameraState, string>;
  start: string;
  again: string;
  pause: string;
  resume: string;
  snapshot: string;
  camera: string;
  /** The picture, to those who do not see it. */
  picture: string;
  /** Where nothing is found. */
  nothing: string;
  /** A task's name, of one or more of it. */
  task(task: Task, count: number): string;
}

/** A task's name in words: "traffic light" of trafficLight. */
export function wordsOf(task: Task): string {
  return task.replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}

/** The English words; assign others to an element's `words`. */
export const ENGLISH: CameraWords = {
  states: {
    idle: "The camera is off.",
    loading: "Loading the model …",
    asking: "Please allow the camera.",
    live: "The camera is on.",
    paused: "Paused.",
    muted: "The camera sends no picture. It may be covered, or another program may be using it.",
    denied: "The camera is not allowed here. Allow it in the browser’s site settings, then try again.",
    "no-camera": "No camera was found. Connect one, then try again.",
    busy: "The camera is in use by another program. Close that, then try again.",
    unplugged: "The camera was disconnected. Connect it again to go on.",
    insecure: "Browsers give cameras to secure pages only. Open this page with https.",
    failed: "Something went wrong:",
  },
  start: "Start camera",
  again: "Try again",
  pause: "Pause",
  resume: "Resume",
  snapshot: "Take a picture",
  camera: "Camera",
  picture: "Camera picture. Arrow keys go from box to box, Enter picks one.",
  nothing: "nothing found",
  task: (task, count) => (count === 1 ? wordsOf(task) : `${wordsOf(task)}s`),
};

/** What is in a picture, in words: "2 cars, 1 pedestrian". */
export function describe(objects: readonly DetectedObject[], words: CameraWords): string {
  const counts = new Map<Task, number>();
  for (const { task } of objects) counts.set(task, (counts.get(task) ?? 0) + 1);
  return [...counts].map(([task, count]) => `${count} ${words.task(task, count)}`).join(", ") || words.nothing;
}

/** Which state an error of `getUserMedia` means; "Insecure" where a page has no such thing. */
export function stateOf(error: unknown): CameraState {
  const { name } = error as Error;
  if (name === "Insecure") return "insecure";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "no-camera";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return "failed";
}
