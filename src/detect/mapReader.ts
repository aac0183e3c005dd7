import type { DetectedObject } from "../core/detection.js";
import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Placement } from "../image/letterbox.js";
import { calibratedLogit, leastLogit } from "../model/calibration.js";
import type { ModelInfo } from "../model/model.js";
import { createCandidates, type HeadMap, locate, logitOf, pointsOf, selectCells, sigmoid } from "./decode.js";
import { MAX_OBJECTS, suppress, VOTING_SHARE } from "./nms.js";

/** What a network says of a frame. */
export interface FrameAnswer {
  /** For each task the probability that it is somewhere in the frame, calibrated. */
  presence: Record<Task, number>;
  /** Best first; boxes in frame pixels, within the frame. None from a model whose heads say presence alone. */
  objects: DetectedObject[];
}

/** Puts the heads' maps into words; keeps its room from frame to frame. */
export class MapReader {
  private readonly candidates = createCandidates();
  private readonly kept = new Int32Array(MAX_OBJECTS);

  constructor(private readonly info: Pick<ModelInfo, "tasks" | "scores" | "presence" | "layout">) {}

  /**
   * @param values the kernels' memory
   * @param maps a task's each, fine to coarse
   * @param placement of the frame in the input of a size
   * @param leastScore of the objects of a task
   * @throws E_MODEL where a task has no number at all
   */
  read(
    values: Float32Array,
    maps: readonly (readonly HeadMap[])[],
    placement: Placement,
    input: { width: number; height: number },
    leastScore: (task: Task) => number,
  ): FrameAnswer {
    const { tasks, scores, presence, layout } = this.info;
    const objects: DetectedObject[] = [];
    const toInput = (placement.width / placement.sourceWidth) * (placement.height / placement.sourceHeight); // areas
    const inputSide = Math.sqrt(input.width * input.height);
    const { candidates, kept } = this;
    const shares: [Task, number][] = [];
    for (let t = 0; t < tasks.length; t++) {
      const task = tasks[t]!;
      const least = logitOf(leastScore(task));
      const leastRaw = leastLogit(scores[task]!, least);
      const leastVoting = layout.box < 0 ? Number.POSITIVE_INFINITY : logitOf(VOTING_SHARE * sigmoid(leastRaw)); // without boxes no objects
      const largest = selectCells(candidates, values, maps[t]!, leastVoting);
      if (largest === Number.NEGATIVE_INFINITY)
        throw new FourwayError("E_MODEL", `detect: expected logits for "${task}", got no number at all; the model's weights are damaged`);
      shares.push([task, sigmoid(calibratedLogit(presence[task]!, largest, inputSide))]);
      locate(candidates, values, maps[t]!, placement);
      const count = suppress(kept, candidates, leastRaw);
      for (let k = 0; k < count; k++) {
        const at = 4 * kept[k]!;
        const [x, y] = [candidates.boxes[at]!, candidates.boxes[at + 1]!];
        const box = { x, y, width: candidates.boxes[at + 2]! - x, height: candidates.boxes[at + 3]! - y };
        const side = Math.sqrt(box.width * box.height * toInput);
        const logit = calibratedLogit(scores[task]!, candidates.logits[kept[k]!]!, side);
        if (logit < least) continue;
        const points = pointsOf(candidates, kept[k]!, values, maps[t]!, placement);
        insertByScore(objects, { task, score: sigmoid(logit), box, ...(points ? { points } : {}) });
      }
    }
    return { presence: Object.fromEntries(shares), objects };
  }
}

/** Behind all that are as sure. */
function insertByScore(objects: DetectedObject[], object: DetectedObject): void {
  let at = objects.push(object) - 1;
  for (; at > 0 && objects[at - 1]!.score < object.score; at--) objects[at] = objects[at - 1]!;
  objects[at] = object;
}
