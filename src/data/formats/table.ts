import { coco } from "./coco.js";
import { csv } from "./csv.js";
import { folders } from "./folders.js";
import type { LabelFormat } from "./format.js";
import { native } from "./native.js";

/** The formats of labels. In a folder that has files of several the first one counts. */
export const LABEL_FORMATS: readonly LabelFormat[] = [native, coco, csv, folders];
