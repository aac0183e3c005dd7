// The public API of "fourway/learn", every name written out: a model that goes on learning where it stands, in any runtime.
//
//     import { Detector } from "fourway";
//     import { Learner } from "fourway/learn";
//
//     const learner = await Learner.open();
//     for (const { frame, boxes } of labelled) await learner.add(frame, { car: boxes });
//     await learner.fit();
//     console.log(await learner.evaluate());
//     await learner.commit();
//     await detector.use(learner.model);

export type { AdaptOptions, AdaptReport, CameraFrames } from "./adapt.js";
export type { Part } from "./cut.js";
export type { Evaluation, TaskEvaluation, TaskFigures } from "./evaluation.js";
export type { GuardResult } from "./guard.js";
export { Learner } from "./learner.js";
export type { MemoryPlan } from "./memoryPlan.js";
export { memoryStore } from "./memoryStore.js";
export { opfsStore } from "./opfsStore.js";
export type { Added, AddOptions, AddTaskOptions, FitOptions, FitReport, LearnerOptions } from "./options.js";
export type { LabelledBy } from "./provenance.js";
export type { Question } from "./questions.js";
export type { FrameLabels, FramePoints, LearnSample, PartialLabel } from "./sample.js";
export type { StoreOptions } from "./slotStore.js";
export type { LearnStore } from "./store.js";
export type { Version } from "./versions.js";
