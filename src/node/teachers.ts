import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { DetectedObject } from "../core/detection.js";
import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import { TASKS, type Task } from "../core/task.js";
import { openSession, type Ports, type Session } from "../engines/onnxruntime.js";
import { type Look, lookAt } from "../label/look.js";
import { PRESETS } from "../label/presets.js";
import type { Teacher } from "../label/teacher.js";
import { createEngine } from "../wasm/load.js";

/** A teacher that is ready to run. */
export interface OpenTeacher {
  /** For provenance. */
  readonly name: string;
  /** Name, model, look and tasks other than the shipped models': identifies its detections in a journal. */
  readonly key: string;
  /** Its detections in a frame, boxes in frame pixels; opens the model on the first call. */
  look(frame: Frame): Promise<DetectedObject[]>;
  close(): Promise<void>;
}

/**
 * One or two teachers from their files. Their detections of `tasks` and of the shipped models' tasks are kept.
 * @param presets one per file, one for all, or none: then they are guessed
 * @throws E_ARGUMENT for another number of files or presets, or a task that a teacher does not look for, E_MODEL where no preset fits,
 * E_RUNTIME without onnxruntime-web
 */
export async function openTeachers(
  files: readonly string[],
  presets: readonly string[],
  tasks: readonly Task[],
  threads: number,
  look: Look,
): Promise<OpenTeacher[]> {
  if (files.length > 2)
    throw new FourwayError("E_ARGUMENT", `--teacher: expected one file or two, got ${files.length}; choose the best two`);
  if (presets.length > 1 && presets.length !== files.length)
    throw new FourwayError(
      "E_ARGUMENT",
      `--preset: expected one, or one per teacher, got ${presets.length} for ${files.length}; give as many`,
    );
  const teachers: OpenTeacher[] = [];
  for (const [i, file] of files.entries()) teachers.push(await openTeacher(file, presets[i] ?? presets[0], tasks, threads, look));
  return teachers;
}

async function openTeacher(
  file: string,
  preset: string | undefined,
  tasks: readonly Task[],
  threads: number,
  look: Look,
): Promise<OpenTeacher> {
  const bytes = await readFile(file);
  let session: Session | undefined;
  const open = async (): Promise<Session> => {
    session ??= await openSession(bytes, file, { threads });
    return session;
  };
  const teacher = preset === undefined ? guess((await open()).ports, file) : await presetOf(preset);
  const known = teacher.tasks ?? TASKS;
  const unknown = tasks.find((task) => !known.includes(task));
  if (unknown !== undefined) {
    await session?.dispose();
    throw new FourwayError(
      "E_ARGUMENT",
      `${file}: expected tasks that ${teacher.name} looks for (${known.join(", ")}), got "${unknown}"; leave it out of --tasks, or give --preset with a module whose Teacher names it`,
    );
  }
  const others = tasks.filter((task) => !TASKS.includes(task)).sort();
  const kept = new Set([...TASKS, ...others]);
  const engine = await createEngine();
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const tiles = look.tiles > 1 ? ` ${look.tiles}x${look.tiles} tiles` : "";
  return {
    name: teacher.name,
    key: `${teacher.name} ${hash} ${look.pixels.join("+")}${tiles}${others.length > 0 ? ` ${others.join("+")}` : ""}`,
    look: async (frame) => (await lookAt(teacher, await open(), engine, frame, look)).filter(({ task }) => kept.has(task)),
    close: async () => session?.dispose(),
  };
}

function guess(ports: Ports, file: string): Teacher {
  const teacher = PRESETS.find(({ fits }) => fits(ports));
  if (teacher) return teacher;
  const shown = (list: Ports["inputs"]): string => list.map(({ name, dims }) => `${name} [${dims.join(", ")}]`).join(", ");
  throw new FourwayError(
    "E_MODEL",
    `${file}: expected a teacher of a known kind (${PRESETS.map(({ name }) => name).join(", ")}), got inputs ${shown(ports.inputs)} and outputs ` +
      `${shown(ports.outputs)}; give --preset with a module that exports a Teacher`,
  );
}

async function presetOf(name: string): Promise<Teacher> {
  const known = PRESETS.find((each) => each.name === name);
  if (known) return known;
  if (!/\.m?js$/.test(name))
    throw new FourwayError(
      "E_ARGUMENT",
      `--preset: expected ${PRESETS.map((each) => each.name).join(", ")}, or a module .mjs, got "${name}"; fix the name`,
    );
  const module = await import(pathToFileURL(resolve(name)).href).catch((cause) => {
    throw new FourwayError("E_ARGUMENT", `--preset: expected a module at ${name}, got "${(cause as Error).message}"; fix it`, { cause });
  });
  const teacher = module.default as Partial<Teacher> | undefined;
  for (const part of ["place", "encode", "decode"] as const)
    if (typeof teacher?.[part] !== "function" || typeof teacher.name !== "string")
      throw new FourwayError(
        "E_ARGUMENT",
        `--preset: expected a default export with name, place, encode and decode from ${name}; see Teacher`,
      );
  return teacher as Teacher;
}
