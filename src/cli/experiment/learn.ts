import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { FourwayError } from "../../core/errors.js";
import { DEFAULT_OPERATING_POINT } from "../../core/operatingPoint.js";
import { Random } from "../../core/random.js";
import { sha256 } from "../../core/sha256.js";
import { spread } from "../../core/spread.js";
import type { Task } from "../../core/task.js";
import type { Sample } from "../../data/dataset.js";
import { scoresAt } from "../../eval/operatingPoints.js";
import { evaluate } from "../../eval/scores.js";
import { PARTS } from "../../learn/cut.js";
import { Learner } from "../../learn/index.js";
import { loadModel, type Model } from "../../model/model.js";
import { detectAll } from "../../node/evaluate.js";
import { ProgressLine } from "../../node/progress.js";
import { makeFolder, safeWrite } from "../../node/safeWrite.js";
import { readSamples, type SplitOptions, splitOption } from "../data.js";
import { INTERRUPTED, interruptible } from "../interrupt.js";
import { addSamples } from "../learn.js";
import { numberIn, several } from "../values.js";
import { keepSettings, keptResult } from "./kept.js";
import { type LearnRun, learnPlot, learnTable, type TaskFigures, type What } from "./learnResults.js";

/** Options of `fourway experiment learn`, as commander gives them. */
interface LearnExperimentOptions extends SplitOptions {
  sites: string[];
  data: string[];
  dataSplit: string;
  pictures: number;
  model?: string;
  frames: number[];
  what: What[];
  seeds: number;
  steps?: number;
  memory?: number;
  teacherLabels?: boolean;
  out: string;
}

/** A camera: frames to learn from, later ones to measure on, and what the model is worth there. */
interface Site {
  name: string;
  mine: Sample[];
  later: Sample[];
  /** Tasks that it teaches and measures. */
  taught: Task[];
  before: TaskFigures;
}

const WHATS: readonly What[] = ["thresholds", ...PARTS];
const whole = (least: number, most: number) => numberIn({ least, most, whole: true });

/** Adds `fourway experiment learn` to the experiments. */
export function addLearnExperiment(experiment: Command): void {
  experiment
    .command("learn")
    .description("teach a model some frames of each site: what that gains on the site's later frames, and what it forgets of other data")
    .requiredOption("--sites <dir...>", "sets, one a camera, each with frames to learn from and to measure on")
    .requiredOption("--data <dir...>", "sets to measure forgetting on")
    .requiredOption("--out <dir>", "folder for the runs, results.json, results.md and results.svg; the same command continues")
    .option("--model <file>", "int8 model to begin with (default: fourway-s)")
    .option("--frames <n...>", "how many to learn from; less where a site has less", several(whole(1, 10_000)), [1, 4, 16, 64])
    .addOption(new Option("--what <part...>", "what learns").choices(WHATS).default(["thresholds", "heads", "path", "all"]))
    .option("--seeds <n>", "runs of each: other frames, another order", whole(1, 100), 3)
    .option("--steps <n>", "how many steps to learn (default: the learner's)", whole(1, 100_000))
    .option(
      "--memory <mb>",
      "the learner's; where a part does not fit, a smaller one learns (default: the learner's)",
      numberIn({ least: 1, most: 4096 }),
    )
    .option("--pictures <n>", "of --data at most, evenly", whole(1, 1e6), 400)
    .addOption(splitOption("of --data", "val", "--data-split"))
    .addOption(splitOption("to learn from", "train"))
    .addOption(splitOption("to measure on", "val", "--val-split"))
    .option("--teacher-labels", "also measure against labels that a teacher gave; without it they are unknown")
    .action(async (options: LearnExperimentOptions) => {
      const line = new ProgressLine();
      const stopping = (): void => line.say("stopping; run the same command to continue");
      await interruptible((signal) => runLearnExperiment(options, line, signal), stopping).catch((error: Error) => {
        if (error.name !== "AbortError") throw error;
        process.exitCode = INTERRUPTED;
      });
    });
}

async function figuresOf(model: Model, samples: readonly Sample[], tasks: readonly Task[]): Promise<TaskFigures> {
  const answers = await detectAll(model, samples);
  const { tasks: scores } = evaluate(tasks, answers.samples, answers.found);
  const thresholds = model.info.thresholds[DEFAULT_OPERATING_POINT];
  return Object.fromEntries(
    scores.map(({ task, ap50 }) => [task, { ap50, f1: scoresAt(task, answers.samples, answers.found, thresholds[task]!).all?.f1 ?? null }]),
  );
}

/** fourway-s, which learns within the learner's usual memory. */
async function smallModel(): Promise<Uint8Array> {
  return (await import("../../generated/models/fourway-s.js")).default;
}

async function runLearnExperiment(options: LearnExperimentOptions, line: ProgressLine, signal: AbortSignal): Promise<void> {
  const { data, dataSplit, out, what, seeds, frames, split, valSplit, steps, memory, pictures, teacherLabels } = options;
  const file = options.model === undefined ? await smallModel() : await readFile(options.model);
  const model = loadModel(file);
  const { tasks } = model.info;
  await keepSettings(out, {
    data: data.map((each) => resolve(each)),
    model: sha256(file),
    splits: [dataSplit, split, valSplit],
    steps,
    memory,
    pictures,
    teacherLabels,
  });
  await makeFolder(join(out, "runs"));
  const fileOf = (end: string, ...name: (string | number)[]): string => join(out, "runs", `${name.join("-")}.${end}`);
  const say = (text: string): void => line.say(text);
  const of =
    (name: string) =>
    (sample: Sample): Sample[] =>
      sample.split === name ? [sample] : [];
  const world = spread(await readSamples({ data, tasks }, say, of(dataSplit)), pictures);
  if (world.length === 0)
    throw new FourwayError(
      "E_DATA",
      `experiment: expected labelled pictures in the ${dataSplit} split of --data, got none; choose one with --data-split`,
    );
  const dataBefore = await keptResult(fileOf("json", "data"), () => figuresOf(model, world, tasks));

  const sites: Site[] = [];
  for (const folder of options.sites) {
    const name = basename(resolve(folder));
    const asTrain = (sample: Sample): Sample[] => of(split)(sample).map((each) => ({ ...each, split: "train" }));
    const mine = await readSamples({ data: [folder], tasks }, say, asTrain);
    const later = await readSamples({ data: [folder], tasks, teacherLabels }, say, of(valSplit));
    if (mine.length === 0 || later.length === 0)
      throw new FourwayError(
        "E_DATA",
        `${folder}: expected labelled frames in the splits ${split} and ${valSplit}, got ${mine.length} and ${later.length}; give others, or --teacher-labels`,
      );
    const taught = tasks.filter(
      (task) => mine.some(({ labels }) => Array.isArray(labels[task])) && later.some(({ labels }) => Array.isArray(labels[task])),
    );
    sites.push({ name, mine, later, taught, before: await keptResult(fileOf("json", name), () => figuresOf(model, later, taught)) });
  }

  const runs: LearnRun[] = [];
  for (const site of sites)
    for (const count of new Set(frames.map((n) => Math.min(n, site.mine.length))))
      for (const part of what)
        for (let seed = 1; seed <= seeds; seed++) {
          signal.throwIfAborted();
          line.show(() => `${site.name}: ${count} frames, ${part}, seed ${seed}`);
          const name = [site.name, count, part, seed] as const;
          const run = await keptResult(fileOf("json", ...name), async (): Promise<Omit<LearnRun, "others">> => {
            const cpu = process.cpuUsage();
            const learner = await Learner.open(file, { seed, memoryBytes: memory && memory * 1e6 });
            try {
              await addSamples(learner, chosen(site.mine, count, seed), { sure: true, signal });
              const { refused, guard } = await learner.fit({ what: part, steps, signal });
              const { user, system } = process.cpuUsage(cpu);
              const plan = learner.explain(part === "thresholds" ? "heads" : part);
              if (refused.length === 0 || Object.values(guard).some(({ kept }) => kept)) await learner.commit();
              await safeWrite(fileOf("onnx", ...name), await learner.export());
              const [after, dataAfter] = [
                await figuresOf(learner.model, site.later, site.taught),
                await figuresOf(learner.model, world, tasks),
              ];
              const measured = { before: site.before, after, dataBefore, dataAfter, refused };
              const cost = { cpuSeconds: (user + system) / 1e6, wasmBytes: plan.wasm, totalBytes: plan.total, runtime: process.version };
              const planned = part === "thresholds" ? part : plan.what;
              return { site: site.name, frames: count, what: part, planned, seed, ...measured, ...cost };
            } finally {
              await learner.close();
            }
          });
          const others: LearnRun["others"] = {};
          for (const other of sites) {
            if (other === site || !other.taught.some((task) => site.taught.includes(task))) continue;
            others[other.name] = await keptResult(fileOf("json", ...name, "at", other.name), async () =>
              figuresOf(loadModel(await readFile(fileOf("onnx", ...name))), other.later, other.taught),
            );
          }
          runs.push({ ...run, others });
        }
  const text = learnTable(runs, tasks);
  await safeWrite(join(out, "results.json"), `${JSON.stringify({ runs }, null, 2)}\n`);
  await safeWrite(join(out, "results.md"), text);
  await safeWrite(join(out, "results.svg"), `${learnPlot(runs)}\n`);
  line.clear();
  console.log(text);
}

/** The frames of a seed: any of them, in their order. */
function chosen(samples: readonly Sample[], count: number, seed: number): Sample[] {
  const random = new Random(seed);
  const order = samples.map((sample, i) => ({ sample, i, key: random.uniform() })).sort((a, b) => a.key - b.key);
  return order
    .slice(0, count)
    .sort((a, b) => a.i - b.i)
    .map(({ sample }) => sample);
}
