import { FourwayError } from "../core/errors.js";
import { sha256 } from "../core/sha256.js";
import type { Task } from "../core/task.js";
import type { Part } from "./cut.js";
import type { GuardResult } from "./guard.js";
import { decodeSample, encodeSample, type LearnSample } from "./sample.js";
import type { LearnStore } from "./store.js";

// What a store holds, by key:
//   head                        { "version": n }: the version in use
//   versions/000001/model.onnx  the model
//   versions/000001/version.json  what it learned from: `Version`
//   frames/000001               a frame that is learned from: `encodeSample`
//   adapt/..                    what a teacher saw: candidates.ts
// Version 0 is the model that the learner was opened with. A commit writes a version and the head together.

/** A model that a learner keeps, and how it came to be. */
export interface Version {
  /** 0 for the model that the learner was opened with; each commit counts one more. */
  id: number;
  /** The version that it learned from; null for 0. */
  parent: number | null;
  tasks: readonly Task[];
  /** SHA-256 of its file. */
  sha256: string;
  /** What learned; null for 0 and where only tasks were added or taken away. */
  what: Part | "thresholds" | null;
  steps: number;
  seed: number;
  /** Ids of the frames that it learned from. */
  frames: readonly string[];
  /** What the guard said of each task that was taught. */
  guard: Readonly<Record<Task, GuardResult>>;
}

/** What a version that learned nothing says of it. */
export const UNTAUGHT = { what: null, steps: 0, guard: {}, frames: [] };

const HEAD = "head";
const digits = (n: number): string => String(n).padStart(6, "0");
const versionKey = (id: number, file: string): string => `versions/${digits(id)}/${file}`;
const FRAMES = "frames/";
const VERSIONS = "versions/";

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

async function readJson<T>(store: LearnStore, key: string): Promise<T | undefined> {
  const bytes = await store.read(key);
  if (!bytes) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as T;
  } catch (cause) {
    throw damaged(key, "no JSON", cause);
  }
}

function damaged(key: string, got: string, cause?: unknown): FourwayError {
  return new FourwayError("E_DATA", `store: expected "${key}" as a learner wrote it, got ${got}; restore the store from a copy`, { cause });
}

/** The versions and frames in a store. */
export class Archive {
  constructor(private readonly store: LearnStore) {}

  /** The version in use; undefined in an empty store. */
  async head(): Promise<Version | undefined> {
    const head = await readJson<{ version: number }>(this.store, HEAD);
    return head && this.version(head.version);
  }

  /**
   * The version in use; in an empty store the model becomes version 0.
   * @param model the file that the learner is opened with
   * @throws E_ARGUMENT where the store began with another model
   */
  async begin(model: Uint8Array, tasks: readonly Task[], seed: number): Promise<Version> {
    const head = await this.head();
    const digest = sha256(model);
    if (!head) {
      const first: Version = { id: 0, parent: null, tasks, sha256: digest, what: null, steps: 0, seed, frames: [], guard: {} };
      await this.commit(first, model);
      return first;
    }
    const { sha256: known } = await this.version(0);
    if (known !== digest)
      throw new FourwayError(
        "E_ARGUMENT",
        `learner: expected the model that the store began with (SHA-256 ${known}), got another; open it with that, or take another store`,
      );
    return head;
  }

  /** @throws E_ARGUMENT where there is no such version */
  async version(id: number): Promise<Version> {
    const version = await readJson<Version>(this.store, versionKey(id, "version.json"));
    if (version) return version;
    const ids = (await this.versions()).map((each) => each.id);
    throw new FourwayError("E_ARGUMENT", `versions: expected one of ${ids.join(", ")}, got ${id}; see versions()`);
  }

  /** The model's file of a version. */
  async model(id: number): Promise<Uint8Array> {
    const key = versionKey(id, "model.onnx");
    const bytes = await this.store.read(key);
    if (!bytes) throw damaged(key, "nothing");
    return bytes;
  }

  /** All versions, oldest first. */
  async versions(): Promise<Version[]> {
    const keys = (await this.store.list(VERSIONS)).filter((key) => key.endsWith("/version.json"));
    return Promise.all(keys.map(async (key) => (await readJson<Version>(this.store, key))!));
  }

  /** Writes a version and makes it the one in use. */
  async commit(version: Version, model: Uint8Array): Promise<void> {
    await this.store.write(
      new Map([
        [versionKey(version.id, "model.onnx"), model],
        [versionKey(version.id, "version.json"), encode(version)],
        [HEAD, encode({ version: version.id })],
      ]),
    );
  }

  /** Makes a version the one in use. */
  async use(id: number): Promise<void> {
    await this.store.write(new Map([[HEAD, encode({ version: id })]]));
  }

  /**
   * All frames in the order in which they were added, with their keys.
   * @param onDamaged told of a frame that cannot be read, which is left out and stays in the store
   * @returns the frames, and the last key there is
   */
  async frames(onDamaged: (error: FourwayError) => void): Promise<{ frames: { key: string; head: LearnSample }[]; last?: string }> {
    const keys = await this.store.list(FRAMES);
    const frames = [];
    for (const key of keys)
      try {
        frames.push({ key, head: (await this.frame(key)).head });
      } catch (error) {
        if (!(error instanceof FourwayError && error.code === "E_DATA")) throw error;
        onDamaged(error);
      }
    return { frames, last: keys.at(-1) };
  }

  /** A frame with its pixels. */
  async frame(key: string): Promise<{ head: LearnSample; pixels: Int8Array }> {
    const bytes = await this.store.read(key);
    if (!bytes) throw damaged(key, "nothing");
    return decodeSample(bytes, key);
  }

  /** Writes a frame; `after` is the last key there is. Returns its key. */
  async addFrame(head: LearnSample, pixels: Int8Array, after: string | undefined): Promise<string> {
    const key = `${FRAMES}${digits(after === undefined ? 1 : Number(after.slice(FRAMES.length)) + 1)}`;
    await this.store.write(new Map([[key, encodeSample(head, pixels)]]));
    return key;
  }

  /** Writes a frame again, with other labels, or takes it out. */
  async changeFrame(key: string, head: LearnSample | undefined): Promise<void> {
    const bytes = head && encodeSample(head, (await this.frame(key)).pixels);
    await this.store.write(new Map([[key, bytes]]));
  }
}
