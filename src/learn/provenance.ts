import type { Task } from "../core/task.js";
import type { LearnSample } from "./sample.js";

// Labels are people's unless a teacher gave them. Both teach; people's decide.

/** Whose labels decided. */
export type LabelledBy = "people" | "teacher";

/** Whose a frame's labels of a task are. */
export function labelledBy({ from }: Pick<LearnSample, "from">, task: Task): LabelledBy {
  return from?.[task] === undefined ? "people" : "teacher";
}

/** Of frames (by their place in `samples`) that could measure a task those that do: people's where there are any. */
export function decisive(places: readonly number[], samples: readonly LearnSample[], task: Task): readonly number[] {
  const people = places.filter((i) => labelledBy(samples[i]!, task) === "people");
  return people.length > 0 ? people : places;
}
