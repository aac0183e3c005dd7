import type { Experiment, Run } from "./frame.js";

// Rules that balance the tasks' losses, beside the one of Fourway's training. They live here, outside of it, and work through `taskWeights`.

type Rule = ReturnType<NonNullable<Run["rule"]>>;

/** Rate of the logarithms of variances, gradient descent. */
const UNCERTAINTY_RATE = 0.02;

/**
 * Each task's loss is divided by a variance that is learned with the weights: sum of e^-s L + s / 2, ds by gradient descent.
 * source: arXiv 1705.07115
 */
function uncertainty(tasks: number): Rule {
  const s = new Array<number>(tasks).fill(0);
  return {
    taskWeights(_, losses) {
      losses.forEach((weighted, t) => {
        s[t]! -= UNCERTAINTY_RATE * (0.5 - weighted); // weighted is e^-s L
      });
      return s.map((each) => Math.exp(-each));
    },
  };
}

const GRADNORM = { every: 10, rate: 0.025, power: 1.5 };

/**
 * Each task's weight follows the length of its gradient in the trunk, so that all tasks learn at a like pace: a task whose loss has fallen less than the others' gets a
 * longer gradient. The weights' sum stays.
 * source: arXiv 1711.02257
 */
function gradNorm(tasks: number): Rule {
  let weights = new Array<number>(tasks).fill(1);
  let first: number[] | undefined;
  let last: number[] = [];
  return {
    watchGradients: GRADNORM.every,
    onEvent(event) {
      if (event.kind === "step") {
        last = event.stepLosses.map((loss, t) => loss / weights[t]!);
        first ??= last;
      }
      if (event.kind !== "gradients" || !first) return;
      const pace = last.map((loss, t) => loss / Math.max(1e-6, first![t]!));
      const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / tasks;
      const lengths = event.lengths.map((length, t) => length * weights[t]!);
      const wanted = pace.map((own) => mean(lengths) * (own / mean(pace)) ** GRADNORM.power);
      const moved = weights.map((weight, t) => Math.max(0.05, weight - GRADNORM.rate * Math.sign(lengths[t]! - wanted[t]!)));
      weights = moved.map((weight) => weight / mean(moved));
    },
    taskWeights: () => weights,
  };
}

/** How the tasks' losses are balanced. */
export const balancing: Experiment = {
  name: "loss-balancing",
  title: "How the tasks' losses are balanced",
  description: "the present rule (for heads that look at the whole picture the plain sum) against uncertainty weighting and GradNorm",
  xLabel: "",
  reference: "present rule",
  runs: ({ tasks }) => {
    const own = { condition: "all labels", x: 0, tasks };
    return [
      { ...own, arm: "present rule", name: "present" },
      { ...own, arm: "uncertainty weighting", name: "uncertainty", rule: () => uncertainty(tasks.length) },
      { ...own, arm: "GradNorm", name: "gradnorm", rule: () => gradNorm(tasks.length) },
    ] satisfies Run[];
  },
};
