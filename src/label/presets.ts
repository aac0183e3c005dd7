import { nanodetPlus } from "./nanodet.js";
import type { Teacher } from "./teacher.js";
import { yolox } from "./yolox.js";

/** Teachers that are known by name, or guessed from a model's inputs and outputs; the first that fits counts. */
export const PRESETS: readonly Teacher[] = [nanodetPlus, yolox];
