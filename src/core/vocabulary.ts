import type { Task } from "./task.js";

/** From which scores on a COCO detector's boxes of a task are labels; see `TaskRule` of label/rules.ts. */
interface LabelScores {
  sure: number;
  doubt: number;
  both: number;
}

/** All that is said of a task by name. */
interface VocabularyEntry {
  task: Task;
  /** Whether the shipped models have a head for it. */
  shipped: boolean;
  /** Its id among COCO's categories as published, 1..90. */
  cocoId: number;
  /** Its number among COCO's 80 classes, counted from 0: what COCO detectors give. */
  cocoClass: number;
  /** Names of its category in third-party data sets, beside its own. */
  aliases: readonly string[];
  /** In which it is drawn: red, green and blue, 0..255. The eight differ on bright and dark grounds, and to most colour-blind people. */
  colour: readonly [number, number, number];
  /** Where they are not `DEFAULT_LABEL_SCORES`; chosen for NanoDet-Plus on street photos. */
  labelScores?: LabelScores;
  /** One teacher's boxes are never labels by themselves. */
  needsTwoTeachers?: boolean;
  /** It stands where it stands. */
  still?: boolean;
}

/** Scores of tasks for which none were chosen. */
export const DEFAULT_LABEL_SCORES: LabelScores = { sure: 0.45, doubt: 0.15, both: 0.15 };

/**
 * The tasks that Fourway knows by name. A model may look for others: they are read from native label files and from COCO categories of
 * the same name, but no COCO detector labels them.
 *
 * Stop signs: of 30 photos of round speed-limit signs NanoDet-Plus alone gave 11 a stop sign at 0.55, with scores up to 0.9; it and
 * YOLOX-nano with at least 0.2 both 9, with at least 0.75 both none; of 22 true ones that left 15.
 */
export const VOCABULARY: readonly VocabularyEntry[] = [
  {
    task: "pedestrian",
    shipped: true,
    cocoId: 1,
    cocoClass: 0,
    aliases: ["person", "persons", "people", "pedestrians"],
    colour: [255, 176, 0],
    labelScores: { sure: 0.42, doubt: 0.14, both: 0.14 },
  },
  {
    task: "car",
    shipped: true,
    cocoId: 3,
    cocoClass: 2,
    aliases: ["car_(automobile)", "cars"],
    colour: [64, 156, 255],
    labelScores: { sure: 0.42, doubt: 0.14, both: 0.14 },
  },
  {
    task: "stopSign",
    shipped: true,
    cocoId: 13,
    cocoClass: 11,
    aliases: ["stop sign", "stop signs"],
    colour: [255, 58, 94],
    labelScores: { sure: 0.55, doubt: 0.2, both: 0.75 },
    needsTwoTeachers: true,
    still: true,
  },
  {
    task: "trafficLight",
    shipped: true,
    cocoId: 10,
    cocoClass: 9,
    aliases: ["traffic light", "traffic lights"],
    colour: [46, 224, 110],
    labelScores: { sure: 0.38, doubt: 0.12, both: 0.12 },
    still: true,
  },
  { task: "bicycle", shipped: false, cocoId: 2, cocoClass: 1, aliases: ["bike"], colour: [190, 120, 255] },
  { task: "motorcycle", shipped: false, cocoId: 4, cocoClass: 3, aliases: ["motorbike"], colour: [0, 214, 214] },
  { task: "bus", shipped: false, cocoId: 6, cocoClass: 5, aliases: ["bus_(vehicle)"], colour: [255, 130, 190] },
  { task: "truck", shipped: false, cocoId: 8, cocoClass: 7, aliases: ["lorry"], colour: [214, 214, 64] },
];

/** A name without case, spaces and marks: as "Traffic_Light" and "traffic light" are the same. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

const BY_TASK: ReadonlyMap<string, VocabularyEntry> = new Map(VOCABULARY.map((entry) => [entry.task, entry]));
const BY_NAME: ReadonlyMap<string, VocabularyEntry> = new Map(
  VOCABULARY.flatMap((entry) => [entry.task, ...entry.aliases].map((name) => [plain(name), entry] as const)),
);

/** What is known of a task; undefined for one that only a model or a data set names. */
export function entryOfTask(task: Task): VocabularyEntry | undefined {
  return BY_TASK.get(task);
}

/** Which of `tasks` a category's name means ("person", "stop sign", "Traffic_Light", or a task's own name), or null. */
export function taskOfCategory(name: string, tasks: readonly Task[]): Task | null {
  if (tasks.includes(name)) return name;
  const wanted = plain(name);
  const task = BY_NAME.get(wanted)?.task ?? tasks.find((other) => plain(other) === wanted);
  return task !== undefined && tasks.includes(task) ? task : null;
}
