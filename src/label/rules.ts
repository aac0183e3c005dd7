import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import { DEFAULT_LABEL_SCORES, entryOfTask } from "../core/vocabulary.js";

/** How a teacher's boxes of one task become labels. */
export interface TaskRule {
  /** From this score on a box becomes a label. */
  sure: number;
  /** Below this score a box is dropped; between the two it is an ignored region. */
  doubt: number;
  /** A box becomes a label only where two teachers detect it; one that only one of them detects is doubtful, whatever its score. */
  agree: boolean;
  /** The score that the less confident of the two must reach for that. */
  both: number;
  /** This task is not filled. */
  leave: boolean;
}

/**
 * The rule of a task in a set.
 *
 * With two teachers every task needs their agreement by default, with one only stop signs do (whose boxes are then all doubtful:
 * such a teacher only labels absence).
 */
export type RuleOf = (set: string, task: Task) => TaskRule;

/** Rules as a user writes them; each entry is `task...` for all sets, or `set/task...` for one, which takes precedence. */
export interface RuleTexts {
  /** `[set/]task=score`. */
  sure?: readonly string[];
  doubt?: readonly string[];
  both?: readonly string[];
  /** `[set/]task`, in place of the default ones; `none` alone for no task. */
  agree?: readonly string[];
  leave?: readonly string[];
}

/**
 * The rules from a user's texts.
 * @param teachers how many there are
 * @throws E_ARGUMENT for another form, an unknown task, a score that is not in 0..1, or doubt that begins above sure
 */
export function readRules(texts: RuleTexts, tasks: readonly Task[], sets: readonly string[], teachers: number): RuleOf {
  const sure = readEntries("--sure", texts.sure ?? [], tasks, sets);
  const doubt = readEntries("--doubt", texts.doubt ?? [], tasks, sets);
  const both = readEntries("--both", texts.both ?? [], tasks, sets);
  const leave = readEntries("--leave", texts.leave ?? [], tasks, sets, true);
  const chosen = texts.agree?.join() === "none" ? [] : texts.agree;
  const agree = readEntries(
    "--agree",
    chosen ?? (teachers > 1 ? tasks : tasks.filter((task) => entryOfTask(task)?.needsTwoTeachers)),
    tasks,
    sets,
    true,
  );
  const rules = new Map<string, TaskRule>();
  for (const set of sets)
    for (const task of tasks) {
      const of = (entries: ReadonlyMap<string, number>): number | undefined => entries.get(`${set}/${task}`) ?? entries.get(task);
      const scores = entryOfTask(task)?.labelScores ?? DEFAULT_LABEL_SCORES;
      const least = of(sure) ?? scores.sure;
      const rule = {
        sure: least,
        doubt: of(doubt) ?? Math.min(scores.doubt, least),
        both: of(both) ?? scores.both,
        agree: of(agree) !== undefined,
        leave: of(leave) !== undefined,
      };
      if (rule.doubt > rule.sure)
        throw new FourwayError(
          "E_ARGUMENT",
          `--doubt: expected at most the score of --sure for ${set}/${task}, got ${rule.doubt} over ${rule.sure}; lower it, or raise --sure`,
        );
      rules.set(`${set}/${task}`, rule);
    }
  return (set, task) => rules.get(`${set}/${task}`)!;
}

function readEntries(
  option: string,
  texts: readonly string[],
  tasks: readonly Task[],
  sets: readonly string[],
  plain = false,
): Map<string, number> {
  const entries = new Map<string, number>();
  for (const text of texts) {
    const [, set, task, score] = /^(?:(.+)\/)?([^/=]+?)(?:=(.+))?$/.exec(text) ?? [];
    const value = plain ? 1 : Number(score ?? Number.NaN);
    const wrong =
      task === undefined || !tasks.includes(task) || (set !== undefined && !sets.includes(set)) || plain === (score !== undefined);
    if (wrong || !(value >= 0 && value <= 1))
      throw new FourwayError(
        "E_ARGUMENT",
        `${option}: expected [set/]task${plain ? "" : "=score"} with a task out of ${tasks.join(", ")}${plain ? "" : ", a score in 0..1"} and a set that is there, got "${text}"; fix it`,
      );
    entries.set(set === undefined ? task! : `${set}/${task}`, value);
  }
  return entries;
}
