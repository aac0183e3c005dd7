import { FourwayError } from "../core/errors.js";
import { TASKS } from "../core/task.js";
import { PIXELS } from "../image/letterbox.js";
import { DEFAULT_PIXELS } from "../model/model.js";
import type { TrainingOptions } from "./session.js";

/** The highest learning rate that is taken. */
const MAX_RATE = 10;

/** The defaults of `TrainingOptions`. */
export const TRAINING_DEFAULTS = {
  tasks: TASKS,
  epochs: 24,
  batch: 32,
  rate: 4e-3,
  optimizer: "adamw",
  seed: 1,
  pixels: DEFAULT_PIXELS,
  valEvery: 4,
  watchGradients: 0,
} satisfies Partial<TrainingOptions>;

const bad = (expected: string, got: unknown): FourwayError =>
  new FourwayError("E_ARGUMENT", `train: expected ${expected}, got ${got}; give another value`);

type Settings = Required<Pick<TrainingOptions, keyof typeof TRAINING_DEFAULTS>> & { pixels: readonly number[] };

/** The settings of a training, with defaults for those that are not given. @throws E_ARGUMENT for one that is out of range */
export function withDefaults(given: Partial<TrainingOptions>, threads: number): Settings {
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<Settings>;
  const settings: Settings = { ...TRAINING_DEFAULTS, ...known, pixels: [known.pixels ?? TRAINING_DEFAULTS.pixels].flat() };
  const { tasks, epochs, batch, rate, seed, pixels, valEvery, watchGradients } = settings;
  const bounds = { epochs: 1, steps: 1, batch: 1, seed: 0, valEvery: 0, watchGradients: 0, threads: 1 };
  for (const [name, value] of Object.entries({ epochs, steps: given.steps ?? 1, batch, seed, valEvery, watchGradients, threads }))
    if (!Number.isSafeInteger(value) || value < bounds[name as keyof typeof bounds])
      throw bad(`${name} to be a whole number from ${bounds[name as keyof typeof bounds]}`, value);
  if (!(rate > 0 && rate <= MAX_RATE)) throw bad(`a rate in 0..${MAX_RATE}`, rate);
  const { least, mostTrained } = PIXELS;
  if (pixels.length === 0 || !pixels.every((count) => count >= least && count <= mostTrained))
    throw bad(`pixels in ${least}..${mostTrained}`, pixels.join(", "));
  if (tasks.length === 0 || new Set(tasks).size !== tasks.length) throw bad("tasks, each once", JSON.stringify(tasks));
  if (batch % threads)
    throw new FourwayError(
      "E_ARGUMENT",
      `train: expected batch to be a multiple of threads, got ${batch} and ${threads}; change one of them`,
    );
  return settings;
}
