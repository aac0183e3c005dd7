import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import { openPicture, type ReadImage } from "../data/picture.js";
import type { HeadMaps } from "../model/head.js";

// What a training makes sure of before its first step.

/** Finds one val picture that can be used, so that a training does not stop at its first measurement. @throws E_DATA where there is none of many */
export async function checkUsable(read: ReadImage, val: readonly Sample[]): Promise<void> {
  let fault: FourwayError | undefined;
  for (const sample of val) {
    const frame = await openPicture(read, sample);
    if (!(frame instanceof FourwayError)) return;
    fault ??= frame;
  }
  if (fault)
    throw new FourwayError(
      "E_DATA",
      `train: expected pictures of the val split that can be used, got none of ${val.length}; fix them, or leave them out: ${fault.message}`,
    );
}

/** Throws E_DATA where labels have another number of points than the network's heads. */
export function checkPoints(samples: readonly Sample[], tasks: readonly Task[], { layout: { points } }: HeadMaps): void {
  const count = points?.mirror.length;
  for (const { points: marked, source, image } of count === undefined ? [] : samples)
    for (const task of tasks)
      for (const each of marked?.[task] ?? [])
        if (each && each.length !== 2 * count!)
          throw new FourwayError(
            "E_DATA",
            `${source ?? image}: expected ${count} points of ${task}, as the heads have, got ${each.length / 2}; fix the label or train other heads`,
          );
}
