// The public API of "fourway/train", every name written out: training in any runtime, in the calling thread.
//
//     import { Detector, drawScene, TASKS } from "fourway";
//     import { train } from "fourway/train";
//
//     const scenes = Array.from({ length: 64 }, (_, i) => drawScene(1, i));
//     const samples = scenes.map(({ frame: { width, height }, labels, ignore }, i) => ({
//       image: `${i}`, width, height, split: i % 8 ? "train" : "val", group: `${i}`, set: "drawn", labels, ignore,
//     }));
//     const { model, scores } = await train(samples, {
//       read: (image) => scenes[Number(image)].frame,
//       epochs: 4,
//       onEvent: (event) => event.kind === "step" && console.log(event.step, event.losses),
//     });
//     using detector = await Detector.load(model);
//
// In a page, run it in a Worker: a step takes a second or so. `trainFiles` of "fourway/node" uses worker threads and files.

export type { Batch } from "../data/batch.js";
export type { Example } from "../data/example.js";
export type { ReadImage } from "../data/picture.js";
export { AUXILIARY_WEIGHT, type Auxiliary } from "./auxiliary.js";
export { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.js";
export type { BatchSettings } from "./localBatches.js";
export type { Divisors } from "./loss.js";
export type { NetworkOptions } from "./network.js";
export type { OptimizerName, ParameterGroup } from "./optimizer.js";
export type { ReplicaOptions } from "./replica.js";
export {
  type Store,
  type TrainingEvent,
  type TrainingOptions,
  type TrainingResult,
  type TrainingWorkers,
  train,
} from "./session.js";
export { TRAINING_DEFAULTS } from "./settings.js";
export type { BatchSource, Progress, Replicas } from "./trainer.js";
export type { SliceLoss, StepOptions } from "./trainingStep.js";
export type { Update, WeightsOptions } from "./weights.js";
