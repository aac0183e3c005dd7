import { basename, dirname } from "node:path";
import { type Command, Option } from "commander";
import type { Box } from "../core/box.js";
import { FourwayError } from "../core/errors.js";
import type { Sample } from "../data/dataset.js";
import { openPicture } from "../data/picture.js";
import { PARTS } from "../learn/cut.js";
import { type Evaluation, type FitOptions, type FitReport, Learner } from "../learn/index.js";
import { Archive } from "../learn/versions.js";
import { readViewFrame } from "../node/evaluate.js";
import { fileStore } from "../node/fileStore.js";
import { type Asked, FIGURE_HEADS, figureCells, writeLearnReport } from "../node/learnReport.js";
import { ProgressLine } from "../node/progress.js";
import { checkWritable, makeFolder, safeWrite } from "../node/safeWrite.js";
import { type Lesson, learnFromTeacher, measured, type OpenLearner } from "./adapt.js";
import { DATA_FLAGS, type DataOptions, readSamples, splitOption } from "./data.js";
import { INTERRUPTED, interruptible } from "./interrupt.js";
import { numberIn, tableLines, trainingPixels } from "./values.js";

/** Options of `fourway learn`, as commander gives them. */
interface LearnOptions extends Omit<DataOptions, "data"> {
  store: string;
  data?: string[];
  /** A folder, a .y4m file or "-", in place of data. */
  adapt?: string;
  teacher?: string;
  model?: string;
  split: string;
  what: FitOptions["what"];
  seconds?: number;
  steps?: number;
  memory?: number;
  pixels?: number;
  seed: number;
  sure?: boolean;
  out?: string;
  report?: string;
  json?: string | true;
}

const whole = (least: number, most: number) => numberIn({ least, most, whole: true });

/** Adds `fourway learn` to the program. */
export function addLearn(program: Command): void {
  program
    .command("learn")
    .description("teach an int8 model a camera's own labelled frames, in a folder that keeps frames and versions")
    .requiredOption("--store <dir>", "folder of frames and versions; made where it is missing, else learning goes on in it")
    .option(...DATA_FLAGS.data)
    .addOption(
      new Option(
        "--adapt <frames>",
        "learn without labels what a larger model is sure of in a camera's frames: a folder of pictures, a .y4m file, or - for Y4M on stdin",
      ).conflicts(["data", "split", "sure"]),
    )
    .option("--teacher <file>", "the larger model for --adapt, or the same at more pixels (default: the shipped one)")
    .option("--model <file>", "int8 model to begin with (default: the shipped one; a store goes on with its own)")
    .addOption(splitOption("to learn from", "train"))
    .addOption(new Option("--what <part>", "what learns, from little to much").choices(["thresholds", ...PARTS]).default("path"))
    .option("--seconds <n>", "about how long to learn (default: 200 steps)", numberIn({ least: 0.1, most: 86_400 }))
    .addOption(new Option("--steps <n>", "how many steps to learn").argParser(whole(1, 100_000)).conflicts("seconds"))
    .option(
      "--memory <mb>",
      "for the kernels' memory and cached features; less learns less (default: 16)",
      numberIn({ least: 1, most: 4096 }),
    )
    .option("--pixels <n>", "of the input to learn at, about (default: the model's)", trainingPixels)
    .option("--seed <n>", "the same seed and frames give the same weights", whole(0, 1e9), 1)
    .option("--sure", "learn labels that contradict what the model is sure of; without it they are reported and left out")
    .option("--out <file>", "write the version in use afterwards, an int8 ONNX")
    .option("--report <file>", "an HTML page: figures and pictures before and after, what was refused and why")
    .option("--json [file]", "the same figures as JSON, on stdout or into a file")
    .option(...DATA_FLAGS.labelled, (text) => text.split(","))
    .option(...DATA_FLAGS.strict)
    .action(async (options: LearnOptions) => {
      if (!(await runLearn(options))) process.exitCode = INTERRUPTED;
    });
}

/** A frame that was added, where it came from, and what its labels contradict. */
interface AddedFrame extends Asked {
  id: string;
}

/** Opens the learner of a store: one that has a model goes on with it. */
async function openLearner({ store: dir, model, memory, pixels, seed }: LearnOptions, say: (text: string) => void): Promise<OpenLearner> {
  const store = await fileStore(dir, { onNotice: say });
  try {
    const archive = new Archive(store);
    const own = model === undefined && (await archive.head()) ? await archive.model(0) : model;
    const learner = await Learner.open(own, { store, memoryBytes: memory && memory * 1e6, pixels, seed, onNotice: say });
    return { learner, archive };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** A box of a label's picture in pixels of the frame, or back. */
const scaled = ({ x, y, width, height }: Box, unitX: number, unitY: number): Box => ({
  x: x * unitX,
  y: y * unitY,
  width: width * unitX,
  height: height * unitY,
});

/** How `addSamples` adds. */
interface AddSamplesOptions {
  /** Labels are right even where they contradict the model. */
  sure?: boolean;
  signal: AbortSignal;
  onFrame?: (done: number) => void;
  /** Called for each picture that cannot be used, which is then left out; without it such a picture is an error. */
  onFault?: (fault: string) => void;
}

/**
 * Adds labelled pictures to a learner; those that are there already are not added twice.
 * @returns what was added, and of it what contradicts the model and waits for `sure`
 */
export async function addSamples(
  learner: Learner,
  samples: readonly Sample[],
  { sure, signal, onFrame, onFault }: AddSamplesOptions,
): Promise<{ added: AddedFrame[]; asked: Asked[] }> {
  const added: AddedFrame[] = [];
  for (const [i, sample] of samples.entries()) {
    signal.throwIfAborted();
    onFrame?.(i);
    const frame = await openPicture(readViewFrame, sample);
    if (frame instanceof FourwayError) {
      if (!onFault) throw frame;
      onFault(frame.message);
      continue;
    }
    const [x, y] = [frame.width / sample.width, frame.height / sample.height];
    const inFrame = (boxes: readonly Box[]): Box[] => boxes.map((box) => scaled(box, x, y));
    const known = learner.tasks.filter((task) => (sample.labels[task] ?? null) !== null);
    const labels = known.map((task) => [task, sample.labels[task] === true ? true : inFrame(sample.labels[task] as Box[])] as const);
    const ignore = known.map((task) => [task, inFrame(sample.ignore[task] ?? [])] as const);
    const points = learner.model.info.layout.points ? known.filter((task) => sample.points?.[task]) : [];
    const marked = points.map((task) => [
      task,
      sample.points![task]!.map((each) => each?.map((v, i) => v * (i % 2 === 0 ? x : y)) ?? null),
    ]);
    const { id, questions } = await learner.add(frame, Object.fromEntries(labels), {
      ignore: Object.fromEntries(ignore),
      points: Object.fromEntries(marked),
      sure,
    });
    added.push({ sample, id, questions: questions.map((question) => ({ ...question, box: scaled(question.box, 1 / x, 1 / y) })) });
  }
  const waiting = new Set(learner.frames.filter(({ asked }) => asked.length > 0).map(({ id }) => id));
  const asked = added.filter(({ id }) => waiting.has(id));
  if (!sure) return { added, asked };
  for (const { id } of asked) await learner.confirm(id); // an earlier call added them without being sure
  return { added, asked: [] };
}

/** Adds frames, learns, measures and commits; says what it does. @returns false where Ctrl-C stopped it, and nothing is committed */
async function runLearn(options: LearnOptions): Promise<boolean> {
  const line = new ProgressLine();
  for (const path of [options.out, options.report, options.json])
    if (typeof path === "string") {
      await makeFolder(dirname(path));
      await checkWritable(path);
    }
  const open = await openLearner(options, (text) => line.say(text));
  const { learner } = open;
  try {
    return await interruptible(
      (signal) => learnAndCommit(open, options, line, signal),
      () => line.say("stopping; press again to stop at once"),
    );
  } catch (error) {
    if ((error as Error).name !== "AbortError") throw error;
    line.say(
      `stopped: nothing was committed, version ${learner.version.id} stays in use; ${learner.frames.length} frames are kept in ${options.store}`,
    );
    return false;
  } finally {
    await learner.close();
  }
}

/** How to learn, by the options; shows each step. */
function fitOptions({ what, seconds, steps }: LearnOptions, line: ProgressLine, signal: AbortSignal): FitOptions {
  const onProgress: FitOptions["onProgress"] = ({ step, steps, loss }) =>
    line.show(() => `step ${step} of ${steps}  loss ${loss.toFixed(3)}`);
  return { what, seconds, steps, signal, onProgress };
}

/** Learns from labelled frames. @throws E_DATA where there are none */
async function learnFromLabels({ learner }: OpenLearner, options: LearnOptions, line: ProgressLine, signal: AbortSignal): Promise<Lesson> {
  const { what, split, data } = options;
  if (!data) throw new FourwayError("E_ARGUMENT", "learn: expected --data or --adapt, got neither; give labelled frames, or a camera's");
  const ofSplit = (sample: Sample): Sample[] => (sample.split === split ? [{ ...sample, split: "train" }] : []);
  const samples = await readSamples({ ...options, data, tasks: learner.tasks }, (text) => line.say(text), ofSplit);
  if (samples.length === 0)
    throw new FourwayError(
      "E_DATA",
      `learn: expected labelled frames in the ${split} split, got none; choose one with --split, or give other --data`,
    );
  const { added, asked } = await addSamples(learner, samples, {
    sure: options.sure,
    signal,
    onFrame: (done) => line.show(() => `adding: ${done} of ${samples.length} frames`),
    onFault: options.strict ? undefined : (fault) => line.skipped(fault),
  });
  const contradictions = asked.reduce((sum, { questions }) => sum + questions.length, 0);
  if (asked.length > 0)
    line.say(
      `${asked.length} frames have labels that contradict what the model is sure of (${contradictions} detections); these tasks are not learned from them: look at --report, and repeat with --sure if the labels are right`,
    );
  if (what !== "thresholds") line.say(learner.explain(what).text);
  const fit = await learner.fit(fitOptions(options, line, signal));
  const frames = measured(learner, added).map(({ sample: { image } }) => ({
    name: basename(image),
    read: () => readViewFrame(image),
  }));
  return { fit, asked, frames };
}

async function learnAndCommit(open: OpenLearner, options: LearnOptions, line: ProgressLine, signal: AbortSignal): Promise<true> {
  const { learner } = open;
  const from = learner.model;
  const cpu = process.cpuUsage();
  const { adapt, teacher, strict } = options;
  const lesson =
    adapt === undefined
      ? await learnFromLabels(open, options, line, signal)
      : await learnFromTeacher(open, { source: adapt, teacher, strict, fit: fitOptions(options, line, signal) }, line);
  const { fit, asked, frames, adapted } = lesson;
  const { user, system } = process.cpuUsage(cpu);
  const cpuSeconds = (user + system) / 1e6;
  const evaluation = await learner.evaluate();
  signal.throwIfAborted();
  const taught = Object.keys(fit.guard);
  const nothing = taught.length > 0 && fit.refused.length === taught.length;
  if (nothing) learner.discard();
  else await learner.commit();
  const { version } = learner;
  const outcome = nothing
    ? `nothing was committed: no task got better; version ${version.id} stays in use`
    : `version ${version.id} is in use`;
  line.clear();
  const result = {
    version: version.id,
    committed: !nothing,
    what: fit.what,
    steps: fit.steps,
    cpuSeconds,
    refused: fit.refused,
    guard: fit.guard,
    evaluation,
    ...(adapted && { looked: adapted.looked, added: adapted.added.length, adapted: adapted.tasks }),
  };
  const json = JSON.stringify(result, null, 2);
  if (options.json === true) console.log(json);
  else {
    console.log([...figureLines(learner, evaluation, fit), "", outcome].join("\n"));
    if (options.json !== undefined) await safeWrite(options.json, `${json}\n`);
  }
  if (options.out !== undefined) await safeWrite(options.out, await learner.export());
  if (options.report !== undefined) {
    const facts = {
      ...factsOf(learner, fit, cpuSeconds, outcome),
      ...(adapted && { "frames looked at": adapted.looked, "labelled by a teacher": adapted.added.length }),
    };
    const title = `Learned: ${basename(options.store)}`;
    await writeLearnReport(options.report, {
      title,
      facts,
      tasks: learner.tasks,
      evaluation,
      fit,
      asked,
      before: from,
      after: learner.model,
      frames,
    });
    line.say(`report: ${options.report}`);
  }
  return true;
}

/** A task a line: figures before and after, and what the guard said. */
function figureLines(learner: Learner, evaluation: Evaluation, fit: FitReport): string[] {
  const measured = learner.tasks.filter((task) => evaluation[task]);
  const rows = measured.map((task) => [task, ...figureCells(task, evaluation[task]!, fit)]);
  return tableLines([["task", ...FIGURE_HEADS], ...rows], [1, 2, 3, 4, 5, 6, 9, 10, 11, 12]);
}

/** Facts for the head of the report. */
function factsOf({ version, frames }: Learner, fit: FitReport, cpuSeconds: number, outcome: string): Record<string, string | number> {
  return {
    outcome,
    learned: `${fit.what}, ${fit.steps} steps, seed ${version.seed}`,
    frames: frames.length,
    "CPU seconds": cpuSeconds.toFixed(1),
    parent: version.parent ?? "none",
    sha256: version.sha256,
  };
}
