// The public API of "fourway/node", every name written out: images, data sets, training and reports as files.

export type { FalsePositive, Miss, Mistakes } from "../eval/mistakes.js";
export { type AnnotateOptions, annotate, type Colour, colourOf } from "../report/annotate.js";
export { fileStore } from "./fileStore.js";
export { readDatasets } from "./files.js";
export { readImage, writeImage } from "./image.js";
export { type Report, type Thumbnails, thumbnailer, writeReport } from "./report.js";
export { type FileTrainingOptions, trainFiles } from "./trainFiles.js";
