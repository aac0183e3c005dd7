import type { Task } from "../../core/task.js";
import type { Label, Sample } from "../../data/dataset.js";
import { parseTasks } from "../values.js";
import type { Experiment, ExperimentOptions, Run } from "./frame.js";

// Auxiliary heads: questions that help the main task while it learns, and are thrown away afterwards. They are asked of what the boxes say already.

/** A question about the boxes of one task. */
interface Question {
  name: string;
  /** Whether it is so; null where the boxes do not tell. */
  isSo(label: Label, sample: Sample): boolean | null;
}

/** So many boxes are many. */
const MANY = 3;
/** An object of this share of the picture is large. */
const LARGE = 0.05;

const QUESTIONS: readonly Question[] = [
  { name: "many", isSo: (label) => (Array.isArray(label) ? label.length >= MANY : null) },
  {
    name: "large",
    isSo: (label, { width, height }) =>
      Array.isArray(label) ? label.some((box) => box.width * box.height >= LARGE * width * height) : null,
  },
];

const auxiliaryName = (task: Task, { name }: Question): Task => `${name}-${task}`;

/** The samples with a yes, no or ? for each auxiliary task. */
function withAnswers(samples: readonly Sample[], tasks: readonly Task[]): Sample[] {
  return samples.map((sample) => {
    const answers = tasks.flatMap((task) =>
      QUESTIONS.map((question): [Task, Label] => {
        const isSo = question.isSo(sample.labels[task] ?? null, sample);
        return [auxiliaryName(task, question), isSo === null ? null : isSo ? true : []];
      }),
    );
    return { ...sample, labels: { ...sample.labels, ...Object.fromEntries(answers) } };
  });
}

/** How much an auxiliary label counts beside one of the main task. */
const WEIGHT = 0.5;
/** Steps of a window, and by how much a task's mean loss must fall from one to the next to go on. */
const [WINDOW, LEAST_FALL] = [100, 0.02];

/**
 * Auxiliary tasks behind `main` tasks; each is stopped when its training loss stops falling: the first factor of task-wise early stopping. The second, the gap to a
 * validation loss, is left out.
 * source: arXiv 1408.3967
 */
function auxiliaryRule(main: number, tasks: number, stops: boolean): ReturnType<NonNullable<Run["rule"]>> {
  const weights: number[] = Array.from({ length: tasks }, (_, t) => (t < main ? 1 : WEIGHT));
  const sums = new Array<number>(tasks).fill(0);
  const before = new Array<number>(tasks).fill(Number.POSITIVE_INFINITY);
  return {
    taskWeights(step, losses) {
      losses.forEach((loss, t) => {
        sums[t]! += loss;
      });
      if (stops && step % WINDOW === 0)
        for (let t = main; t < tasks; t++) {
          if (sums[t]! > (1 - LEAST_FALL) * before[t]!) weights[t] = 0;
          before[t] = sums[t]!;
          sums[t] = 0;
        }
      return weights;
    },
  };
}

/** Options of `auxiliary`. */
interface AuxiliaryOptions extends ExperimentOptions {
  main: Task[];
}

/** A main task with, without, and with auxiliary heads that never stop. */
export const auxiliary: Experiment<AuxiliaryOptions> = {
  name: "auxiliary-heads",
  title: "A task with auxiliary heads",
  description:
    "a main task alone, and beside questions about the boxes (many? large?) that are thrown away afterwards, with and without stopping each in time",
  xLabel: "",
  reference: "without",
  addOptions: (command) => command.requiredOption("--main <task>", "the task that the auxiliary heads are to help", parseTasks),
  runs({ tasks, main }) {
    const asked = tasks.flatMap((task) => QUESTIONS.map((question) => auxiliaryName(task, question)));
    const own = { condition: "all labels", x: 0, scored: main };
    const all = [...main, ...asked];
    const take: Run["take"] = (samples) => withAnswers(samples, tasks);
    return [
      { ...own, arm: "without", name: "without", tasks: main, share: 1 },
      {
        ...own,
        arm: "never stopped",
        name: "never",
        tasks: all,
        take,
        share: 1,
        rule: () => auxiliaryRule(main.length, all.length, false),
      },
      {
        ...own,
        arm: "stopped in time",
        name: "stopped",
        tasks: all,
        take,
        share: 1,
        rule: () => auxiliaryRule(main.length, all.length, true),
      },
    ];
  },
};
