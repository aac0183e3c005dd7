import { sha256 } from "../core/sha256.js";
import { loadModel, type Model, saveModel } from "../model/model.js";
import type { Archive, Version } from "./versions.js";

/** How a version came to be, as far as its model does not say it. */
export type Origin = Pick<Version, "what" | "steps" | "guard" | "frames">;

/** The versions of a learner, and the one in use with its model. */
export class History {
  private constructor(
    private readonly archive: Archive,
    private readonly seed: number,
    private current: { version: Version; model: Model },
  ) {}

  /**
   * Goes on where an archive ended; an empty one begins with a model.
   * @param file what `model` was read from
   * @throws E_ARGUMENT where the archive began with another model
   */
  static async open(archive: Archive, file: Uint8Array, model: Model, seed: number): Promise<History> {
    const version = await archive.begin(file, model.info.tasks, seed);
    return new History(archive, seed, { version, model: version.id === 0 ? model : loadModel(await archive.model(version.id)) });
  }

  /** The version in use. */
  get version(): Version {
    return this.current.version;
  }

  /** Its model. */
  get model(): Model {
    return this.current.model;
  }

  /** All versions, oldest first. */
  versions(): Promise<Version[]> {
    return this.archive.versions();
  }

  /** The file of the version in use. */
  file(): Promise<Uint8Array> {
    return this.archive.model(this.version.id);
  }

  /** Makes a model the next version, child of the one in use, and takes it into use. */
  async record(model: Model, origin: Origin): Promise<Version> {
    const id = Math.max(...(await this.versions()).map((version) => version.id)) + 1;
    const { what, frames, steps } = origin;
    const learned = `version ${id}, ${what ?? "tasks"}, ${frames.length} frames, ${steps} steps, seed ${this.seed}`;
    const committed = { ...model, info: { ...model.info, notes: { ...model.info.notes, learned } } };
    const file = saveModel(committed);
    const version: Version = {
      id,
      parent: this.version.id,
      tasks: model.info.tasks,
      sha256: sha256(file),
      seed: this.seed,
      ...origin,
    };
    await this.archive.commit(version, file);
    this.current = { version, model: committed };
    return version;
  }

  /** Takes a version into use. @throws E_ARGUMENT where there is no such version */
  async use(id: number): Promise<Version> {
    const version = await this.archive.version(id);
    const model = loadModel(await this.archive.model(id));
    await this.archive.use(id);
    this.current = { version, model };
    return version;
  }
}
