import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import type { Found } from "./averagePrecision.js";

/** How well a task's points are found. */
export interface PointScores {
  /** Objects whose points are labelled. */
  objects: number;
  /** Of these, how many are found. */
  found: number;
  /** Of the points of those that are found, the mean distance from the label's, relative to the object (normalised mean error); null where none is. */
  error: number | null;
}

/**
 * Scores points. An object is found where the middle of its points lies in a box of the task; of several boxes the one with the highest score counts. Distances are
 * relative to the longer side of the box about the label's points, so that the object's box need not be labelled.
 * @returns null where no points are labelled
 */
export function scorePoints(task: Task, samples: readonly Sample[], found: readonly Found[]): PointScores | null {
  const errors: number[] = [];
  let objects = 0;
  samples.forEach(({ points }, i) => {
    for (const marked of points?.[task] ?? []) {
      if (!marked) continue;
      objects++;
      const [xs, ys] = [0, 1].map((axis) => marked.filter((_, k) => k % 2 === axis)) as [number[], number[]];
      const middle = (values: number[]): number => (Math.min(...values) + Math.max(...values)) / 2;
      const side = (values: number[]): number => Math.max(...values) - Math.min(...values);
      const [x, y] = [middle(xs), middle(ys)];
      const best = found[i]!.objects.filter(
        ({ task: other, box }) =>
          other === task && Math.abs(2 * (x - box.x) - box.width) <= box.width && Math.abs(2 * (y - box.y) - box.height) <= box.height,
      ).reduce<Found["objects"][number] | undefined>((most, object) => (most && most.score >= object.score ? most : object), undefined);
      if (best?.points?.length !== xs.length) continue;
      const distances = best.points.map((point, k) => Math.hypot(point.x - xs[k]!, point.y - ys[k]!));
      errors.push(distances.reduce((sum, distance) => sum + distance, 0) / xs.length / Math.max(side(xs), side(ys)));
    }
  });
  if (objects === 0) return null;
  return {
    objects,
    found: errors.length,
    error: errors.length === 0 ? null : errors.reduce((sum, error) => sum + error, 0) / errors.length,
  };
}
