import { realpath } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join, resolve, sep } from "node:path";
import type { Command } from "commander";
import { FourwayError } from "../core/errors.js";
import { TASKS, type Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import { formatNative } from "../data/formats/native.js";
import { describeFaults } from "../data/read.js";
import { fillSample, openTasks } from "../label/fill.js";
import { journalKey } from "../label/journal.js";
import { type RuleOf, type RuleTexts, readRules } from "../label/rules.js";
import { readDatasets } from "../node/files.js";
import { Journal, readPartials } from "../node/labelFiles.js";
import { lookAtAll } from "../node/labelLook.js";
import { ProgressLine } from "../node/progress.js";
import { checkWritable, makeFolder, safeWrite } from "../node/safeWrite.js";
import { openTeachers } from "../node/teachers.js";
import { DATA_FLAGS, splitOption } from "./data.js";
import { inputPixels, numberIn, parseTasks, several, tableLines } from "./values.js";

/** Options of `fourway label`, as commander gives them. */
interface LabelOptions extends RuleTexts {
  teacher: string[];
  preset?: string[];
  data: string[];
  out: string;
  tasks: Task[];
  split: string;
  pixels: number[];
  tiles: number;
  overlap: number;
  threads: number;
  limit?: number;
  labelled?: string[];
  strict?: boolean;
}

/** Adds `fourway label` to the program. */
export function addLabel(program: Command): void {
  program
    .command("label")
    .description(
      'fill the "?" of partly labelled sets with the detections of COCO detectors: confident boxes, absence, and ignored regions for the rest',
    )
    .requiredOption("--teacher <file...>", "a COCO detector in ONNX, or two that check each other (needs onnxruntime-web)")
    .requiredOption(...DATA_FLAGS.data)
    .requiredOption(
      "--out <dir>",
      "folder for the filled sets; they refer to the pictures where they are; their detections are kept in it too",
    )
    .option(
      "--preset <name...>",
      "input and output format of each teacher: nanodet-plus, yolox, or a module that exports a Teacher (default: guessed)",
    )
    .option(
      "--tasks <tasks>",
      "what to fill, comma separated, of what the teachers look for; sets are written with these and the shipped models' tasks",
      parseTasks,
      [...TASKS],
    )
    .addOption(splitOption("to fill", "train"))
    .option("--pixels <n...>", "of a teacher's input, about; one pass for each", several(inputPixels), [416 * 416])
    .option(
      "--tiles <n>",
      "also run on n x n overlapping tiles of each picture; 1: do not",
      numberIn({ least: 1, most: 8, whole: true }),
      1,
    )
    .option(
      "--sure <rule...>",
      "[set/]task=score from which a box is a label (pedestrian 0.42, car 0.42, stopSign 0.55, trafficLight 0.38)",
    )
    .option(
      "--doubt <rule...>",
      "[set/]task=score below which a box is dropped (pedestrian 0.14, car 0.14, stopSign 0.2, trafficLight 0.12)",
    )
    .option(
      "--agree <rule...>",
      "[set/]task whose boxes are labels only where two teachers see them, or none (default: all with two teachers, stopSign with one)",
    )
    .option("--leave <rule...>", "[set/]task that is not filled")
    .option(
      "--both <rule...>",
      "[set/]task=score that the less confident of two teachers must reach for that (the score of --doubt; stopSign 0.75)",
    )
    .option("--overlap <iou>", "from which boxes of two teachers are one object", numberIn({ least: 0.1, most: 1 }), 0.5)
    .option("--threads <n>", "of onnxruntime-web", numberIn({ least: 1, most: 64, whole: true }), Math.min(2, availableParallelism()))
    .option(
      "--limit <n>",
      "at most this many of the pictures that have a ?, spread evenly, for a trial; only they are written",
      numberIn({ least: 1, most: 1e9, whole: true }),
    )
    .option(...DATA_FLAGS.labelled, (text) => text.split(","))
    .option(...DATA_FLAGS.strict)
    .addHelpText(
      "after",
      `
What people labelled, and every split but the one of --split, is never changed. Labels that a teacher gave are marked ("from"): training weighs
them 0.7, eval skips them. Every COCO detector takes statues for people: use --leave pedestrian in sets of them.
Detections are kept in --out/detections.jsonl: the same command continues where it stopped, and other --sure, --doubt, --agree,
--both, --leave or --overlap make new labels without running the detectors again.`,
    )
    .action(runLabel);
}

async function runLabel(options: LabelOptions): Promise<void> {
  const line = new ProgressLine();
  const say = (text: string): void => line.say(text);
  const { tasks, split } = options;
  const { samples: all, faults } = await readDatasets(options.data, [...new Set([...TASKS, ...tasks])], { labelled: options.labelled });
  const partial = await readPartials(all, tasks);
  faults.push(...partial.faults);
  if (faults.length > 0) {
    const text = describeFaults(faults);
    if (options.strict)
      throw new FourwayError("E_DATA", `--strict: expected labels without faults, got ${faults.length}; fix them:\n${text}`);
    say(`${faults.length} faults in the labels, skipped:\n${text}`);
  }
  const sets = [...new Set(all.map(({ set }) => set))];
  const rules = readRules(options, tasks, sets, options.teacher.length);
  const isOpen = (sample: Sample): boolean => openTasks(sample, tasks, { rules, split }).length > 0;
  const open = all.filter(isOpen);
  const wanted = spread(open, options.limit ?? Number.POSITIVE_INFINITY);
  const samples = options.limit === undefined ? all : wanted;
  const others = all.filter((sample) => sample.split !== split).length;
  const few = wanted.length < open.length ? `, ${wanted.length} of them now` : "";
  say(`${open.length} of ${all.length} pictures have a ? to fill${few}; the ${others} of other splits than ${split} stay as they are`);

  await makeFolder(options.out);
  await refuseOverwriting(options.out, all);
  const journalPath = join(options.out, "detections.jsonl");
  await checkWritable(journalPath);
  for (const set of sets) {
    await makeFolder(join(options.out, set));
    await checkWritable(join(options.out, set, "labels.jsonl"));
  }
  const look = { pixels: options.pixels, tiles: options.tiles };
  const teachers = await openTeachers(options.teacher, options.preset ?? [], tasks, options.threads, look);
  const journal = await Journal.open(journalPath);
  try {
    const whole = await lookAtAll(teachers, journal, wanted, look, line, options.strict === true);
    if (!whole) return;
    const written = samples.map((sample) => {
      const seen = teachers.map(({ key, name }) => ({ teacher: name, objects: journal.seen.get(journalKey(resolve(sample.image), key)) }));
      const complete = seen.flatMap(({ teacher, objects }) => (objects ? [{ teacher, objects }] : []));
      if (complete.length < teachers.length || !isOpen(sample)) return sample;
      return fillSample(sample, tasks, complete, partial.boxes.get(sample.image) ?? {}, { rules, split, overlap: options.overlap });
    });
    await writeSets(options.out, written);
    for (const text of summary(samples, written, tasks, { rules, split })) console.log(text);
  } finally {
    await journal.close();
    for (const teacher of teachers) await teacher.close();
  }
}

/** Throws E_ARGUMENT where a set would be written over the one it is made from. */
async function refuseOverwriting(out: string, samples: readonly Sample[]): Promise<void> {
  const folder = await realpath(out);
  const read = new Map(samples.flatMap(({ set, source, image }) => [image, source ?? image].map((path) => [dirname(path), set])));
  for (const [from, set] of read)
    if (`${await realpath(from)}${sep}`.startsWith(`${join(folder, set)}${sep}`))
      throw new FourwayError(
        "E_ARGUMENT",
        `--out: expected a folder outside the data, got ${out}, which holds the set "${set}"; choose another`,
      );
}

/** At most this many of the list, spread evenly over it. */
function spread<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list];
  return Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)]!);
}

/** A labels.jsonl a set; pictures are named by their absolute path, so that the folder can be moved. */
async function writeSets(out: string, samples: readonly Sample[]): Promise<void> {
  for (const set of new Set(samples.map((sample) => sample.set))) {
    const folder = join(out, set);
    const named = samples.filter((sample) => sample.set === set).map((sample) => ({ ...sample, image: resolve(sample.image) }));
    await safeWrite(join(folder, "labels.jsonl"), formatNative(named, resolve(folder)));
  }
}

/** The labels of the split after filling, a row per task. */
function summary(
  before: readonly Sample[],
  after: readonly Sample[],
  tasks: readonly Task[],
  { rules, split }: { rules: RuleOf; split: string },
): string[] {
  const rows = tasks.map((task) => {
    const train = after.map((sample, i) => ({ sample, old: before[i]! })).filter(({ sample }) => sample.split === split);
    const filled = train.filter(({ sample }) => sample.from?.[task] !== undefined && Array.isArray(sample.labels[task]));
    const boxed = filled.filter(({ sample }) => (sample.labels[task] as unknown[]).length > 0);
    const count = (list: readonly { sample: Sample; old: Sample }[], kind: "labels" | "ignore"): number =>
      list.reduce((sum, { sample }) => sum + ((sample[kind][task] ?? []) as unknown[]).length, 0);
    const left = train.filter(({ sample }) => !Array.isArray(sample.labels[task] ?? null)).length;
    const clear = filled.filter(
      ({ sample }) => (sample.labels[task] as unknown[]).length === 0 && (sample.ignore[task] ?? []).length === 0,
    );
    return [
      task,
      train.length - filled.length - left,
      boxed.length,
      count(boxed, "labels"),
      clear.length,
      count(filled, "ignore"),
      left,
    ].map(String);
  });
  const open = before.filter((sample) => openTasks(sample, tasks, { rules, split }).length > 0).length;
  return [
    ...tableLines([["task", "by people", "with boxes", "boxes", "absent", "doubtful regions", "still ?"], ...rows], [1, 2, 3, 4, 5, 6]),
    `pictures of the ${split} split; "with boxes" to "doubtful regions" are the teachers'; ${open} had a ?`,
  ];
}
