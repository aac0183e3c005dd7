import { VOCABULARY } from "./vocabulary.js";

/** One of the things a network looks for. The shipped models know `TASKS`; a model's metadata names its own. */
export type Task = string;

/** The tasks of the shipped models, in the order of their heads. */
export const TASKS: readonly Task[] = VOCABULARY.filter(({ shipped }) => shipped).map(({ task }) => task);
