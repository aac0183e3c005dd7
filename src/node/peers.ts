import { readFile } from "node:fs/promises";
import type { DetectedObject } from "../core/detection.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import type { Found } from "../eval/averagePrecision.js";
import { parseResults } from "../eval/results.js";
import { type Answers, answersTo, type LookOptions } from "./evaluate.js";
import { type OpenTeacher, openTeachers } from "./teachers.js";

/** Pixels of a peer's input, where it leaves its size open and nothing else is asked for. */
export const PEER_PIXELS = 416 * 416;

/** The presence of a detector that gives none of its own: the best object's score. */
function withPresence(objects: DetectedObject[], tasks: readonly Task[]): Found {
  const best = (task: string): number => objects.reduce((most, object) => (object.task === task ? Math.max(most, object.score) : most), 0);
  return { objects, presence: Object.fromEntries(tasks.map((task) => [task, best(task)])) };
}

/**
 * Finds out whether a peer can be scored, before hours are spent on others.
 * @throws as `peerAnswers` does, but for pictures
 */
export async function checkPeer(file: string, samples: readonly Sample[], tasks: readonly Task[], preset?: string): Promise<void> {
  if (!file.endsWith(".onnx")) parseResults(await readFile(file, "utf8"), file, samples, tasks);
  else await (await openPeer(file, tasks, PEER_PIXELS, preset)).close();
}

async function openPeer(file: string, tasks: readonly Task[], pixels: number, preset?: string): Promise<OpenTeacher> {
  const [peer] = await openTeachers([file], preset === undefined ? [] : [preset], tasks, 1, { pixels: [pixels], tiles: 1 });
  return peer!;
}

/**
 * A peer's answers: from its detections as COCO results (.json), or from its model (.onnx, as `fourway label --teacher`), run by
 * onnxruntime-web on one thread. Only objects of `tasks` count.
 * @throws E_DATA, E_MODEL, E_RUNTIME as `parseResults` and `openTeachers`
 */
export async function peerAnswers(
  file: string,
  samples: readonly Sample[],
  tasks: readonly Task[],
  { preset, pixels = PEER_PIXELS, ...options }: LookOptions & { preset?: string; pixels?: number },
): Promise<Answers> {
  const found = (objects: DetectedObject[]): Found => withPresence(objects, tasks);
  if (!file.endsWith(".onnx"))
    return { samples: [...samples], found: parseResults(await readFile(file, "utf8"), file, samples, tasks).map(found), ms: [] };
  const peer = await openPeer(file, tasks, pixels, preset);
  try {
    return await answersTo(samples, async (frame) => found(await peer.look(frame)), options);
  } finally {
    await peer.close();
  }
}
