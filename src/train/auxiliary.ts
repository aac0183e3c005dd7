import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { Label, Sample } from "../data/dataset.js";

// Auxiliary heads: they answer questions that help the trunk while it learns, and are thrown away with the training's end.

/** The auxiliary heads of a training. */
export interface Auxiliary {
  /**
   * How much a label of each counts beside one of the network's tasks, above 0 and at most 10, by its name. `many-TASK` and `large-TASK` are answered by the
   * boxes of TASK where the labels do not name them: are there three or more, does one cover a twentieth of the picture? Any other name is a task of the labels.
   */
  weights: Readonly<Record<Task, number>>;
  /** Each is stopped when its loss stops falling; default true. */
  stop?: boolean;
}

/** What a label counts where nothing else is said. */
export const AUXILIARY_WEIGHT = 0.5;
const MAX_WEIGHT = 10;

/** So many boxes are many. */
const MANY = 3;
/** An object of this share of the picture is large. */
const LARGE = 0.05;

/** Questions about the boxes of a task, by what their names begin with. */
const QUESTIONS: Readonly<Record<string, (boxes: Exclude<Label, true | null>, sample: Sample) => boolean>> = {
  many: (boxes) => boxes.length >= MANY,
  large: (boxes, { width, height }) => boxes.some((box) => box.width * box.height >= LARGE * width * height),
};

/** The names of all questions about the boxes of these tasks. */
export function questionsAbout(tasks: readonly Task[]): Task[] {
  return tasks.flatMap((task) => Object.keys(QUESTIONS).map((question) => `${question}-${task}`));
}

/** The question of a name, and the task that it is about; null where it is none. */
function questionOf(name: Task): { question: string; about: Task } | null {
  const [, question, about] = /^([a-z]+)-(.+)$/.exec(name) ?? [];
  return question !== undefined && Object.hasOwn(QUESTIONS, question) ? { question, about: about! } : null;
}

/** The tasks whose labels a training reads for its auxiliary heads. */
export function labelsOf(auxiliary: Auxiliary | undefined): Task[] {
  return Object.keys(auxiliary?.weights ?? {}).flatMap((name) => [name, ...(questionOf(name) ? [questionOf(name)!.about] : [])]);
}

/** The samples with yes, no or ? for each of the names that is a question and that no sample answers itself. */
export function withAnswers(samples: readonly Sample[], names: readonly Task[]): readonly Sample[] {
  const asked = names.flatMap((name) => {
    const known = questionOf(name);
    return known && samples.every(({ labels }) => (labels[name] ?? null) === null) ? [{ name, ...known }] : [];
  });
  if (asked.length === 0) return samples;
  return samples.map((sample) => {
    const answers = asked.map(({ name, question, about }): [Task, Label] => {
      const label = sample.labels[about] ?? null;
      if (!Array.isArray(label)) return [name, null];
      return [name, QUESTIONS[question]!(label, sample) ? true : []];
    });
    return { ...sample, labels: { ...sample.labels, ...Object.fromEntries(answers) } };
  });
}

/** By how much a head's mean loss must fall from one window of steps to the next, or it is stopped. */
const LEAST_FALL = 0.02;
/** Windows of a training, and the fewest steps of one. */
const [WINDOWS, LEAST_WINDOW] = [20, 20];

/** The progress of each auxiliary head, as a checkpoint keeps it: sums of its losses in this window and the last, and whether it was stopped. */
type Progress = { sum: number; before: number | null; stopped: boolean }[];

/**
 * What the labels of each task count, step by step: of the auxiliary ones their weight, and nothing any more once their loss has stopped falling. This is the first factor
 * of task-wise early stopping; the second, the gap to a validation loss, is left out.
 * source: arXiv 1408.3967
 */
export class AuxiliaryHeads {
  /** The heads' names. */
  readonly names: readonly Task[];
  private readonly window: number;

  /** @throws E_ARGUMENT for one of the network's own tasks, or a weight out of range */
  constructor(
    private readonly auxiliary: Auxiliary = { weights: {} },
    private readonly tasks: readonly Task[],
    steps: number,
    /** Of a checkpoint. */
    readonly progress: Progress = Object.keys(auxiliary.weights).map(() => ({ sum: 0, before: null, stopped: false })),
  ) {
    this.names = Object.keys(auxiliary.weights);
    this.window = Math.max(LEAST_WINDOW, Math.round(steps / WINDOWS));
    const bad = (expected: string, got: unknown): FourwayError =>
      new FourwayError("E_ARGUMENT", `auxiliary: expected ${expected}, got ${got}; give another`);
    for (const [name, weight] of Object.entries(auxiliary.weights)) {
      if (tasks.includes(name)) throw bad(`tasks beside the network's own ${tasks.join(", ")}`, name);
      if (!(weight > 0 && weight <= MAX_WEIGHT)) throw bad(`a weight above 0, at most ${MAX_WEIGHT}, for ${name}`, weight);
    }
  }

  /** What a label of each task counts, the network's own first. */
  get factors(): number[] {
    return [...this.tasks.map(() => 1), ...this.names.map((name, i) => (this.progress[i]!.stopped ? 0 : this.auxiliary.weights[name]!))];
  }

  /** Takes the losses of a step, of all tasks. Returns the heads that are stopped by it. */
  observe(step: number, losses: readonly number[]): Task[] {
    if (this.auxiliary.stop === false) return [];
    return this.names.filter((_, i) => {
      const own = this.progress[i]!;
      own.sum += losses[this.tasks.length + i]!;
      if (own.stopped || step % this.window > 0) return false;
      own.stopped = own.before !== null && own.sum > (1 - LEAST_FALL) * own.before;
      own.before = own.sum;
      own.sum = 0;
      return own.stopped;
    });
  }
}
